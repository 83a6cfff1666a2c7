//! Taking requests over HTTP/1.1 until told to stop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::body;

/// How many connections may be open at once. Others wait in the kernel's queue. It leaves a quarter of the 1024 file
/// descriptors that systemd gives a service for all else.
const CONNECTIONS: usize = 768;

/// How long the head of a request may take, counted from when the one before was answered: also how long a connection
/// may be idle. Clients that keep connections should give them up before.
const HEAD: Duration = Duration::from_secs(5);

/// How large the head of a request may be, in bytes.
const HEAD_SIZE: usize = 32 << 10;

/// How long a client may take none of what it is sent.
const STALLED: Duration = Duration::from_secs(15);

/// How long requests in flight have to finish once the service is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, for want of file descriptors for instance.
const BREATH: Duration = Duration::from_millis(100);

/// An address that is listened at.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Begins to listen. Connections wait until [`serve`](Self::serve).
    ///
    /// # Errors
    /// If the address is taken or not the machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// The address, with the port that was found for port 0.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves until `stop` is there, then lets requests in flight finish.
    pub async fn serve(self, app: Router, stop: impl Future<Output = ()>) {
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let open = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some((stream, peer, permit)) = self.accept(&free) => {
                    tokio::spawn(connection(stream, peer, app.clone(), open.watcher(), permit));
                }
            }
        }
        // New connections are refused from here, so that whoever is in front goes elsewhere.
        drop(self.0);
        tracing::info!(connections = open.count(), "stopping");
        if tokio::time::timeout(DRAIN, open.shutdown()).await.is_err() {
            tracing::warn!("requests in flight took too long and were cut off");
        }
    }

    async fn accept(&self, free: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(free).acquire_owned().await.ok()?;
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, permit)),
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::error!(error = %error, "can't accept a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

/// Listens at an address until SIGTERM or SIGINT, then lets requests in flight finish.
///
/// `ready` is called with the address once connections are taken. Handlers find the client's address as
/// `ConnectInfo<SocketAddr>`.
///
/// # Errors
/// If the address can't be listened at, or signals can't be received.
pub async fn listen(app: Router, address: SocketAddr, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = Listener::bind(address).await?;
    ready(listener.address()?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    listener.serve(app, stop).await;
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: Router, open: Watcher, _permit: OwnedSemaphorePermit) {
    // Either only makes things faster or end earlier; a connection without them works.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(STALLED));
    let service = service_fn(move |request: Request<Incoming>| answer(app.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = open.watch(connection).await {
        tracing::debug!(peer = %peer, error = %error, "connection broke");
    }
}

async fn answer(app: Router, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(body::timed);
    request.extensions_mut().insert(ConnectInfo(peer));
    app.oneshot(request).await
}

/// Whether only one client's connection failed, before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
