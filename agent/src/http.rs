//! Speaking HTTP to services: one connection, one request at a time, JSON both ways.

use std::fmt;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// How much of an answer is read, in bytes.
const LONGEST: usize = 16 << 20;

/// A service, spoken to over a connection that is kept.
#[derive(Debug)]
pub struct Http {
    host: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What a service answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What it says to people, or its beginning.
    pub fn message(&self) -> String {
        match self.json()["message"].as_str() {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&self.body).chars().take(200).collect(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// Nobody was reached: nothing was sent.
    Refused(String),
    /// The connection broke: what was sent may have been received.
    Broken(String),
}

impl Error {
    /// Whether surely nothing was sent.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Http {
    /// One that will connect to `address:port`.
    pub fn to(host: &str) -> Self {
        Self { host: host.to_owned(), sender: None }
    }

    /// Gives the connection up: an answer that is still to come must not be taken for that of the next request.
    pub fn forget(&mut self) {
        self.sender = None;
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("user-agent", "distctl-agent");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).map_err(|error| Error::Refused(error.to_string()))?;
        let mut sender = self.connection().await?;
        let broken = |error: hyper::Error| Error::Broken(error.to_string());
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| Error::Broken(error.to_string()))?.to_bytes();
        self.sender = Some(sender);
        Ok(Answer { status, body })
    }

    /// The connection, taken out: one that breaks is not used again.
    async fn connection(&mut self) -> Result<SendRequest<Full<Bytes>>, Error> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let refused = |error: &dyn fmt::Display| Error::Refused(format!("{}: {error}", self.host));
        let stream = TcpStream::connect(&self.host).await.map_err(|error| refused(&error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| refused(&error))?;
        // It ends with the last of its requests.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}
