//! HTTP to auth-server, over connections that are kept.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::time::timeout;
use url::{Position, Url};

use super::Away;

/// How long until auth-server counts as away when it takes no connection.
const CONNECTING: Duration = Duration::from_secs(1);

/// How long connections are kept: less than the 5 s after which auth-server ends idle ones.
const KEEPING: Duration = Duration::from_secs(4);

/// How many connections are kept.
const KEPT: usize = 16;

/// The largest answer that is read, in bytes: a list of some ten thousand users.
const LARGEST: usize = 4 << 20;

/// Connections to auth-server.
#[derive(Debug)]
pub(super) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: Url,
}

/// A request in the making.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Client {
    /// Makes no connection yet.
    pub(super) fn new(base: Url) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECTING));
        connector.set_nodelay(true);
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new()).pool_idle_timeout(KEEPING).pool_max_idle_per_host(KEPT);
        Self { pool: pool.build(connector), base }
    }

    /// Begins a request; each part of the path is escaped, whatever a client put into it.
    pub(super) fn call(&self, method: Method, path: &[&str]) -> Call {
        let mut url = self.base.clone();
        // Only URLs without host have no path, and the configuration takes none of those.
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        Call { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Sends a request and reads the answer; the log says what was wrong, without the path that a client may have written.
    pub(super) async fn send(&self, call: Call, patience: Duration) -> Result<Answered, Away> {
        let outcome = match timeout(patience, self.exchange(call)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {patience:?}")),
        };
        outcome.map_err(|cause| {
            tracing::warn!(cause, "auth-server away");
            Away
        })
    }

    async fn exchange(&self, call: Call) -> Result<Answered, String> {
        let host = HeaderValue::try_from(&call.url[Position::BeforeHost..Position::AfterPort]);
        let mut request = Request::builder().method(call.method).uri(call.url.as_str());
        if let Some(headers) = request.headers_mut() {
            *headers = call.headers;
            headers.extend(host.ok().map(|host| (HOST, host)));
        }
        let request = request.body(Full::new(call.body)).map_err(|error| error.to_string())?;
        let answer = self.pool.request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answered { status: head.status, headers: head.headers, body })
    }
}

impl Call {
    /// With the token of whoever asks.
    pub(super) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// With one more header; one that can't be sent is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }

    /// With a query, as the client wrote it.
    pub(super) fn query(mut self, query: Option<&str>) -> Self {
        self.url.set_query(query);
        self
    }

    /// With a body in JSON.
    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.header(CONTENT_TYPE, "application/json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        let client = Client::new(Url::parse("http://127.0.0.1:5000/").unwrap());
        let call = client.call(Method::DELETE, &["users", "../a?b"]);
        assert_eq!(call.url.as_str(), "http://127.0.0.1:5000/users/..%2Fa%3Fb");
    }
}
