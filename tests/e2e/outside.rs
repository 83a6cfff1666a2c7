//! What people do to a system past distctl, and changes of the file that Incus could not follow: one small system for all.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ran, System, lab, wait_until};

/// Something that starts with the host, after all of the system's containers.
const CONTROL: &str = "zz-control";

/// A single mongod in a pool that holds it to a limit.
const LIMITED: &str = "
storage: { pool: default }
containers:
  NAME-db: { ipv4: NET.11, packages: [libcurl4], limits: { disk: 4GiB } }
mongodb:
  binary: mongod
  standalone:
    main: { container: NAME-db, port: 27017 }
";

#[test]
fn names_copies_disks_and_a_host_that_starts() {
    let system = System::declare("hand", 73, LIMITED);
    system.up();
    system.main().run("client.story.kept.insert_many([{'_id': i} for i in range(1000)])\nout(1)");
    another_disk_is_refused(&system);
    a_volume_at_the_data_is_refused(&system);
    a_copy_is_in_nobodys_way(&system);
    what_is_down_stays_down(&system);
    a_container_gets_another_name(&system);
    the_network_stays_while_others_use_it(&system);
}

fn status(container: &str) -> Value {
    lab().query(&format!("/1.0/instances/{container}"))["status"].clone()
}

#[track_caller]
fn has_its_data(system: &System, container: &str) {
    let main =
        crate::harness::Mongo::direct(&system.host(11, 27017)).login("admin", &system.secret(container, "main.admin"));
    assert_eq!(main.eval("client.story.kept.count_documents({})"), json!(1000));
}

fn another_disk_is_refused(system: &System) {
    system.edit("disk: 4GiB", "disk: 64MiB");
    system.plan(1).says(&["limited to 64 MiB", "it holds"]);
    system.distctl(&["up"]).ended_with(1).says(&["nothing was changed"]);
    assert_eq!(lab().query("/1.0/instances/hand-db")["devices"]["root"]["size"], "4GiB");
    system.edit("disk: 64MiB", "disk: 4GiB");
    lab().incus(&["storage", "create", "hand-dir", "dir"]);
    system.edit("pool: default", "pool: hand-dir");
    system.plan(1).says(&["pool default", "hand-dir", "incus move"]);
    system.edit("  hand-db:", "  hand-new: { ipv4: 10.61.73.12, limits: { disk: 1GiB } }\n  hand-db:");
    system.plan(1).says(&["hand-new", "driver dir", "ignores"]);
    system.edit("  hand-new: { ipv4: 10.61.73.12, limits: { disk: 1GiB } }\n", "");
    system.edit("pool: hand-dir", "pool: default");
    lab().incus(&["storage", "delete", "hand-dir"]);
    system.plan(0);
}

fn a_volume_at_the_data_is_refused(system: &System) {
    system.distctl(&["snapshot", "create", "before"]).ended_with(0);
    lab().incus(&["storage", "volume", "create", "default", "hand-volume"]);
    lab().incus(&["profile", "create", "hand-profile"]);
    let device = ["disk", "pool=default", "source=hand-volume", "path=/var/lib/mongodb/more"];
    lab().incus(&[["profile", "device", "add", "hand-profile", "more"].as_slice(), &device].concat());
    lab().incus(&["profile", "add", "hand-db", "hand-profile"]);
    let bundle = system.folder().join("hand.distctl");
    let bundle = bundle.to_str().unwrap();
    let named = ["hand-db", "device more", "/var/lib/mongodb/more", "hand-volume", "--kind data"];
    system.distctl(&["snapshot", "create", "none"]).ended_with(1).says(&named);
    system.distctl(&["snapshot", "restore", "before"]).ended_with(1).says(&named);
    system.distctl(&["export", bundle]).ended_with(1).says(&named);
    assert!(!std::path::Path::new(bundle).exists());
    assert_eq!(lab().query("/1.0/instances/hand-db/snapshots").as_array().unwrap().len(), 1);
    system.plan(0).says(&["note", "hand-db", "/var/lib/mongodb/more"]);
    system.distctl(&["export", bundle, "--kind", "data"]).ended_with(0);
    lab().incus(&["profile", "remove", "hand-db", "hand-profile"]);
    lab().incus(&["profile", "delete", "hand-profile"]);
    lab().incus(&["storage", "volume", "delete", "default", "hand-volume"]);
    system.distctl(&["snapshot", "delete", "before"]).ended_with(0);
}

fn a_copy_is_in_nobodys_way(system: &System) {
    lab().incus(&["copy", "hand-db", "hand-bak", "--instance-only"]);
    system.plan(0).says(&["note", "hand-bak", "copy of hand-db"]);
    system.up();
}

fn what_is_down_stays_down(system: &System) {
    lab().incus(&["init", "debian/12", CONTROL, "--config", "boot.autostart=true"]);
    system.distctl(&["down"]).ended_with(0);
    kill_the_daemon();
    wait_until("the host's containers start", Duration::from_secs(60), || status(CONTROL) == "Running");
    assert_eq!(status("hand-db"), "Stopped");
    lab().incus(&["delete", "--force", CONTROL]);
    // The copy has its address, with which Incus would start neither.
    let plan = system.plan(2).says(&["start container hand-db"]);
    assert!(!plan.all().contains("boot.autostart"), "{}", plan.all());
    system.up();
    system.plan(0);
    assert_eq!(lab().query("/1.0/instances/hand-db")["config"]["boot.autostart"], "true");
    has_its_data(system, "db");
}

fn kill_the_daemon() {
    // In the lab's own process namespace.
    Ran::of(lab().inside("sh").args(["-c", "kill -9 $(pidof incusd)"])).ended_with(0);
    wait_until("the daemon is back", Duration::from_secs(60), || lab().try_incus(&["query", "/1.0"]).code == Some(0));
}

fn a_container_gets_another_name(system: &System) {
    system.edit("hand-db", "hand-users");
    system.mends(&["rename container hand-db to hand-users"]);
    has_its_data(system, "users");
    assert_eq!(system.guest("users", "hostname"), "hand-users\n");
    lab().incus(&["stop", "--force", "hand-users"]);
    lab().incus(&["rename", "hand-users", "hand-mine"]);
    system.mends(&["rename container hand-mine to hand-users"]);
    has_its_data(system, "users");
}

fn the_network_stays_while_others_use_it(system: &System) {
    let gone = system.distctl(&["destroy"]).ended_with(0).says(&["handbr0", "stays", "hand-bak"]);
    assert!(!gone.all().contains("destroy --only"), "{}", gone.all());
    assert_eq!(system.containers(), ["hand-bak"]);
    assert!(system.has_network());
}
