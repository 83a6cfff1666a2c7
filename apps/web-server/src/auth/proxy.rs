//! What is passed on to auth-server, so that it can stay inside the network.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use super::{AuthServer, Said};

/// The largest answer that is passed on, in bytes: a list of some ten thousand users.
const LARGEST: usize = 4 << 20;

/// auth-server can't be reached, or answers with nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// What auth-server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Answer {
    /// The `message` in its body, or nothing.
    pub fn message(&self) -> String {
        serde_json::from_slice::<Said>(&self.body).unwrap_or_default().message
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers, Body::from(self.body)).into_response()
    }
}

impl AuthServer {
    /// Logs in: `username` and `password` in JSON.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn log_in(&self, client: IpAddr, body: &Value) -> Result<Answer, Away> {
        self.pass_on(self.to(Method::POST, self.url(&["auth", "login"]), client).json(body)).await
    }

    /// Registers a user: `username`, `email` and `password` in JSON.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn register(&self, client: IpAddr, body: &Value) -> Result<Answer, Away> {
        self.pass_on(self.to(Method::POST, self.url(&["auth", "register"]), client).json(body)).await
    }

    /// Lists users, for an administrator's token; `query` as the client wrote it.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn users(&self, client: IpAddr, token: &str, query: Option<&str>) -> Result<Answer, Away> {
        let mut url = self.url(&["users"]);
        url.set_query(query);
        self.pass_on(self.to(Method::GET, url, client).bearer_auth(token)).await
    }

    /// Deletes a user, for an administrator's token.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn delete_user(&self, client: IpAddr, token: &str, username: &str) -> Result<Answer, Away> {
        self.pass_on(self.to(Method::DELETE, self.url(&["users", username]), client).bearer_auth(token)).await
    }

    fn to(&self, method: Method, url: Url, client: IpAddr) -> RequestBuilder {
        self.client.request(method, url).header("x-forwarded-for", client.to_string())
    }

    async fn pass_on(&self, request: RequestBuilder) -> Result<Answer, Away> {
        let away = |error: reqwest::Error| {
            // Without its URL, which holds what a client wrote.
            tracing::warn!(cause = %error.without_url(), "auth-server away");
            Away
        };
        let mut response = request.send().await.map_err(away)?;
        let status = response.status();
        // A proxy's own troubles are nothing that a client could act on.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(status = status.as_u16(), "auth-server failed");
            return Err(Away);
        }
        let mut headers = HeaderMap::new();
        for name in [CONTENT_TYPE, RETRY_AFTER] {
            headers.extend(passed(response.headers(), name));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                tracing::error!("auth-server's answer is too large");
                return Err(Away);
            }
        }
        Ok(Answer { status, body: body.freeze(), headers })
    }
}

fn passed(headers: &HeaderMap, name: HeaderName) -> Option<(HeaderName, HeaderValue)> {
    headers.get(&name).cloned().map(|value| (name, value))
}
