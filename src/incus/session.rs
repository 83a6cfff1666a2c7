//! Commands that a person or a long task holds on to: streams, signals, a terminal.
//!
//! While its control socket is open a command lives no longer than that: a [`Session`] that is dropped, or a distctl
//! that is killed, takes its command along. Whatever has to outlive distctl belongs into a unit.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::exec::{Begun, Command};
use super::operation::Operation;
use super::websocket::{Input, Output, Task, feed, feed_terminal, obey};
use super::{Client, Error};

/// How many frames of input may wait to be sent.
const QUEUE: usize = 16;

/// A command that runs. Dropping it kills the command.
#[derive(Debug)]
pub struct Session {
    /// Its input; dropping it is the end of the input, but for a terminal, which has no such end.
    pub stdin: Option<Input>,
    /// What it writes to stdout, or to its terminal. To read it elsewhere, `std::mem::take` it.
    pub stdout: Output,
    /// What it writes to stderr; nothing where it has a terminal.
    pub stderr: Output,
    control: mpsc::Sender<String>,
    begun: Begun,
    exit: Task<Result<Operation, Error>>,
    /// Held for its drop, as the tasks are that carry its input and control.
    _tasks: [Task; 2],
}

impl Session {
    /// Sends a signal by its number to the command itself, not to its children; tells whether it could be sent.
    pub async fn signal(&self, signal: i32) -> bool {
        self.order(json!({"command": "signal", "signal": signal})).await
    }

    /// Tells the terminal its new size in columns and rows; tells whether it could be sent.
    pub async fn resize(&self, width: u16, height: u16) -> bool {
        let args = json!({"width": width.to_string(), "height": height.to_string()});
        self.order(json!({"command": "window-resize", "args": args})).await
    }

    async fn order(&self, order: Value) -> bool {
        self.control.send(order.to_string()).await.is_ok()
    }

    /// Ends the input, throws away what is still to be read, and waits for the exit code.
    ///
    /// # Errors
    /// `is_command_not_found`; [`Error::OperationLost`] where the daemon was restarted.
    pub async fn wait(mut self) -> Result<i64, Error> {
        drop(self.stdin.take());
        // Without a reader the command would be held up by a full pipe.
        let unread = join(self.stdout.for_each(|_| async {}), self.stderr.for_each(|_| async {}));
        let ended = match select(pin!(unread), pin!(self.exit.join())).await {
            Either::Left((_, exit)) => exit.await,
            Either::Right((ended, _)) => ended,
        };
        self.begun.code(&ended.unwrap_or_else(|| Err(self.begun.pending.lost()))?)
    }
}

impl Client {
    /// Starts a command and gives its streams. Holds a slot only while it starts.
    ///
    /// # Errors
    /// `is_not_running`, `is_frozen`; a missing program shows in [`Session::wait`].
    pub async fn exec(&self, instance: &str, command: &Command) -> Result<Session, Error> {
        let _slot = self.transport().slot().await;
        let begun = self.begin(instance, command).await?;
        let (frames, queue) = mpsc::channel(QUEUE);
        let (control, stdout, stderr, feeder) = if command.terminal.is_some() {
            let [control, terminal] = self.streams(&begun, ["control", "0"]).await?;
            let (hang_up, ended) = oneshot::channel();
            let (sink, stream) = terminal.split();
            let feeder = Task::spawn(feed_terminal(sink, queue, ended));
            (control, Output::new(stream, Some(hang_up)), Output::default(), feeder)
        } else {
            let [control, input, stdout, stderr] = self.streams(&begun, ["control", "0", "1", "2"]).await?;
            let feeder = Task::spawn(feed(input, queue));
            (control, Output::new(stdout.split().1, None), Output::new(stderr.split().1, None), feeder)
        };
        let (orders, to_obey) = mpsc::channel(QUEUE);
        let tasks = [feeder, Task::spawn(obey(control, to_obey))];
        let (client, pending) = (self.clone(), begun.pending.clone());
        // Asked for at once and in a task of its own: five seconds after its end the exit code is gone.
        let exit = Task::spawn(async move { client.wait(&pending).await });
        let stdin = Some(Input::new(frames));
        Ok(Session { stdin, stdout, stderr, control: orders, begun, exit, _tasks: tasks })
    }
}
