//! Operations: what the daemon does in the background, waited for without ever losing a result.
//!
//! The daemon forgets an operation five seconds after its end, and its `/wait` answers with HTTP 200 whatever happened:
//! up to 6.0.4 a failure or the end of the waiting time is an error envelope without the operation, from 6.0.5 on it
//! is the operation itself. So whatever is no final operation is followed by a plain read of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::Client;
use super::answer::{Reply, nullable};
use super::call::{Call, bare};
use super::error::{ApiError, Error};

/// How long the daemon may hold one request that waits, in seconds.
const WAIT: u64 = 30;

/// How long to go on asking for an operation of a daemon that can't be reached: it may be restarting.
const RESTART: Duration = Duration::from_secs(30);

/// How long an instance that is busy with another operation is waited for.
const BUSY: Duration = Duration::from_secs(60);

/// An operation, as far as it has come.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Operation {
    /// Below 200 while it runs; 200 success, 400 failure, 401 cancelled.
    status_code: u16,
    #[serde(deserialize_with = "nullable")]
    err: String,
    /// What it leaves: `return` and `fds` of a command, for instance.
    #[serde(deserialize_with = "nullable")]
    pub(super) metadata: BTreeMap<String, Value>,
    id: String,
    /// `task`, or `websocket` for what a client is connected to.
    class: String,
    description: String,
    /// The paths of what it is about, by kind.
    #[serde(deserialize_with = "nullable")]
    resources: BTreeMap<String, Vec<String>>,
}

impl Operation {
    fn is_final(&self) -> bool {
        self.status_code >= 200
    }

    fn is_success(&self) -> bool {
        self.status_code == 200
    }
}

/// A change of instances that goes on in the daemon, whoever asked for it.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// The instances, by name.
    pub instances: Vec<String>,
    /// What it is: `Stopping instance`.
    pub description: String,
    pending: Pending,
}

/// An operation that was begun.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// `/1.0/operations/ID` and perhaps a query.
    url: String,
    /// The call that began it, for errors.
    call: Call,
}

impl Pending {
    /// Remembers an operation and the call that began it.
    pub(super) fn new(url: String, call: Call) -> Self {
        Self { url, call }
    }

    /// Gives the path of something below the operation, with `extra` added to its query.
    pub(super) fn below(&self, name: &str, extra: &str) -> String {
        match self.url.split_once('?') {
            Some((path, query)) => format!("{path}/{name}?{query}&{extra}"),
            None => format!("{}/{name}?{extra}", self.url),
        }
    }

    /// Says that the daemon has forgotten the operation.
    pub(super) fn lost(&self) -> Error {
        let (method, path) = self.call.name();
        Error::OperationLost { method, path }
    }

    /// Says that the connection broke before all of a command's output was there.
    pub(super) fn cut(&self) -> Error {
        self.call.transport("the output of the command is not complete")
    }

    /// Says that the answer can't be used.
    pub(super) fn unreadable(&self, what: &str) -> Error {
        self.call.unreadable(what)
    }

    /// Blames the call that began the operation, not the one that waited for it.
    fn failed(&self, code: u16, message: String) -> Error {
        let (method, path) = self.call.name();
        ApiError { status: 200, code, message, method, path }.into()
    }

    fn conclude(&self, operation: Operation, cause: Option<ApiError>) -> Result<Operation, Error> {
        if operation.is_success() {
            return Ok(operation);
        }
        let code = cause.filter(|cause| cause.message == operation.err).map_or(0, |cause| cause.code);
        let cancelled = operation.err.is_empty() && operation.status_code == 401;
        let message = if cancelled { "the operation was cancelled".into() } else { operation.err };
        Err(self.failed(code, message))
    }
}

impl Client {
    /// Makes a change and waits until it is done, holding one of the slots meanwhile.
    pub(super) async fn perform(&self, call: Call) -> Result<Operation, Error> {
        let _slot = self.transport().slot().await;
        match self.send(&call).await? {
            Reply::Begun(url, _) => self.wait(&Pending::new(url, call)).await,
            Reply::Done(_) => Ok(Operation { status_code: 200, ..Operation::default() }),
        }
    }

    /// Does so again while another operation occupies the instance, for up to a minute.
    pub(super) async fn perform_when_free(&self, call: Call) -> Result<Operation, Error> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(200);
        loop {
            match self.perform(call.clone()).await {
                Err(error) if error.is_busy() && begun.elapsed() < BUSY => tokio::time::sleep(pause).await,
                result => return result,
            }
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Lists the changes of the project's instances that are under way. Whoever asked for one may be gone: it goes on.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn under_way(&self) -> Result<Vec<UnderWay>, Error> {
        let path = self.path(&["operations"], &[("recursion", "1")]);
        let (by_status, _) = self.get::<BTreeMap<String, Vec<Operation>>>(path).await?;
        let tasks = by_status.into_values().flatten().filter(|one| !one.is_final() && one.class == "task");
        let changes = tasks.map(|one| {
            let path = self.path(&["operations", &one.id], &[]);
            let pending = Pending::new(path.clone(), Call::new(Method::GET, path));
            let instances = one.resources.get("instances").into_iter().flatten();
            let instances = instances.filter_map(|path| bare(path).rsplit('/').next().map(str::to_owned)).collect();
            UnderWay { instances, description: one.description, pending }
        });
        Ok(changes.filter(|change| !change.instances.is_empty()).collect())
    }

    /// Waits until a change has ended, well or badly.
    ///
    /// # Errors
    /// Where the daemon can't be asked.
    pub async fn await_end(&self, change: &UnderWay) -> Result<(), Error> {
        match self.wait(&change.pending).await {
            Ok(_) | Err(Error::Api(_) | Error::OperationLost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits for an operation to end, however long it takes.
    ///
    /// # Errors
    /// [`Error::Api`] with the cause of a failure; [`Error::OperationLost`] where the daemon has forgotten it.
    pub(super) async fn wait(&self, pending: &Pending) -> Result<Operation, Error> {
        let mut unreachable: Option<Instant> = None;
        loop {
            let cause = match self.wait_once(pending).await {
                Ok(operation) if operation.is_final() => return pending.conclude(operation, None),
                Ok(_) => {
                    unreachable = None;
                    continue;
                }
                Err(Error::Api(cause)) => Some(cause),
                Err(error) if is_passing(&error, &mut unreachable) => None,
                Err(error) => return Err(error),
            };
            match self.look(pending).await {
                Ok(operation) if operation.is_final() => return pending.conclude(operation, cause),
                Ok(_) => unreachable = None,
                Err(error) if error.is_not_found() => return Err(verdict(pending, cause)),
                Err(error) if is_passing(&error, &mut unreachable) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn wait_once(&self, pending: &Pending) -> Result<Operation, Error> {
        let path = pending.below("wait", &format!("timeout={WAIT}"));
        let call = Call::new(Method::GET, path).within(Duration::from_secs(WAIT + 30));
        self.send(&call).await?.done(&call)
    }

    async fn look(&self, pending: &Pending) -> Result<Operation, Error> {
        let call = Call::new(Method::GET, pending.url.clone());
        self.send(&call).await?.done(&call)
    }
}

/// Says how an operation ended that is gone: as the waiting said, if that was about the operation's own end.
fn verdict(pending: &Pending, cause: Option<ApiError>) -> Error {
    match cause {
        Some(cause) if cause.message == "Operation not found" || cause.message == "context deadline exceeded" => {
            pending.lost()
        }
        Some(cause) if cause.status == 200 => pending.failed(cause.code, cause.message),
        _ => pending.lost(),
    }
}

fn is_passing(error: &Error, since: &mut Option<Instant>) -> bool {
    let since = *since.get_or_insert_with(Instant::now);
    (error.is_connection() || error.is_unavailable()) && since.elapsed() < RESTART
}
