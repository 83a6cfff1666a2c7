//! A system of a story's own: a folder with a topology, names and a subnet that nobody else has.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Lab, Mongo, Ran, Running, lab};

/// A system of a story's own; gone after the test, or kept for a look if that fails outside of CI.
pub struct System {
    name: String,
    subnet: u8,
    folder: TempDir,
}

impl System {
    /// Writes a topology; `body` is all after name, network and artifacts. In it `NAME` is the system's name, to begin
    /// the names of containers with, and `NET` the first three numbers of its addresses.
    pub fn declare(name: &str, subnet: u8, body: &str) -> Self {
        let system = Self { name: name.into(), subnet, folder: tempfile::tempdir().unwrap() };
        system.remove();
        system.rewrite(body);
        system
    }

    /// One container with one mongod `main` that is in no set.
    pub fn single(name: &str, subnet: u8) -> Self {
        Self::declare(name, subnet, SINGLE)
    }

    /// One container with a set `rs` of three.
    pub fn set_of_three(name: &str, subnet: u8) -> Self {
        Self::declare(name, subnet, &set_of(3))
    }

    /// Writes the topology anew.
    pub fn rewrite(&self, body: &str) {
        let mongod = Lab::project_file("artifacts/mongod");
        let head = format!(
            "name: NAME\nnetwork: {{ name: NAMEbr0, ipv4: NET.1/24 }}\n\
             artifacts:\n  mongod: {{ path: {}, version: \"6.0.5\" }}\n",
            mongod.display()
        );
        let text = format!("{head}{body}").replace("NAME", &self.name).replace("NET", &self.net());
        std::fs::write(self.file(), text).unwrap();
    }

    /// Changes one part of the topology into another.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file()).unwrap();
        assert!(text.contains(from), "no '{from}' in {text}");
        std::fs::write(self.file(), text.replace(from, to)).unwrap();
    }

    /// The folder of the topology.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.folder().join("topology.yaml")
    }

    fn net(&self) -> String {
        format!("10.61.{}", self.subnet)
    }

    /// `address:port` of a mongod.
    pub fn host(&self, last: u8, port: u16) -> String {
        format!("{}.{last}:{port}", self.net())
    }

    /// A distctl command on this topology.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Lab::distctl());
        command.arg("--file").arg(self.file()).args(["--yes", "--progress", "plain"]).args(arguments);
        command
    }

    /// Runs distctl to its end.
    pub fn distctl(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Starts distctl with its progress as JSON lines.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(Lab::distctl());
        command.arg("--file").arg(self.file()).args(["--yes", "--progress", "json"]).args(arguments);
        Running::start(&mut command)
    }

    /// Brings it up, which must succeed.
    #[track_caller]
    pub fn up(&self) -> Ran {
        self.distctl(&["up"]).ended_with(0)
    }

    /// What `plan` has to say; it must end with this code: 0 nothing, 1 an error, 2 changes, 3 degraded.
    #[track_caller]
    pub fn plan(&self, code: i32) -> Ran {
        self.distctl(&["plan", "--exit-code"]).ended_with(code)
    }

    /// Fails unless `plan` names these, `up` mends it, and nothing is left to do then.
    #[track_caller]
    pub fn mends(&self, named: &[&str]) -> Ran {
        let plan = self.plan(2).says(named);
        self.up();
        self.plan(0);
        plan
    }

    /// A client of the set `rs` of [`Self::set_of_three`], as administrator.
    #[track_caller]
    pub fn rs(&self) -> Mongo {
        let hosts: Vec<String> = (27017..27020).map(|port| self.host(11, port)).collect();
        Mongo::set("rs", &hosts).login("admin", &self.secret("db", "rs.admin"))
    }

    /// A client of the mongod of [`Self::single`], as administrator.
    #[track_caller]
    pub fn main(&self) -> Mongo {
        Mongo::direct(&self.host(11, 27017)).login("admin", &self.secret("db", "main.admin"))
    }

    /// A secret as it lies in the guest.
    #[track_caller]
    pub fn secret(&self, container: &str, name: &str) -> String {
        lab().secret("default", &self.container(container), name)
    }

    /// The full name of a container.
    pub fn container(&self, short: &str) -> String {
        format!("{}-{short}", self.name)
    }

    /// Runs a shell script in a container, named without the system's name; it must succeed.
    #[track_caller]
    pub fn guest(&self, container: &str, script: &str) -> String {
        lab().guest(&self.container(container), script)
    }

    /// Names of containers in Incus that carry the topology's name or begin with it.
    pub fn containers(&self) -> Vec<String> {
        let all = lab().query("/1.0/instances?recursion=1");
        let ours = |one: &&serde_json::Value| {
            one["config"]["user.distctl.topology"] == self.name.as_str()
                || one["name"].as_str().unwrap().starts_with(&format!("{}-", self.name))
        };
        all.as_array().unwrap().iter().filter(ours).map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether the bridge is there.
    pub fn has_network(&self) -> bool {
        lab().has(&format!("/1.0/networks/{}br0", self.name))
    }

    /// The lease, if there is one.
    pub fn lease(&self) -> Option<String> {
        let project = lab().query("/1.0/projects/default");
        Some(project["config"].get(format!("user.distctl.lock.{}", self.name))?.as_str()?.to_owned())
    }

    /// Removes all of it, past distctl.
    fn remove(&self) {
        for container in self.containers() {
            lab().try_incus(&["delete", "--force", &container]);
        }
        lab().try_incus(&["network", "delete", &format!("{}br0", self.name)]);
        lab().try_incus(&["project", "unset", "default", &format!("user.distctl.lock.{}", self.name)]);
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("CI").is_none() {
            self.folder.disable_cleanup(true);
            return eprintln!("the system {} stays for a look; its topology is {}", self.name, self.file().display());
        }
        self.remove();
    }
}

const SINGLE: &str = "
containers:
  NAME-db: { ipv4: NET.11, packages: [libcurl4] }
mongodb:
  binary: mongod
  standalone:
    main: { container: NAME-db, port: 27017 }
";

/// One container with a set `rs` of `count` members.
pub fn set_of(count: u16) -> String {
    let members = (0..count).map(|one| {
        let (port, priority) = (27017 + one, if one == 0 { 3 } else { 1 });
        format!("        - {{ container: NAME-db, port: {port}, priority: {priority} }}\n")
    });
    format!(
        "
containers:
  NAME-db: {{ ipv4: NET.11, packages: [libcurl4] }}
mongodb:
  binary: mongod
  settings: {{ election_timeout: 2s }}
  replica_sets:
    rs:
      members:
{}",
        members.collect::<String>()
    )
}
