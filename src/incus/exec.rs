//! Commands in an instance, with separate stdout and stderr, exit codes, signals and terminals.
//!
//! A command costs five requests: the one that starts it, one for each of its three streams, and one that waits for its
//! exit code (and one more for each 30 s that it runs). [`Client::exec`] opens one more, the control socket; see
//! [`session`](super::session).

use std::collections::BTreeMap;

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::future::{join3, try_join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::Reply;
use super::call::Call;
use super::operation::{Operation, Pending};
use super::upgrade::WebSocket;
use super::websocket::{Input, Output, Task, feed};
use super::{Client, Error};

/// A command. No shell is involved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables besides the daemon's own (`PATH`, `LANG`, for root `HOME` and `USER`).
    pub environment: BTreeMap<String, String>,
    /// The user's id in the guest.
    pub user: u32,
    /// The group's id in the guest.
    pub group: u32,
    /// Where it runs; `/root` or `/` where there is none. A directory that doesn't exist is no error: it runs in `/`.
    pub cwd: Option<String>,
    /// Columns and rows of a terminal; without one the command gets pipes.
    pub terminal: Option<(u16, u16)>,
}

impl Command {
    /// Makes a command that root runs, with pipes.
    pub fn new<I: IntoIterator<Item: Into<String>>>(command: I) -> Self {
        Self { command: command.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "command": self.command, "environment": self.environment, "user": self.user, "group": self.group,
            "wait-for-websocket": true, "interactive": self.terminal.is_some(),
        });
        if let Some(cwd) = &self.cwd {
            body["cwd"] = json!(cwd);
        }
        if let Some((width, height)) = self.terminal {
            body["width"] = json!(width);
            body["height"] = json!(height);
        }
        body
    }
}

/// A command that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; 128 and the signal's number where a signal ended it.
    pub code: i64,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Client {
    /// Runs a command as root and keeps all that it writes. Five requests.
    ///
    /// Holds a slot until the command ends: what runs for as long as a person likes is for [`Client::exec`].
    ///
    /// # Errors
    /// `is_command_not_found`, `is_not_running`, `is_frozen`. An exit code other than 0 is no error.
    pub async fn run(&self, instance: &str, command: &[&str], stdin: Vec<u8>) -> Result<Finished, Error> {
        let mut kept = Vec::new();
        let finished = self.collect(instance, command, stdin, |bytes| kept.extend_from_slice(bytes)).await?;
        Ok(Finished { stdout: kept, ..finished })
    }

    /// Runs a command as root and gives its stdout piece by piece as it comes. Five requests.
    ///
    /// `stdout` of what it returns is empty. Holds a slot as [`Client::run`] does.
    ///
    /// # Errors
    /// Those of [`Client::run`].
    pub async fn run_into(
        &self,
        instance: &str,
        command: &[&str],
        on_bytes: impl FnMut(&[u8]),
    ) -> Result<Finished, Error> {
        self.collect(instance, command, Vec::new(), on_bytes).await
    }

    /// Runs a command as root and gives its stdout line by line as it comes, without line ends. Five requests.
    ///
    /// `stdout` of what it returns is empty. Holds a slot as [`Client::run`] does.
    ///
    /// # Errors
    /// Those of [`Client::run`].
    pub async fn run_lines(
        &self,
        instance: &str,
        command: &[&str],
        stdin: Vec<u8>,
        mut on_line: impl FnMut(&str),
    ) -> Result<Finished, Error> {
        let (mut rest, mut searched) = (BytesMut::new(), 0);
        let finished = self
            .collect(instance, command, stdin, |bytes| {
                rest.extend_from_slice(bytes);
                // A long line comes in many pieces: each is looked through once.
                while let Some(end) = rest[searched..].iter().position(|byte| *byte == b'\n').map(|at| searched + at) {
                    let line = rest.split_to(end + 1);
                    on_line(&String::from_utf8_lossy(&line[..end]));
                    searched = 0;
                }
                searched = rest.len();
            })
            .await?;
        if !rest.is_empty() {
            on_line(&String::from_utf8_lossy(&rest));
        }
        Ok(finished)
    }

    async fn collect(
        &self,
        instance: &str,
        command: &[&str],
        stdin: Vec<u8>,
        on_stdout: impl FnMut(&[u8]),
    ) -> Result<Finished, Error> {
        let _slot = self.transport().slot().await;
        let begun = self.begin(instance, &Command::new(command.iter().copied())).await?;
        let [input, stdout, stderr] = self.streams(&begun, ["0", "1", "2"]).await?;
        let (frames, queue) = mpsc::channel(1);
        let _feeder = Task::spawn(feed(input, queue));
        let _writer = Task::spawn(async move { Input::new(frames).send(stdin.into()).await });
        let (mut stdout, mut stderr) = (Output::new(stdout.split().1, None), Output::new(stderr.split().1, None));
        let mut kept = Vec::new();
        // All at once: five seconds after the command's end its exit code is gone.
        let (ended, (), ()) = join3(
            self.wait(&begun.pending),
            take(&mut stdout, on_stdout),
            take(&mut stderr, |bytes| kept.extend_from_slice(bytes)),
        )
        .await;
        let code = begun.code(&ended?)?;
        if code == 0 && (stdout.is_cut() || stderr.is_cut()) {
            return Err(begun.pending.cut());
        }
        Ok(Finished { code, stdout: Vec::new(), stderr: kept })
    }

    /// Asks for a command to be started; it starts when its sockets are connected.
    pub(super) async fn begin(&self, instance: &str, command: &Command) -> Result<Begun, Error> {
        let call = Call::new(Method::POST, self.path(&["instances", instance, "exec"], &[])).json(&command.body());
        match self.send(&call).await? {
            Reply::Begun(url, operation) => Ok(Begun { pending: Pending::new(url, call), operation }),
            Reply::Done(_) => Err(Pending::new(String::new(), call).unreadable("a command without an operation")),
        }
    }

    /// Connects streams of a command, all at once: the daemon gives up after five seconds.
    pub(super) async fn streams<const N: usize>(
        &self,
        begun: &Begun,
        names: [&str; N],
    ) -> Result<[WebSocket; N], Error> {
        let open = |name| async move {
            let fds = begun.operation.metadata.get("fds");
            let secret = fds.and_then(|fds| fds.get(name)).and_then(Value::as_str);
            let secret = secret.ok_or_else(|| begun.pending.unreadable("a command without its streams"))?;
            self.websocket(begun.pending.below("websocket", &format!("secret={secret}"))).await
        };
        let sockets = try_join_all(names.into_iter().map(open)).await?;
        sockets.try_into().map_err(|_| begun.pending.unreadable("too few streams"))
    }
}

/// Gives all of an output to a function, piece by piece.
async fn take(output: &mut Output, mut on_bytes: impl FnMut(&[u8])) {
    while let Some(bytes) = output.next().await {
        on_bytes(&bytes);
    }
}

/// A command that the daemon was asked to start.
#[derive(Debug)]
pub(super) struct Begun {
    /// Its operation, to be waited for.
    pub(super) pending: Pending,
    operation: Operation,
}

impl Begun {
    /// Reads the exit code out of an operation that has ended.
    pub(super) fn code(&self, ended: &Operation) -> Result<i64, Error> {
        let code = ended.metadata.get("return").and_then(Value::as_i64);
        code.ok_or_else(|| self.pending.unreadable("a command without an exit code"))
    }
}
