//! A fake Incus at a unix socket: enough of the API to plan and apply against, with a log of all requests and failures
//! on demand. The binary is pointed to it with `INCUS_SOCKET`:
//!
//! ```ignore
//! let fake = Fake::start();
//! fake.world().add_container("db1", "10.10.10.12", "Running");
//! fake.on_exec(|call| ExecReply::ok(r#"{"..."}"#));
//! Command::cargo_bin("distctl")?.env("INCUS_SOCKET", fake.socket()).arg("plan").assert().success();
//! assert_eq!(fake.writes(), 0);
//! ```
//!
//! It runs on threads of its own, so it answers while a test blocks on a child process.

#![allow(dead_code, reason = "a fake has what tests may need; not every one is needed at every time")]

mod agent;
mod answer;
mod exec;
mod files;
mod instances;
mod log;
mod operations;
mod proxy;
mod routes;
mod settings;
mod tls;
mod world;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Runtime;

pub use agent::{Agents, SCANS};
pub use exec::{ExecCall, ExecReply};
pub use files::File;
pub use log::Request;
pub use operations::{Outcome, Wording};
pub use proxy::Proxy;
pub use tls::Keys;
pub use world::{Instance, World};

use log::Trouble;

/// A daemon that runs until its last clone is dropped.
#[derive(Clone)]
pub struct Fake {
    shared: Arc<Shared>,
    running: Arc<Mutex<Option<Runtime>>>,
    directory: Arc<tempfile::TempDir>,
}

/// What the routes work on.
pub struct Shared {
    world: Mutex<World>,
    script: Mutex<exec::Script>,
}

impl Shared {
    /// Locks the world. A test that panicked with the lock leaves it usable.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Fake {
    /// Starts one on a socket in a new directory.
    pub fn start() -> Self {
        let shared = Shared { world: Mutex::default(), script: Mutex::new(Arc::new(|_| ExecReply::ok(""))) };
        let fake = Self {
            shared: Arc::new(shared),
            running: Arc::default(),
            directory: Arc::new(tempfile::tempdir().unwrap()),
        };
        fake.listen();
        fake
    }

    /// Gives the socket, for `INCUS_SOCKET`.
    pub fn socket(&self) -> PathBuf {
        self.directory().join("unix.socket")
    }

    /// Gives a directory that lives as long as the fake.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Locks what the daemon holds, to look at or to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// Says what commands in instances do. It is called with all of the command's input.
    pub fn on_exec(&self, script: impl Fn(&ExecCall) -> ExecReply + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Arc::new(script);
    }

    /// Cuts all connections and stops listening, as a daemon that is shut down. Operations are forgotten.
    pub fn stop(&self) {
        if let Some(runtime) = self.running.lock().unwrap().take() {
            // What is being answered in this instant may still begin an operation: it must be over before they are
            // forgotten. One that a test holds up is not waited for. In a thread: a test may itself be asynchronous.
            let ended = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_millis(500)));
            ended.join().unwrap();
        }
        let _ = std::fs::remove_file(self.socket());
        self.world().operations.clear();
    }

    /// Listens (again), with the world as it was.
    pub fn listen(&self) {
        let runtime = runtime();
        let listener = {
            let _inside = runtime.enter();
            tokio::net::UnixListener::bind(self.socket()).unwrap()
        };
        let router = routes::router(Arc::clone(&self.shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        *self.running.lock().unwrap() = Some(runtime);
    }

    /// Listens for TLS on a port of 127.0.0.1 as well; gives the URL. Only clients with the right certificate get in.
    pub fn listen_tls(&self, keys: &Keys) -> String {
        let running = self.running.lock().unwrap();
        let runtime = running.as_ref().unwrap();
        let listener = {
            let _inside = runtime.enter();
            tls::Listener::bind(keys)
        };
        let url = format!("https://127.0.0.1:{}", listener.port());
        let router = routes::router(Arc::clone(&self.shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// Lists all requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.world().requests.clone()
    }

    /// Counts requests by method and the beginning of the path.
    pub fn count(&self, method: &str, prefix: &str) -> usize {
        self.requests().iter().filter(|request| request.is(method, prefix)).count()
    }

    /// Counts requests that change something: all but reads, and the running of an agent from `/run/distctl`.
    pub fn writes(&self) -> usize {
        self.requests().iter().filter(|request| request.is_write()).count()
    }

    /// Refuses, from now on, every request that changes something.
    pub fn forbid_writes(&self) {
        self.world().writes_forbidden = true;
    }

    /// Makes the next matching request fail with a status and a text.
    pub fn fail_next(&self, method: &str, prefix: &str, status: u16, error: &str) {
        self.trouble(method, prefix, 1, log::Kind::Fail(status, error.into()));
    }

    /// Makes the next `times` matching requests get half an answer, after they took effect.
    pub fn close_mid_response(&self, method: &str, prefix: &str, times: usize) {
        self.trouble(method, prefix, times, log::Kind::Cut);
    }

    /// Makes all matching requests take longer.
    pub fn delay(&self, method: &str, prefix: &str, by: Duration) {
        self.trouble(method, prefix, usize::MAX, log::Kind::Delay(by));
    }

    /// Says how the next operation ends.
    pub fn next_operation(&self, outcome: Outcome) {
        self.world().outcomes.push_back(outcome);
    }

    fn trouble(&self, method: &str, prefix: &str, times: usize, kind: log::Kind) {
        let trouble = Trouble { method: method.into(), prefix: prefix.into(), times, kind };
        self.world().troubles.push(trouble);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl Drop for Fake {
    fn drop(&mut self) {
        if Arc::strong_count(&self.running) == 1 {
            self.stop();
        }
    }
}
