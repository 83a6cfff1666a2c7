//! The streams of a command: frames in, frames out.
//!
//! The daemon ends a stream with one empty text frame and then cuts the connection without a close frame, so an end of
//! any kind is an end, and one without the empty frame means that something is missing. It pings every ten seconds;
//! reading a socket answers.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::upgrade::WebSocket;

/// The largest frame sent, in bytes.
const FRAME: usize = 64 * 1024;

/// What a command writes, in pieces of any size, until it ends. The default is one that has ended.
#[derive(Debug, Default)]
pub struct Output {
    socket: Option<SplitStream<WebSocket>>,
    /// Dropped at the end: a terminal's socket has to be closed by this side.
    hang_up: Option<oneshot::Sender<()>>,
    /// Keeps a pipe's socket open after the end of the output: the daemon takes its closing for a client that has gone,
    /// and kills the command, which may still have something to do.
    open: Option<Task>,
    cut: bool,
}

impl Output {
    pub(super) fn new(socket: SplitStream<WebSocket>, hang_up: Option<oneshot::Sender<()>>) -> Self {
        Self { socket: Some(socket), hang_up, open: None, cut: false }
    }

    /// Tells whether the connection broke before the command's output was complete.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

impl Stream for Output {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while let Some(socket) = &mut self.socket {
            match ready!(socket.poll_next_unpin(context)) {
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(Some(bytes)),
                Some(Ok(Message::Text(text))) if !text.is_empty() => return Poll::Ready(Some(text.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Text(_))) if self.hang_up.is_none() => {
                    self.open = self.socket.take().map(|socket| Task::spawn(drain(socket)));
                }
                Some(Ok(Message::Text(_) | Message::Close(_))) => {}
                None | Some(Err(_)) => self.cut = true,
            }
            self.socket = None;
            self.hang_up = None;
        }
        Poll::Ready(None)
    }
}

/// What is to be read by a command. Dropping it, or all its clones, is the end of the command's input.
#[derive(Debug, Clone)]
pub struct Input {
    frames: mpsc::Sender<Bytes>,
}

impl Input {
    pub(super) fn new(frames: mpsc::Sender<Bytes>) -> Self {
        Self { frames }
    }

    /// Sends bytes; tells whether the command still takes any.
    pub async fn send(&self, mut bytes: Bytes) -> bool {
        while !bytes.is_empty() {
            let frame = bytes.split_to(bytes.len().min(FRAME));
            if self.frames.send(frame).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(super) struct Task<T = ()>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Waits for its result; `None` where it was ended or panicked.
    pub(super) async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Carries input to a pipe's socket until the senders are gone, and then says that it ended.
///
/// A command that has ended may have closed the socket already; nothing is lost then.
pub(super) async fn feed(socket: WebSocket, mut frames: mpsc::Receiver<Bytes>) {
    let (mut sink, stream) = socket.split();
    let write = async {
        while let Some(frame) = frames.recv().await {
            sink.send(Message::Binary(frame)).await?;
        }
        sink.send(Message::Text(Utf8Bytes::default())).await
    };
    let (write, read) = (pin!(write), pin!(drain(stream)));
    if let Either::Left((_, read)) = select(write, read).await {
        read.await;
    }
}

/// Carries input to a terminal's socket until its output has ended, and then hangs up: the command's operation does
/// not end before that.
pub(super) async fn feed_terminal(
    mut sink: SplitSink<WebSocket, Message>,
    mut frames: mpsc::Receiver<Bytes>,
    ended: oneshot::Receiver<()>,
) {
    let write = async {
        while let Some(frame) = frames.recv().await {
            if sink.send(Message::Binary(frame)).await.is_err() {
                break;
            }
        }
        // A terminal has no end of input; who wants one sends the character for it.
        std::future::pending::<()>().await;
    };
    select(pin!(write), ended).await;
    let _ = sink.close().await;
}

/// Carries orders to the control socket and reads it, so that its pings are answered.
pub(super) async fn obey(socket: WebSocket, mut orders: mpsc::Receiver<String>) {
    let (mut sink, stream) = socket.split();
    let write = async {
        while let Some(order) = orders.recv().await {
            if sink.send(Message::Text(order.into())).await.is_err() {
                break;
            }
        }
    };
    select(pin!(write), pin!(drain(stream))).await;
}

/// Reads a socket that carries nothing back, until it ends.
async fn drain(mut socket: SplitStream<WebSocket>) {
    while let Some(Ok(_)) = socket.next().await {}
}
