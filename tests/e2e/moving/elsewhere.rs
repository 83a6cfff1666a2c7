//! Bundles that are brought up elsewhere.

use serde_json::json;

use super::{Three, beside, json_of};
use crate::harness::{Mongo, Ran, lab};

/// A project that is gone after the test, with what is in it and the network of the copy.
pub struct Project(&'static str, &'static str);

impl Project {
    pub fn new(name: &'static str, network: &'static str) -> Self {
        let project = Self(name, network);
        project.remove();
        lab().incus(&["project", "create", name, "-c", "features.images=false", "-c", "features.profiles=false"]);
        project
    }

    fn remove(&self) {
        let list = lab().try_incus(&["list", "--project", self.0, "--format", "csv", "--columns", "n"]);
        for container in list.stdout.lines() {
            lab().try_incus(&["delete", "--force", "--project", self.0, container]);
        }
        lab().try_incus(&["project", "delete", self.0]);
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.remove();
        lab().try_incus(&["network", "delete", self.1]);
    }
}

#[test]
fn an_export_under_writers_comes_up_beside_the_original() {
    let three = Three::up("move", 42);
    let project = Project::new("copies", "copybr0");
    let writers = three.writers();
    let bundle = beside(&three.system, "move.distctl");
    let path = bundle.to_str().unwrap();
    let exported = json_of(&three.system.distctl(&["--output", "json", "export", path]).ended_with(0));
    let told = writers.stop();
    eprintln!("{} bytes of {}; writers: {told}", exported["size"], exported["content"]);
    assert_eq!(told["failed"], 0, "{told}");
    let original = three.counts();
    three.system.plan(0);
    nothing_is_left_of_exports(&three);
    three.system.distctl(&["bundle", "verify", path]).ended_with(0).says(&["every byte is right"]);
    tried_and_removed(&three, path, exported["manifest"]["id"].as_str().unwrap());

    let folder = beside(&three.system, "copy");
    let copy = ["--project", "copies", "import", path, "--into", folder.to_str().unwrap()];
    let elsewhere = ["--name", "copy", "--subnet", "10.61.43.0/24"];
    three.system.distctl(&[copy.as_slice(), &elsewhere].concat()).ended_with(0).says(&["is up and verified"]);
    let topology = folder.join("topology.yaml");
    let inside = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::harness::Lab::distctl());
        command.arg("--file").arg(&topology).args(["--project", project.0, "--yes"]).args(arguments);
        Ran::of(&mut command)
    };
    inside(&["plan", "--exit-code"]).ended_with(0);
    inside(&["verify"]).ended_with(0);
    let counts = counts_at(&three, "10.61.43");
    assert!(counts.iter().zip(&original).all(|(copy, end)| *copy > 0 && copy < end), "{counts:?} of {original:?}");
    // A change of the copy is none of the original, which has lost nothing.
    inside(&["destroy"]).ended_with(0);
    with_new_secrets_and_names(&three, path, &counts);
    assert_eq!(three.counts(), original);
    three.system.plan(0);
}

/// Brought up in a project of its own, and gone again.
#[track_caller]
fn tried_and_removed(three: &Three, bundle: &str, id: &str) {
    let somebodys = format!("distctl-try-{id}");
    lab().incus(&["project", "create", &somebodys]);
    let refused = three.system.distctl(&["bundle", "verify", bundle, "--restore"]).ended_with(1);
    refused.says(&[&somebodys, "no trial has made", "nothing was changed"]);
    lab().incus(&["project", "delete", &somebodys]);
    let (projects, networks) = (lab().query("/1.0/projects"), lab().query("/1.0/networks"));
    // One that is killed is removed by the next one.
    let mut killed = three.system.start(&["bundle", "verify", bundle, "--restore"]);
    assert!(killed.said(|line| line.contains("step_done") && line.contains("unpack")), "nothing is unpacked");
    killed.signal("KILL");
    killed.end();
    assert_ne!(lab().query("/1.0/projects"), projects);
    let tried = three.system.distctl(&["--output", "json", "bundle", "verify", bundle, "--restore"]).ended_with(0);
    assert_eq!(json_of(&tried)["verification"]["verdict"], "pass");
    assert_eq!((lab().query("/1.0/projects"), lab().query("/1.0/networks")), (projects, networks));
    let taken = ["bundle", "verify", bundle, "--restore", "--subnet", "10.61.42.0/24"];
    three.system.distctl(&taken).ended_with(1).says(&["10.61.42.1", "is taken", "--subnet", "is removed"]);
}

/// A copy whose keyfiles and passwords are not those of the bundle, nor what two of its databases are called.
#[track_caller]
fn with_new_secrets_and_names(three: &Three, bundle: &str, counts: &[u64]) {
    let folder = beside(&three.system, "renewed");
    let import = ["--project", "copies", "import", bundle, "--into", folder.to_str().unwrap()];
    let options = ["--name", "copy", "--subnet", "10.61.43.0/24", "--rotate-secrets"];
    let names = ["--map", "first=uno", "--map", "third=tres"];
    let import = [import.as_slice(), &options, &names].concat();
    // Killed while containers are given their secrets and names, or soon after.
    let mut killed = three.system.start(&import);
    let mut unpacked = 0;
    killed.said(|line| {
        unpacked += usize::from(line.contains("step_done") && line.contains("unpack"));
        unpacked == 3
    });
    killed.signal("KILL");
    killed.end();
    let resume = [import.as_slice(), &["--resume", "--lock-wait", "1m"]].concat();
    three.system.distctl(&resume).ended_with(0).says(&["is up and verified"]);
    let password =
        |project: &str, container: &str, owner: &str| lab().secret(project, container, &format!("{owner}.admin"));
    let databases =
        [("move-a", "first", "uno", 11), ("move-b", "second", "second", 12), ("move-c", "third", "tres", 13)];
    let mut uris = Vec::new();
    for (container, before, owner, last) in databases {
        let (old, new) = (password("default", container, before), password("copies", container, owner));
        assert_ne!(old, new, "{owner}");
        let at = format!("10.61.43.{last}:27017");
        let admin = Mongo::direct(&at).login("admin", &new);
        let set = if owner == "tres" { json!(null) } else { json!(owner) };
        assert_eq!(admin.eval("client.admin.command('hello').get('setName')"), set);
        let refused = Mongo::direct(&at).login("admin", &old).try_run("out(client.admin.command('ping'))");
        assert!(refused.all().contains("Authentication failed"), "{}", refused.all());
        let left = lab().try_guest_in("copies", container, "ls /var/lib/distctl/secrets /etc/distctl");
        let left = left.ended_with(0).stdout;
        assert!(!left.contains("before"), "the old password must not stay: {left}");
        assert!(before == owner || !left.contains(before), "nor what has the old name: {left}");
        uris.push(format!("mongodb://admin:{new}@{at}/?authSource=admin&directConnection=true"));
    }
    let now = super::counts(&uris.try_into().unwrap());
    // What four writers had not heard of yet may be there, or not.
    let same = now.iter().zip(counts).all(|(now, before)| now.abs_diff(*before) <= 4);
    assert!(same, "nothing is lost on the way to other names: {now:?}, {counts:?}");
    let keys = [("default", "/etc/distctl/first.keyfile"), ("copies", "/etc/distctl/uno.keyfile")];
    let [old, new] =
        keys.map(|(project, key)| lab().try_guest_in(project, "move-a", &format!("cat {key}")).ended_with(0).stdout);
    assert_ne!(old, new);
}

/// What an export keeps in Incus is gone: clones, backups, snapshots.
#[track_caller]
fn nothing_is_left_of_exports(three: &Three) {
    assert_eq!(three.system.containers().len(), 3, "{:?}", three.system.containers());
    for name in ["a", "b", "c"] {
        let container = three.system.container(name);
        assert_eq!(lab().query(&format!("/1.0/instances/{container}/snapshots")), json!([]));
        assert_eq!(lab().query(&format!("/1.0/instances/{container}/backups")), json!([]));
    }
}

/// The same question to the copy: its passwords are the original's.
#[track_caller]
fn counts_at(three: &Three, net: &str) -> Vec<u64> {
    let mut command = three.causal("check");
    let moved: Vec<String> =
        command.get_args().map(|argument| argument.to_str().unwrap().replace("10.61.42", net)).collect();
    let program = command.get_program().to_owned();
    command = std::process::Command::new(program);
    let ran = Ran::of(command.args(moved)).ended_with(0);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["torn"], json!([]));
    told["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}
