//! A MongoDB client that runs inside the lab: Python's, so that nothing of distctl is believed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use super::{Lab, Ran, lab, wait_until};

const PRELUDE: &str = include_str!("mongo.py");

/// Without it, half a second goes by while the client's monitors end.
const END: &str = "sys.stdout.flush()\nos._exit(0)";

/// Where a client connects to, and as whom.
#[derive(Debug, Clone)]
pub struct Mongo {
    hosts: String,
    set: String,
    user: String,
    password: String,
}

impl Mongo {
    /// A client of a replica set that has not logged in.
    pub fn set(name: &str, hosts: &[String]) -> Self {
        Self { hosts: hosts.join(","), set: name.into(), user: String::new(), password: String::new() }
    }

    /// A client of one mongod, whatever it is part of, that has not logged in.
    pub fn direct(host: &str) -> Self {
        Self::set("", &[host.to_owned()])
    }

    /// The same client as a user.
    pub fn login(self, user: &str, password: &str) -> Self {
        Self { user: user.into(), password: password.into(), ..self }
    }

    /// The value of a Python expression, in which `client` is the client.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        self.run(&format!("out({expression})"))
    }

    /// What a Python script gives to `out`.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        let ran = self.try_run(script).ended_with(0);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ran.all()))
    }

    /// Runs a Python script.
    pub fn try_run(&self, script: &str) -> Ran {
        Ran::of(&mut self.python(script))
    }

    /// States of the members by host.
    #[track_caller]
    pub fn members(&self) -> Value {
        self.eval("members()")
    }

    /// Waits until a set has one primary and otherwise secondaries, `count` in all. `up` asks each member itself; the
    /// primary, which is asked here, learns of the others' states with its next heartbeat.
    #[track_caller]
    pub fn await_healthy(&self, count: usize) {
        wait_until(&format!("{} has {count} healthy members", self.set), Duration::from_secs(60), || {
            self.is_healthy(count)
        });
    }

    fn is_healthy(&self, count: usize) -> bool {
        let script =
            format!("states = sorted(members().values())\nout(states == ['PRIMARY'] + ['SECONDARY'] * ({count} - 1))");
        self.try_run(&script).stdout.trim() == "true"
    }

    /// The whole `rs.conf()`.
    #[track_caller]
    pub fn config(&self) -> Value {
        self.eval("client.admin.command('replSetGetConfig')['config']")
    }

    /// Writes until it is told to stop.
    pub fn writer(&self) -> Writer {
        self.writing("write_until_told()")
    }

    /// Writes until it is told to stop, and as a user from when it is asked for a password on.
    pub fn writer_until_asked(&self, user: &str, password_file: &Path) -> Writer {
        self.writing(&format!("write_until_told({user:?}, {password_file:?})"))
    }

    fn writing(&self, script: &str) -> Writer {
        let mut command = self.python(script);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "\"writing\"", "the writer does not write");
        Writer { child, stdout }
    }

    fn python(&self, script: &str) -> Command {
        static PYTHON: LazyLock<String> = LazyLock::new(|| {
            let ran = Ran::of(&mut Command::new(Lab::project_file("lab/pymongo"))).ended_with(0);
            format!("{}/python3", ran.stdout.trim())
        });
        let mut command = lab().inside(&*PYTHON);
        command.args(["-c", &format!("{PRELUDE}\n{script}\n{END}")]);
        command.env("MONGO_HOSTS", &self.hosts).env("MONGO_SET", &self.set);
        command.env("MONGO_USER", &self.user).env("MONGO_PASSWORD", &self.password);
        command
    }
}

/// A client that writes with `w: majority` and never tries a write twice.
pub struct Writer {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Writer {
    /// Stops it. Fails if a write that was acknowledged is not there; gives the longest time without a write, in
    /// seconds.
    #[track_caller]
    pub fn stop(mut self) -> f64 {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).expect("the writer died");
        assert_eq!(told["lost"], serde_json::json!([]), "acknowledged writes are lost");
        told["longest_gap_s"].as_f64().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
