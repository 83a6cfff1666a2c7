//! What is passed on to auth-server, so that it can stay inside the network.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;

use super::client::Call;
use super::{AuthServer, Away, Said};

/// How long an answer may take: a log-in hashes a password, and others may be before it.
const ANSWERING: Duration = Duration::from_secs(10);

/// Says who the client is that a request is passed on for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

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
        self.pass_on(client, self.client.call(Method::POST, &["auth", "login"]).json(body)).await
    }

    /// Registers a user: `username`, `email` and `password` in JSON.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn register(&self, client: IpAddr, body: &Value) -> Result<Answer, Away> {
        self.pass_on(client, self.client.call(Method::POST, &["auth", "register"]).json(body)).await
    }

    /// Lists users, for an administrator's token; `query` as the client wrote it.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn users(&self, client: IpAddr, token: &str, query: Option<&str>) -> Result<Answer, Away> {
        self.pass_on(client, self.client.call(Method::GET, &["users"]).query(query).bearer(token)).await
    }

    /// Deletes a user, for an administrator's token.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn delete_user(&self, client: IpAddr, token: &str, username: &str) -> Result<Answer, Away> {
        self.pass_on(client, self.client.call(Method::DELETE, &["users", username]).bearer(token)).await
    }

    async fn pass_on(&self, client: IpAddr, call: Call) -> Result<Answer, Away> {
        let call = call.header(FORWARDED_FOR, &client.to_string());
        let answer = self.client.send(call, ANSWERING).await?;
        let status = answer.status;
        // Its own troubles are nothing that a client could act on.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(status = status.as_u16(), "auth-server failed");
            return Err(Away);
        }
        let headers =
            [CONTENT_TYPE, RETRY_AFTER].into_iter().filter_map(|name| passed(&answer.headers, name)).collect();
        Ok(Answer { status, body: answer.body, headers })
    }
}

fn passed(headers: &HeaderMap, name: HeaderName) -> Option<(HeaderName, HeaderValue)> {
    headers.get(&name).cloned().map(|value| (name, value))
}
