//! The lab: its Incus, and commands inside its network.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Ran, wait_until};

/// The lab whose `INCUS_DIR` the environment gives.
pub fn lab() -> &'static Lab {
    static LAB: LazyLock<Lab> = LazyLock::new(|| {
        let dir = std::env::var_os("INCUS_DIR").expect("start a lab and `eval \"$(lab/lab env)\"` first");
        Lab { dir: dir.into() }
    });
    &LAB
}

/// A private Incus.
pub struct Lab {
    dir: PathBuf,
}

impl Lab {
    /// Its `INCUS_DIR`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of all its state.
    pub fn state(&self) -> &Path {
        self.dir.parent().unwrap()
    }

    /// A file of the project.
    pub fn project_file(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    /// The distctl under test.
    pub fn distctl() -> PathBuf {
        std::env::var_os("DISTCTL_BIN").map_or_else(|| env!("CARGO_BIN_EXE_distctl").into(), PathBuf::from)
    }

    /// Runs `incus`, which must succeed, and gives what it prints.
    #[track_caller]
    pub fn incus(&self, arguments: &[&str]) -> String {
        self.try_incus(arguments).ended_with(0).stdout
    }

    /// Runs `incus`.
    pub fn try_incus(&self, arguments: &[&str]) -> Ran {
        Ran::of(Command::new("incus").args(arguments))
    }

    /// Asks the daemon itself.
    #[track_caller]
    pub fn query(&self, path: &str) -> Value {
        let mut answer = self.call("GET", path, &Value::Null);
        assert_eq!(answer["type"], "sync", "{path}: {answer}");
        answer["metadata"].take()
    }

    /// Runs a shell script in a container; it must succeed.
    #[track_caller]
    pub fn guest(&self, container: &str, script: &str) -> String {
        self.try_guest(container, script).ended_with(0).stdout
    }

    /// Runs a shell script in a container.
    pub fn try_guest(&self, container: &str, script: &str) -> Ran {
        self.try_guest_in("default", container, script)
    }

    /// Runs a shell script in a container of a project. The daemon itself writes down what it says: of what `incus exec`
    /// passes on, some is lost now and then on a busy machine (Incus 6.0.4).
    pub fn try_guest_in(&self, project: &str, container: &str, script: &str) -> Ran {
        let begun = Instant::now();
        let body = json!({"command": ["sh", "-ec", script], "record-output": true, "wait-for-websocket": false});
        let answer = self.call("POST", &format!("/1.0/instances/{container}/exec?project={project}"), &body);
        let ended = match answer["operation"].as_str().unwrap_or_default() {
            "" => answer,
            operation => self.call("GET", &format!("{operation}/wait?project={project}"), &Value::Null),
        };
        let left = &ended["metadata"]["metadata"];
        let said = |stream: &str| {
            let path = format!("{}?project={project}", left["output"][stream].as_str()?);
            let said = self.raw("GET", &path, &Value::Null);
            // It lies beside the container's files, and would be in its backups.
            self.call("DELETE", &path, &Value::Null);
            Some(said)
        };
        let code = left["return"].as_i64().map_or(1, |code| i32::try_from(code).unwrap());
        let (stdout, stderr) = (said("1").unwrap_or_default(), said("2").unwrap_or_else(|| ended.to_string()));
        Ran { code: Some(code), stdout, stderr, took: begun.elapsed() }
    }

    /// A secret as it lies in a guest; by the API, since `incus file pull` now and then says "EOF" instead.
    #[track_caller]
    pub fn secret(&self, project: &str, container: &str, name: &str) -> String {
        let path = format!("/var/lib/distctl/secrets/{name}");
        let url = format!("/1.0/instances/{container}/files?project={project}&path={path}");
        let mut secret = String::new();
        // In a container that has just started, Incus's own helper may lose its connection once.
        wait_until("a secret can be read", Duration::from_secs(10), || {
            secret = self.raw("GET", &url, &Value::Null);
            !secret.contains("connection reset by peer")
        });
        assert!(!secret.contains(r#""type":"error""#), "{container}{path}: {secret}");
        secret.trim().to_owned()
    }

    /// Calls the API, and gives its envelope.
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = self.raw(method, path, body);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: no JSON: {text}"))
    }

    /// Calls the API, and gives what it answers.
    #[track_caller]
    fn raw(&self, method: &str, path: &str, body: &Value) -> String {
        self.curl(method, path, body).ended_with(0).stdout
    }

    fn curl(&self, method: &str, path: &str, body: &Value) -> Ran {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--globoff", "--request", method]);
        command.arg("--unix-socket").arg(self.dir.join("unix.socket"));
        if !body.is_null() {
            command.args(["--data-binary", &body.to_string()]);
        }
        Ran::of(command.arg(format!("http://incus{path}")))
    }

    /// A command inside the lab's namespaces, from where containers can be reached.
    pub fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let name = self.state().file_name().unwrap();
        let mut command = Command::new(Self::project_file("lab/lab"));
        command.arg("--name").arg(name).arg("exec").arg(program);
        command
    }

    /// Whether Incus has something at this path.
    pub fn has(&self, path: &str) -> bool {
        // A daemon that does not answer has nothing.
        let answer = self.curl("GET", path, &Value::Null);
        answer.code == Some(0) && answer.stdout.contains(r#""type":"sync""#)
    }
}
