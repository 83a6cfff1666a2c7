//! Answers in the daemon's envelope.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer before it is an HTTP response.
#[derive(Debug)]
pub enum Answer {
    /// A result, with the version of the object.
    Sync(Value, Option<String>),
    /// An operation by its id.
    Async(String, Value),
    /// An error.
    Error(u16, String),
    /// An error in an answer of status 200, as `/wait` gives it up to 6.0.4.
    LateError(u16, String),
    /// Bytes with headers.
    Raw(Vec<u8>, Vec<(&'static str, String)>),
}

impl Answer {
    /// Gives a result.
    pub fn of(value: Value) -> Self {
        Self::Sync(value, None)
    }

    /// Gives the empty success.
    pub fn empty() -> Self {
        Self::Sync(json!({}), None)
    }

    /// Gives an object and its version.
    pub fn versioned(value: Value) -> Self {
        let etag = etag(&value);
        Self::Sync(value, Some(etag))
    }

    /// Makes an error.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self::Error(status, message.into())
    }

    /// Makes the HTTP response.
    pub fn response(self) -> Response<Body> {
        let builder = Response::builder().header("content-type", "application/json");
        let envelope = |kind: &str, operation: &str, code: u16, error: &str, metadata: Value| {
            Body::from(
                json!({"type": kind, "status": "", "status_code": 200, "operation": operation, "error_code": code,
                    "error": error, "metadata": metadata})
                .to_string(),
            )
        };
        let response = match self {
            Self::Sync(value, None) => builder.body(envelope("sync", "", 0, "", value)),
            Self::Sync(value, Some(etag)) => builder.header("etag", etag).body(envelope("sync", "", 0, "", value)),
            Self::Async(id, operation) => {
                let url = format!("/1.0/operations/{id}");
                builder.status(StatusCode::ACCEPTED).body(envelope("async", &url, 0, "", operation))
            }
            Self::Error(status, message) => {
                builder.status(status).body(envelope("error", "", status, &message, Value::Null))
            }
            Self::LateError(code, message) => builder.body(envelope("error", "", code, &message, Value::Null)),
            Self::Raw(bytes, headers) => {
                let raw = Response::builder().header("content-type", "application/octet-stream");
                headers.into_iter().fold(raw, |raw, (name, value)| raw.header(name, value)).body(Body::from(bytes))
            }
        };
        response.unwrap()
    }
}

/// Makes the version of an object.
pub fn etag(value: &Value) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Cuts a response in half: the length is promised, the bytes are not sent.
pub async fn cut(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert("content-length", bytes.len().max(2).into());
    let half = bytes.slice(..bytes.len() / 2);
    let pieces = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut on demand"))]);
    Response::from_parts(parts, Body::from_stream(pieces))
}
