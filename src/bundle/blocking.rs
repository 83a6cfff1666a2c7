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

/// A writer that is fed from a task.
pub(super) struct Feed {
    sender: mpsc::Sender<Bytes>,
}

impl Feed {
    /// Starts a thread that writes what is fed and then does the last thing.
    pub fn start<W: Write + Send + 'static, T: Send + 'static>(
        mut out: W,
        last: impl FnOnce(W) -> Result<T> + Send + 'static,
    ) -> (Self, impl Future<Output = Result<T>>) {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
        let done = run(move || {
            while let Some(bytes) = receiver.blocking_recv() {
                // Nothing to say goes before the end; a task that died says nothing.
                if bytes.is_empty() {
                    return last(out);
                }
                out.write_all(&bytes)?;
            }
            anyhow::bail!("the stream ended before its end")
        });
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
