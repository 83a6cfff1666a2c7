//! Asking a service over HTTP whether it works.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::{Health, HealthCheck};
use tokio::net::TcpStream;

use crate::mask::Mask;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of an answer is read, in bytes.
const LONGEST: usize = 16 << 10;

/// How much of what a failing service says is passed on, in characters.
const SHOWN: usize = 300;

/// Asks once.
pub async fn ask(check: &HealthCheck) -> Health {
    match tokio::time::timeout(PATIENCE, get(check)).await {
        Ok(Ok((status, body))) if status.is_success() => Health::Working { version: version(&body) },
        Ok(Ok((status, body))) => {
            let said = readable(&Mask::of_guest().text(&String::from_utf8_lossy(&body)));
            Health::Failing(format!("{} {said}", status.as_u16()).trim().to_owned())
        }
        Ok(Err(why)) => Health::Silent(why),
        Err(_) => Health::Silent(format!("{} gave no answer within {} s", check.host, PATIENCE.as_secs())),
    }
}

async fn get(check: &HealthCheck) -> Result<(StatusCode, Bytes), String> {
    let failed = |error: &dyn std::error::Error| format!("{}: {error}", check.host);
    let stream = TcpStream::connect(&check.host).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let request = Request::get(&check.path)
        .header("host", &check.host)
        .header("user-agent", "distctl-agent")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        // An answer that is longer is no less an answer.
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        Ok((status, body.map(|body| body.to_bytes()).unwrap_or_default()))
    };
    tokio::select! {
        answer = answer => answer,
        // It ends with the answer, or because there will be none.
        Err(error) = connection => Err(failed(&error)),
    }
}

fn version(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("version")?.as_str()?.to_owned())
}

/// What a service said, in one line.
fn readable(body: &str) -> String {
    body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with `answer`, and then nothing more.
    async fn service(answer: &'static str) -> HealthCheck {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /health HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        HealthCheck { host, path: "/health".into() }
    }

    #[tokio::test]
    async fn a_service_that_works_may_say_its_version() {
        let check = service("HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"version\":\"1.2\"}").await;
        assert_eq!(ask(&check).await, Health::Working { version: Some("1.2".into()) });
        let check = service("HTTP/1.0 204 No Content\r\n\r\n").await;
        assert_eq!(ask(&check).await, Health::Working { version: None });
    }

    #[tokio::test]
    async fn a_service_that_fails_says_why() {
        let check = service("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 12\r\n\r\nDB3 is\n away").await;
        assert_eq!(ask(&check).await, Health::Failing("503 DB3 is away".into()));
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_or_says_nothing_is_silent() {
        let check = service("").await;
        assert!(matches!(ask(&check).await, Health::Silent(_)));
        assert!(matches!(ask(&check).await, Health::Silent(why) if why.contains("refused")));
    }
}
