//! Opening a websocket: a request that becomes a connection of its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Method, StatusCode, Upgraded};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Client;
use super::call::Call;
use super::error::Error;
use super::transport::Answer;

/// How long the daemon may take to open a socket. It gives up on a command whose sockets are not all there after 5 s.
const OPEN: Duration = Duration::from_secs(15);

/// A websocket.
pub(super) type WebSocket = WebSocketStream<ReadToTheEnd>;

impl Client {
    /// Opens a websocket.
    pub(super) async fn websocket(&self, path: String) -> Result<WebSocket, Error> {
        let call = Call::new(Method::GET, path).within(OPEN);
        let key = generate_key();
        // No time limit of reqwest's own: it would end the connection as well. And no Origin: 7.0.1 refuses foreign ones.
        let request = self
            .transport()
            .request(Method::GET, call.path())
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let opened = tokio::time::timeout(OPEN, request.send()).await;
        let response = opened.map_err(|_| call.timed_out())?.map_err(|error| self.transport().broken(&call, error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.refusal(&call, response).await);
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted.is_none_or(|value| value.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(call.transport("the answer does not open a websocket"));
        }
        let connection = response.upgrade().await.map_err(|error| self.transport().broken(&call, error))?;
        Ok(WebSocketStream::from_raw_socket(ReadToTheEnd(connection), Role::Client, None).await)
    }

    async fn refusal(&self, call: &Call, response: reqwest::Response) -> Error {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return self.transport().broken(call, error),
        };
        match (Answer { status, headers, body }).open(call) {
            Err(error) => error,
            Ok(_) => call.transport(format!("a websocket was asked for, and the answer is {status}")),
        }
    }
}

/// A connection whose writes never fail, so that all that came before its end is read.
///
/// The daemon hangs up as soon as a command has ended. A ping that is read after that can't be answered; to the
/// websocket library that failure would be the end, although the command's output is still to be read. The end of a
/// connection shows when it is read.
#[derive(Debug)]
pub(super) struct ReadToTheEnd(Upgraded);

impl AsyncRead for ReadToTheEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ReadToTheEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(cx, bytes);
        written.map(|result| Ok(result.unwrap_or(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx).map(|_| Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx).map(|_| Ok(()))
    }
}
