//! An import that is killed: nothing of what is missing is ever made empty.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::beside;
use crate::harness::{Lab, Mongo, Ran, Running, System, lab};

/// Two databases, each in a container of its own.
const TWO: &str = "
containers:
  NAME-a: { ipv4: NET.11, packages: [libcurl4] }
  NAME-b: { ipv4: NET.12, packages: [libcurl4] }
mongodb:
  binary: mongod
  standalone:
    first: { container: NAME-a, port: 27017 }
    second: { container: NAME-b, port: 27017 }
";

fn client(system: &System, last: u8, container: &str, owner: &str) -> Mongo {
    Mongo::direct(&system.host(last, 27017)).login("admin", &system.secret(container, &format!("{owner}.admin")))
}

/// distctl on the topology that an import has written.
fn there(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(Lab::distctl());
    command.arg("--file").arg(folder.join("topology.yaml")).args(["--yes", "--progress", "plain"]).args(arguments);
    Ran::of(&mut command)
}

/// Kills it when it says all of this in one line.
fn killed(mut import: Running, when: &[&str]) {
    assert!(import.said(|line| when.iter().all(|part| line.contains(part))), "it never says {when:?}");
    import.signal("KILL");
    assert_eq!(import.end().code, None);
}

/// Neither `plan` nor `up` goes on with it as if it were a system of its own; gives the command that they name.
fn is_refused(folder: &Path) -> String {
    let before = lab().query("/1.0/instances").to_string();
    let plan = there(folder, &["plan"]).ended_with(1).says(&["not finished", "--resume"]);
    assert!(!plan.all().contains("--adopt"), "{}", plan.all());
    there(folder, &["up"]).ended_with(1).says(&["not finished", "--resume", "nothing was changed"]);
    there(folder, &["up", "--adopt"]).ended_with(1).says(&["not finished"]);
    assert_eq!(lab().query("/1.0/instances").to_string(), before, "nothing may be made");
    plan.all().split('`').find(|part| part.ends_with("--resume")).expect("a command").to_owned()
}

#[test]
fn one_that_is_killed_is_gone_on_with_and_never_made_empty() {
    let system = System::declare("half", 74, TWO);
    system.up();
    for (last, container, owner) in [(11, "a", "first"), (12, "b", "second")] {
        let insert = "client.story.kept.insert_many([{'_id': i} for i in range(1000)])\nout(1)";
        client(&system, last, container, owner).run(insert);
    }
    let bundle = beside(&system, "half.distctl");
    let bundle = bundle.to_str().unwrap();
    system.distctl(&["export", bundle]).ended_with(0);
    system.distctl(&["destroy"]).ended_with(0);
    let into = beside(&system, "there");
    let import = ["import", bundle, "--into", into.to_str().unwrap()];

    // Before there is a container, and given up.
    killed(system.start(&import), &["step_started", "unpack half-"]);
    is_refused(&into);
    there(&into, &["destroy"]).ended_with(0);
    assert!(system.containers().is_empty(), "{:?}", system.containers());
    assert!(!into.join(".topology.yaml.import").exists());

    // When the first is there.
    let again = [import.as_slice(), &["--lock-wait", "1m"]].concat();
    killed(system.start(&again), &["step_done", "unpack half-"]);
    let command = is_refused(&into);
    let rest = command.strip_prefix("distctl ").expect("a command of distctl");
    let mut resumed = Command::new(Lab::distctl());
    resumed.args(["--yes", "--progress", "plain"]).args(rest.split(' ')).args(["--lock-wait", "1m"]);
    Ran::of(&mut resumed).ended_with(0).says(&["is up and verified"]);
    there(&into, &["plan", "--exit-code"]).ended_with(0);
    for (last, container, owner) in [(11, "a", "first"), (12, "b", "second")] {
        let count = client(&system, last, container, owner).eval("client.story.kept.count_documents({})");
        assert_eq!(count, json!(1000), "{owner}");
    }
    assert!(!into.join(".topology.yaml.import").exists());
}
