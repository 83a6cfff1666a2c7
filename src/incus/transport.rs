//! The wire: HTTP/1.1 over a unix socket or TLS, with the retries that are safe.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Method, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::call::{Call, Tries};
use super::error::{self, Error};
use super::tls;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a daemon is.
#[derive(Debug)]
pub(super) enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// `https://host:port`, with the configuration of its TLS.
    Https(String, Box<rustls::ClientConfig>),
}

/// How many requests were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// GET and HEAD, the opening of websockets included.
    pub reads: u64,
    /// All others. Starting a command in an instance is one, whatever the command does.
    pub writes: u64,
}

/// A connection pool to one daemon.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    base: String,
    address: String,
    reads: AtomicU64,
    writes: AtomicU64,
    date: AtomicI64,
    slots: Semaphore,
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// The whole body.
    pub(super) body: Bytes,
}

impl Transport {
    /// Makes a pool; connects nothing yet. `parallel` is how many writes may be in flight at once, at least one.
    pub(super) fn new(endpoint: Endpoint, parallel: usize) -> Result<Self, Error> {
        let builder = reqwest::Client::builder()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        let (builder, base, address) = match endpoint {
            Endpoint::Unix(path) => {
                let address = format!("unix://{}", path.display());
                // No pool: it keeps connections that were opened and then not needed. Incus (6.0.4) reads the first bytes
                // of a connection to its socket before it accepts the next one, so a silent one stops the daemon for all.
                let builder = builder.no_proxy().unix_socket(path).pool_max_idle_per_host(0);
                let builder = builder.tls_backend_preconfigured(tls::none()?);
                (builder, "http://incus".to_owned(), address)
            }
            Endpoint::Https(url, config) => {
                let builder = builder
                    .tcp_keepalive(Duration::from_secs(15))
                    .tcp_user_timeout(Duration::from_secs(60))
                    .tls_backend_preconfigured(*config);
                (builder, url.clone(), url)
            }
        };
        let http = builder.build().map_err(|error| Error::NotThere {
            address: address.clone(),
            cause: error::root(&error),
            hint: "check the address of the remote".into(),
        })?;
        let slots = Semaphore::new(parallel.max(1));
        Ok(Self { http, base, address, reads: 0.into(), writes: 0.into(), date: i64::MIN.into(), slots })
    }

    /// Gives the address for messages.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Counts the requests so far.
    pub(super) fn requests(&self) -> RequestCount {
        RequestCount { reads: self.reads.load(Ordering::Relaxed), writes: self.writes.load(Ordering::Relaxed) }
    }

    /// Gives the server's clock as its last answer told it.
    pub(super) fn date(&self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_second(self.date.load(Ordering::Relaxed)).ok()
    }

    /// Waits for one of the slots that bound the writes in flight.
    ///
    /// A slot is held for one call and the wait for its operation, never while another slot is asked for, so slots
    /// can't block each other.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Begins a request that the caller sends by itself, and counts it.
    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let read = method == Method::GET || method == Method::HEAD;
        let counter = if read { &self.reads } else { &self.writes };
        counter.fetch_add(1, Ordering::Relaxed);
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a call and reads the whole answer, whatever its status.
    ///
    /// Repeats what is safe to repeat: a read whose connection broke (three tries), and any call that was not looked
    /// at, because the connection was refused or the daemon said that it is starting (for 15 s).
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut tries = Tries::default();
        loop {
            let result = self.once(call).await;
            let Some(pause) = tries.pause(call, &result) else {
                return result;
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, call: &Call) -> Result<Answer, Error> {
        let request = self.request(call.method(), call.path());
        self.finish(call, call.dress(request)).await
    }

    /// Sends a prepared request and reads the whole answer.
    pub(super) async fn finish(&self, call: &Call, request: reqwest::RequestBuilder) -> Result<Answer, Error> {
        let response = request.send().await.map_err(|error| self.broken(call, error))?;
        self.read(call, response).await
    }

    /// Reads the whole of an answer.
    pub(super) async fn read(&self, call: &Call, response: reqwest::Response) -> Result<Answer, Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        self.note_date(&headers);
        let body = response.bytes().await.map_err(|error| self.broken(call, error))?;
        Ok(Answer { status, headers, body })
    }

    fn note_date(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        if let Some(date) = date.and_then(|text| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()) {
            self.date.store(date.as_second(), Ordering::Relaxed);
        }
    }

    /// Turns what reqwest says into what the caller can use.
    pub(super) fn broken(&self, call: &Call, source: reqwest::Error) -> Error {
        let source = source.without_url();
        if let Some(rustls::Error::InvalidCertificate(why)) = error::cause::<rustls::Error>(&source) {
            return Error::Certificate { address: self.address.clone(), cause: certificate(why) };
        }
        if source.is_connect() {
            return self.not_there(&source);
        }
        if source.is_timeout() {
            return call.timed_out();
        }
        call.transport(source)
    }

    fn not_there(&self, source: &reqwest::Error) -> Error {
        use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
        let kind = error::cause::<std::io::Error>(source).map(std::io::Error::kind);
        let local = self.address.starts_with("unix:");
        let hint = match kind {
            Some(NotFound) if local => {
                "install Incus, or say where it is with INCUS_SOCKET, INCUS_DIR or --remote; `make up` starts a private one"
            }
            Some(ConnectionRefused) if local => {
                "start the daemon: `systemctl start incus`, or `lab/lab start` for the lab"
            }
            Some(PermissionDenied) => "join the group incus-admin and log in again, or run as root",
            _ => "check the address and that the server has `core.https_address` set, or name another with --remote",
        };
        Error::NotThere { address: self.address.clone(), cause: error::root(source), hint: hint.into() }
    }
}

fn certificate(why: &rustls::CertificateError) -> String {
    match why {
        rustls::CertificateError::ApplicationVerificationFailure => {
            "it is not the one that was stored when the remote was added".into()
        }
        other => other.to_string(),
    }
}
