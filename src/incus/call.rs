//! One call: what is sent, and whether it may be sent again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use reqwest::{Method, RequestBuilder, StatusCode};

use super::error::Error;
use super::transport::Answer;

/// How long a call waits for a daemon that refuses connections or says that it is starting: it is being restarted.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often a read is tried whose connection broke.
const READ_TRIES: u32 = 3;

/// A call without its answer.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    body: Option<Bytes>,
    if_match: Option<String>,
    timeout: Duration,
    patience: Duration,
}

impl Call {
    /// Begins a call of a path with its query, both encoded.
    pub(super) fn new(method: Method, path: String) -> Self {
        let read = method == Method::GET || method == Method::HEAD;
        let timeout = Duration::from_secs(if read { 30 } else { 180 });
        Self { method, path, body: None, if_match: None, timeout, patience: PATIENCE }
    }

    /// Adds a JSON body.
    pub(super) fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(body.to_string().into());
        self
    }

    /// Makes the call fail if the object is no longer the one that was read.
    pub(super) fn if_match(mut self, etag: Option<&str>) -> Self {
        self.if_match = etag.map(str::to_owned);
        self
    }

    /// Sets how long the answer may take.
    pub(super) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Gives up at once where no daemon answers.
    pub(super) fn impatient(mut self) -> Self {
        self.patience = Duration::ZERO;
        self
    }

    /// Puts headers, body and time limit into a request.
    pub(super) fn dress(&self, request: RequestBuilder) -> RequestBuilder {
        let mut request = request.timeout(self.timeout);
        if let Some(etag) = &self.if_match {
            request = request.header(IF_MATCH, etag);
        }
        match &self.body {
            None => request,
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
        }
    }

    /// Gives the HTTP method.
    pub(super) fn method(&self) -> Method {
        self.method.clone()
    }

    /// Gives the path with its query.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Says that the connection broke.
    pub(super) fn transport(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let (method, path) = self.name();
        Error::Transport { method, path, source: source.into() }
    }

    /// Says that no answer came in time.
    pub(super) fn timed_out(&self) -> Error {
        let (method, path) = self.name();
        Error::TimedOut { method, path, after: self.timeout }
    }

    /// Says that the answer can't be read.
    pub(super) fn unreadable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let (method, path) = self.name();
        Error::Decode { method, path, source: source.into() }
    }

    /// Names the call in errors; without the query, which may hold secrets.
    pub(super) fn name(&self) -> (String, String) {
        (self.method.to_string(), bare(&self.path))
    }
}

/// Cuts the query off a path.
pub(super) fn bare(path: &str) -> String {
    path.split('?').next().unwrap_or_default().to_owned()
}

/// What has been tried for one call.
#[derive(Debug, Default)]
pub(super) struct Tries {
    first: Option<Instant>,
    broken: u32,
    pauses: u32,
}

impl Tries {
    /// Tells how long to pause before the next try; `None` where there is none.
    pub(super) fn pause(&mut self, call: &Call, result: &Result<Answer, Error>) -> Option<Duration> {
        let first = *self.first.get_or_insert_with(Instant::now);
        let again = match result {
            Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => false,
            Ok(_) | Err(Error::NotThere { .. }) => first.elapsed() < call.patience,
            Err(Error::Transport { .. }) => {
                self.broken += 1;
                (call.method == Method::GET || call.method == Method::HEAD) && self.broken < READ_TRIES
            }
            Err(_) => false,
        };
        self.pauses += 1;
        again.then(|| Duration::from_millis(50 << self.pauses.min(5)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_are_repeated_on_a_broken_connection() {
        let broken = || Err(Error::Transport { method: String::new(), path: String::new(), source: "cut".into() });
        for (method, expected) in [(Method::GET, 2), (Method::HEAD, 2), (Method::POST, 0), (Method::DELETE, 0)] {
            let mut tries = Tries::default();
            let call = Call::new(method, "/1.0".into());
            let pauses = std::iter::from_fn(|| tries.pause(&call, &broken())).take(9).count();
            assert_eq!(pauses, expected, "{}", call.method);
        }
    }

    #[test]
    fn the_query_is_not_part_of_a_name() {
        let call = Call::new(Method::GET, "/1.0/operations/x/websocket?secret=abc".into());
        assert_eq!(call.name().1, "/1.0/operations/x/websocket");
    }
}
