//! Snapshots and bundles: a whole system as it was at one moment, gone back to and brought up elsewhere.

mod bad_luck;
mod data;
mod elsewhere;
mod half;
mod second_lab;
mod trouble;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Lab, Mongo, Ran, System, lab, wait_until};

const CAUSAL: &str = include_str!("moving/causal.py");

/// Two sets and a single mongod, each in a container of its own.
const THREE: &str = "
containers:
  NAME-a: { ipv4: NET.11, packages: [libcurl4] }
  NAME-b: { ipv4: NET.12, packages: [libcurl4] }
  NAME-c: { ipv4: NET.13, packages: [libcurl4] }
mongodb:
  binary: mongod
  settings: { election_timeout: 2s }
  replica_sets:
    first: { members: [{ container: NAME-a, port: 27017, priority: 2 }, { container: NAME-a, port: 27018 }, { container: NAME-a, port: 27019 }] }
    second: { members: [{ container: NAME-b, port: 27017 }] }
  standalone:
    third: { container: NAME-c, port: 27017 }
";

/// A system of three databases.
struct Three {
    system: System,
}

impl Three {
    fn up(name: &str, subnet: u8) -> Self {
        let system = System::declare(name, subnet, THREE);
        system.up();
        Self { system }
    }

    /// How to reach each database as its administrator.
    fn uris(&self) -> [String; 3] {
        let uri = |container: &str, owner: &str, hosts: &str, options: &str| {
            let password = self.system.secret(container, &format!("{owner}.admin"));
            format!("mongodb://admin:{password}@{hosts}/?authSource=admin&{options}")
        };
        let first: Vec<String> = (27017..27020).map(|port| self.system.host(11, port)).collect();
        [
            uri("a", "first", &first.join(","), "replicaSet=first&w=majority"),
            uri("b", "second", &self.system.host(12, 27017), "replicaSet=second&w=majority"),
            uri("c", "third", &self.system.host(13, 27017), "directConnection=true"),
        ]
    }

    fn causal(&self, what: &str) -> Command {
        causal(what, &self.uris())
    }

    /// Starts writers, and waits until they write.
    fn writers(&self) -> Writers {
        Writers::start(&self.uris())
    }

    /// How many numbers each database has; none of them may be torn from the one before it.
    #[track_caller]
    fn counts(&self) -> Vec<u64> {
        counts(&self.uris())
    }
}

/// The writers' program, for three databases.
fn causal(what: &str, uris: &[String; 3]) -> Command {
    let python = Ran::of(&mut Command::new(Lab::project_file("lab/pymongo"))).ended_with(0);
    let mut command = lab().inside(format!("{}/python3", python.stdout.trim()));
    command.args(["-c", CAUSAL, what]).args(uris);
    command
}

/// How many numbers each of three databases has; none of them may be torn from the one before it.
#[track_caller]
fn counts(uris: &[String; 3]) -> Vec<u64> {
    let ran = Ran::of(&mut causal("check", uris)).ended_with(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["torn"], json!([]), "writes that followed others are there without them");
    told["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

struct Writers {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Writers {
    /// Starts them, and waits until they write.
    fn start(uris: &[String; 3]) -> Self {
        let mut child = causal("write", uris).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "writing\n");
        Self { child, stdout }
    }

    /// Stops them; what they did.
    fn stop(mut self) -> Value {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        self.child.wait().unwrap();
        serde_json::from_str(&line).expect("the writers died")
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The data of a command as JSON.
#[track_caller]
fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {}", ran.all()))
}

/// A path in the system's own folder.
fn beside(system: &System, name: &str) -> PathBuf {
    system.folder().join(name)
}

#[test]
fn a_snapshot_under_writers_tears_nothing_and_is_gone_back_to() {
    let three = Three::up("snap", 41);
    three.system.distctl(&["snapshot", "list"]).ended_with(0).says(&["has no snapshots"]);
    three.system.distctl(&["snapshot", "restore", "one"]).ended_with(1).says(&["no snapshot one", "snapshot create"]);
    let writers = three.writers();
    for name in ["one", "two", "three"] {
        let taken = three.system.distctl(&["--output", "json", "snapshot", "create", name]).ended_with(0);
        let cut = json_of(&taken);
        assert_eq!(cut["how"], "live");
        assert_eq!(cut["held"].as_array().unwrap().len(), 3, "{cut}");
        eprintln!("{name}: writes were held for {} ms", cut["paused_ms"]);
    }
    let told = writers.stop();
    eprintln!("the writers: {told}");
    assert_eq!(told["failed"], 0, "{told}");
    let end = three.counts();
    three.system.distctl(&["snapshot", "create", "two"]).ended_with(1).says(&["a snapshot two already"]);

    let mut before = vec![0, 0, 0];
    for name in ["one", "two", "three"] {
        three.system.distctl(&["snapshot", "restore", name]).ended_with(0);
        three.system.plan(0);
        let counts = three.counts();
        assert!(counts.iter().zip(&before).all(|(now, then)| now > then), "{name}: {counts:?} after {before:?}");
        assert!(counts.iter().zip(&end).all(|(now, last)| now < last), "{name}: {counts:?} of {end:?}");
        before = counts;
    }

    let list = json_of(&three.system.distctl(&["--output", "json", "snapshot", "list"]).ended_with(0));
    let names: Vec<_> = list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    for name in names {
        three.system.distctl(&["snapshot", "delete", name]).ended_with(0);
    }
    assert_eq!(lab().query("/1.0/instances/snap-a/snapshots"), json!([]));
    without_a_primary_nothing_is_taken(&three);
    a_guest_lets_go_by_itself(&three);
    a_member_is_down_and_a_container_gone(&three);
}

fn a_member_is_down_and_a_container_gone(three: &Three) {
    three.system.guest("a", "systemctl stop mongod-27019");
    three.system.distctl(&["snapshot", "create", "down"]).ended_with(0);
    let before = three.counts();
    three.writers().stop();
    three.system.distctl(&["snapshot", "restore", "down"]).ended_with(0);
    three.system.plan(0);
    assert_eq!(three.counts(), before);
    a_member_recovers(three);
    lab().incus(&["delete", "--force", "snap-c"]);
    three.system.distctl(&["snapshot", "create", "gone"]).ended_with(1).says(&["snap-c is not there", "distctl up"]);
    let bundle = beside(&three.system, "gone.distctl");
    three.system.distctl(&["export", bundle.to_str().unwrap()]).ended_with(1).says(&["snap-c is not there"]);
    assert!(!bundle.exists());
}

/// It is reachable, and neither primary nor secondary.
fn a_member_recovers(three: &Three) {
    let (host, secret) = (three.system.host(11, 27018), three.system.secret("a", "first.admin"));
    let member = Mongo::direct(&host).login("admin", &secret);
    member.run("out(client.admin.command('replSetMaintenance', True)['ok'])");
    let state = "client.admin.command('replSetGetStatus')['myState']";
    assert_eq!(member.eval(state), json!(3), "RECOVERING");
    three.system.distctl(&["snapshot", "create", "recovering"]).ended_with(0);
    for kind in ["full", "data"] {
        let bundle = beside(&three.system, &format!("recovering-{kind}.distctl"));
        three.system.distctl(&["export", bundle.to_str().unwrap(), "--kind", kind]).ended_with(0);
    }
    assert_eq!(member.eval(state), json!(3), "nobody has mended it meanwhile");
    member.run("out(client.admin.command('replSetMaintenance', False)['ok'])");
}

fn without_a_primary_nothing_is_taken(three: &Three) {
    three.system.guest("b", "systemctl stop mongod-27017");
    let refused = three.system.distctl(&["snapshot", "create", "none"]).ended_with(1);
    refused.says(&["second has no primary", "distctl status"]);
    assert_eq!(lab().query("/1.0/instances/snap-a/snapshots"), json!([]));
    three.system.up();
    three.writers().stop();
}

/// Asks the agent as distctl does, and then never again.
fn a_guest_lets_go_by_itself(three: &Three) {
    let request = json!({ "verb": "hold", "with": { "id": "alone", "ttl_ms": 8000, "mongods": [{
        "host": three.system.host(13, 27017), "set": null,
        "credential": { "user": "admin", "password_file": "/var/lib/distctl/secrets/third.admin" },
    }] } });
    let agent = "/usr/local/lib/distctl/agent-* call";
    let held = three.system.guest("c", &format!("echo '{request}' | {agent}"));
    assert!(held.contains("held") && held.contains(&three.system.host(13, 27017)), "{held}");
    let third = Mongo::direct(&three.system.host(13, 27017)).login("admin", &three.system.secret("c", "third.admin"));
    let is_held = || third.eval("client.admin.command('currentOp').get('fsyncLock', False)") == json!(true);
    assert!(is_held());
    wait_until("the guest lets go", Duration::from_secs(30), || !is_held());
    assert_eq!(three.writers().stop()["failed"], 0);
    let release = json!({ "verb": "let_go", "with": { "id": "alone" } });
    let late = three.system.guest("c", &format!("echo '{release}' | {agent}"));
    assert!(late.contains(r#""hosts":[]"#), "it must say that it did not hold to the end: {late}");
}
