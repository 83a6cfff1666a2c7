//! The lab: its Incus, and commands inside its network.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::Ran;

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
        serde_json::from_str(&self.incus(&["query", path])).unwrap()
    }

    /// Runs a shell script in a container; it must succeed.
    #[track_caller]
    pub fn guest(&self, container: &str, script: &str) -> String {
        self.try_guest(container, script).ended_with(0).stdout
    }

    /// Runs a shell script in a container.
    pub fn try_guest(&self, container: &str, script: &str) -> Ran {
        self.try_incus(&["exec", container, "--", "sh", "-ec", script])
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
        self.try_incus(&["query", path]).code == Some(0)
    }
}
