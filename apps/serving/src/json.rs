//! Bodies in JSON.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::Refusal;
use crate::body::{self, Unread};

/// The body of a request, read as JSON. Whatever is wrong with it is 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        // Read first, whatever it claims to be: a client that still sends would not see the refusal.
        let bytes = body::read(body).await.map_err(|unread| match unread {
            Unread::TooLarge => Refusal::bad_request("El cuerpo supera el máximo de 64 KiB"),
            Unread::BrokeOff => Refusal::bad_request("El cuerpo no llegó completo"),
        })?;
        if !is_json(&parts.headers) {
            return Err(Refusal::bad_request("El cuerpo debe ser JSON, con Content-Type: application/json"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Refusal::bad_request(if error.is_data() {
                "El cuerpo no tiene la forma esperada"
            } else {
                "El cuerpo no es JSON válido"
            })
        })
    }
}

/// Whether the content type is `application/json`, or one that is JSON as well (`application/problem+json`).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::{Map, Value};

    use super::*;

    async fn read(kind: &str, body: impl Into<Body>) -> Result<Json<Map<String, Value>>, Refusal> {
        let request = Request::builder().header(CONTENT_TYPE, kind).body(body.into()).unwrap();
        Json::from_request(request, &()).await
    }

    #[tokio::test]
    async fn reads_json_by_its_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert_eq!(read(kind, r#"{"a": 1}"#).await.unwrap().0["a"], 1);
        }
    }

    #[tokio::test]
    async fn refuses_the_rest_with_400() {
        let large = format!(r#"{{"a": "{}"}}"#, "x".repeat(crate::BODY_LIMIT));
        let deep = "[".repeat(10_000);
        let cases = [
            ("text/plain", r#"{"a": 1}"#, "El cuerpo debe ser JSON, con Content-Type: application/json"),
            ("", r#"{"a": 1}"#, "El cuerpo debe ser JSON, con Content-Type: application/json"),
            ("application/json", "", "El cuerpo no es JSON válido"),
            ("application/json", r#"{"a": 1"#, "El cuerpo no es JSON válido"),
            ("application/json", r#"{"a": 1} {}"#, "El cuerpo no es JSON válido"),
            ("application/json", &deep, "El cuerpo no tiene la forma esperada"),
            ("application/json", "[]", "El cuerpo no tiene la forma esperada"),
            ("application/json", "\"x\"", "El cuerpo no tiene la forma esperada"),
            ("application/json", &large, "El cuerpo supera el máximo de 64 KiB"),
        ];
        for (kind, body, message) in cases {
            let refusal = read(kind, body.to_owned()).await.unwrap_err();
            assert_eq!((refusal.status().as_u16(), refusal.message()), (400, message), "{kind}");
        }
        assert_eq!(read("application/json", vec![b'"', 0xff, b'"']).await.unwrap_err().status(), 400);
    }
}
