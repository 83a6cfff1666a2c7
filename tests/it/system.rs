//! A small system on a fake Incus, and runs of the binary against it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::fake::{Agents, Fake};

/// One replica set over three containers, a standalone, and a container without databases.
pub const SHOP: &str = "\
name: shop
network: { name: shop0, ipv4: 10.9.0.1/24 }
image: debian/12
artifacts: { mongod: { path: mongod, version: 6.0.5 } }
containers:
  web: { ipv4: 10.9.0.10 }
  db1: { ipv4: 10.9.0.11 }
  db2: { ipv4: 10.9.0.12 }
  db3: { ipv4: 10.9.0.13, packages: [libcurl4] }
mongodb:
  binary: mongod
  replica_sets:
    rs:
      members:
        - { container: db1, port: 27017, priority: 3 }
        - { container: db2, port: 27017, priority: 2 }
        - { container: db3, port: 27017, priority: 1 }
  standalone: { users: { container: db3, port: 27018 } }
";

/// How long a run may take before the test gives it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A topology beside a fake daemon.
pub struct System {
    pub fake: Fake,
    pub agents: Agents,
    pub folder: TempDir,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Reads standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code and that standard error has all of these.
    #[track_caller]
    pub fn ended(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in\n{}", self.stderr);
        }
        self
    }
}

impl System {
    /// Starts a fake with nothing of the topology in it.
    pub fn new(topology: &str) -> Self {
        let fake = Fake::start();
        let agents = Agents::of(&fake);
        let system = Self { fake, agents, folder: TempDir::new().unwrap() };
        std::fs::write(system.folder.path().join("agent"), "a small agent").unwrap();
        std::fs::write(system.folder.path().join("mongod"), "a small mongod").unwrap();
        system.write(topology);
        system
    }

    /// Starts a fake with the whole system in it, built by `up`.
    pub fn settled(topology: &str) -> Self {
        let system = Self::new(topology);
        system.up().ended(0, &[]);
        system
    }

    /// Writes the topology.
    pub fn write(&self, topology: &str) {
        std::fs::write(self.folder.path().join("topology.yaml"), topology).unwrap();
    }

    /// Makes a command that works on this system and nothing else.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("distctl"));
        command.args(arguments).current_dir(&self.folder).env("TERM", "xterm").env("DISTCTL_AGENT", "agent");
        command.env("INCUS_SOCKET", self.fake.socket()).env("INCUS_CONF", self.folder.path());
        command.env("XDG_DATA_HOME", self.folder.path());
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "DISTCTL_FILE"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(self.file("stdout")).stderr(self.file("stderr"));
        command
    }

    fn file(&self, name: &str) -> std::fs::File {
        std::fs::File::create(self.folder.path().join(name)).unwrap()
    }

    /// Begins a run. At most one at a time: they share the files that output goes to.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Waits for the end of a run.
    pub fn end(&self, mut child: Child) -> Ran {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("distctl does not end:\n{}", self.output("stderr"));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ran { code, stdout: self.output("stdout"), stderr: self.output("stderr") }
    }

    /// Reads what a run has written so far.
    pub fn output(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Runs distctl to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.end(self.begin(arguments))
    }

    /// Runs `up`.
    pub fn up(&self) -> Ran {
        self.run(&["up", "--yes"])
    }

    /// Asserts that there is nothing left to do.
    #[track_caller]
    pub fn assert_settled(&self) {
        let plan = self.run(&["plan", "--exit-code"]);
        assert_eq!(plan.code, Some(0), "{}\n{}", plan.stdout, plan.stderr);
        assert_eq!(self.lease(), None);
    }

    /// Reads who holds the lease.
    pub fn lease(&self) -> Option<Value> {
        let world = self.fake.world();
        let text = world.projects["default"]["config"]["user.distctl.lock.shop"].as_str()?;
        Some(serde_json::from_str(text).unwrap())
    }

    /// Writes a lease.
    pub fn hold_lease(&self, lease: &Value) {
        self.fake.world().projects.get_mut("default").unwrap()["config"]["user.distctl.lock.shop"] =
            Value::String(lease.to_string());
    }

    /// The topology's containers by name, and whether they run.
    pub fn containers(&self) -> Vec<(String, String)> {
        let world = self.fake.world();
        let ours =
            world.instances.iter().filter(|(_, found)| found.object["config"]["user.distctl.topology"] == "shop");
        ours.map(|(name, found)| (name.clone(), found.status().to_owned())).collect()
    }

    /// All that distctl could change: networks, instances with their files, projects.
    pub fn state(&self) -> String {
        let world = self.fake.world();
        let instances: Vec<_> =
            world.instances.iter().map(|(name, one)| (name, &one.object, persistent(one))).collect();
        format!("{:#?}", (&world.networks, &world.projects, instances))
    }

    /// The secrets of a container.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.fake.world();
        let files = world.instances.values().flat_map(|instance| &instance.files);
        let secrets = files.filter(|(path, file)| path.starts_with("/var/lib/distctl/secrets/") && !file.directory);
        secrets.map(|(_, file)| String::from_utf8(file.content.clone()).unwrap()).collect()
    }
}

/// All but `/run`, where an agent may be put for looking.
fn persistent(instance: &crate::fake::Instance) -> Vec<(&String, &crate::fake::File)> {
    instance.files.iter().filter(|(path, _)| !path.starts_with("/run/")).collect()
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal.
pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}
