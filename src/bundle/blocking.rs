//! From the tasks that wait for the network to the threads that compress, and back.

use std::io::{self, Read, Write};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

/// How many pieces of a stream wait between the two, some 32 KiB each.
const WAITING: usize = 32;

/// How much is read at once, in bytes.
const READ: usize = 128 << 10;

/// Runs blocking work in a thread of its own.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("a thread of the bundle died")?
}

/// A reader in a thread that is fed from a task.
pub(super) struct Feed {
    sender: mpsc::Sender<Bytes>,
}

impl Feed {
    /// Starts a thread that reads what is fed.
    pub fn start<T: Send + 'static>(
        work: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> (Self, impl Future<Output = Result<T>>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let done = run(move || work(&mut Fed { receiver, current: Bytes::new() }));
        (Self { sender }, done)
    }

    /// Feeds bytes; whether anybody takes them.
    pub async fn feed(&self, bytes: Bytes) -> bool {
        bytes.is_empty() || self.sender.send(bytes).await.is_ok()
    }

    /// Says that all is there.
    pub async fn end(self) {
        let _ = self.sender.send(Bytes::new()).await;
    }
}

/// What was fed. Nothing to say goes before the end; a task that died says nothing.
struct Fed {
    receiver: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            let next = self.receiver.blocking_recv();
            self.current = next.ok_or_else(|| io::Error::other("the stream ended before its end"))?;
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

/// Copies in larger steps than the standard library does.
pub(super) fn pump(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

/// The bytes of a reader that is read in a thread, for a request's body. `work` has the reader read whole.
pub(super) fn stream(
    work: impl FnOnce(&mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> Result<()> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut pass = |reader: &mut dyn Read| pass_on(reader, &sender);
        if let Err(error) = work(&mut pass) {
            let _ = sender.blocking_send(Err(io::Error::other(error)));
        }
    });
    poll_fn(move |context| receiver.poll_recv(context))
}

fn pass_on(reader: &mut dyn Read, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    loop {
        let mut bytes = vec![0; READ];
        let count = reader.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        bytes.truncate(count);
        if sender.blocking_send(Ok(Bytes::from(bytes))).is_err() {
            return Err(io::Error::other("nobody takes the stream any more"));
        }
    }
}
