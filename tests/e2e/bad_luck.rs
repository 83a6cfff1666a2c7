//! Bad luck in the guests: each is named, nothing is made worse, and `up` goes on when it is over.

use std::time::Duration;

use crate::harness::{Lab, Mongo, System, lab, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// Puts a mongod.conf beside the topology that mongod refuses.
fn spoil_conf(system: &System) {
    let conf = std::fs::read_to_string(Lab::project_file("templates/mongod.conf")).unwrap();
    std::fs::create_dir_all(system.folder().join("templates")).unwrap();
    let spoilt = conf.replace("setParameter:", "setParameter:\n  thisIsNoParameter: 1");
    std::fs::write(system.folder().join("templates/mongod.conf"), spoilt).unwrap();
}

#[test]
fn a_mongod_that_dies_at_its_start_is_named_with_its_log() {
    let system = System::single("dies", 20);
    system.edit("containers:\n", "containers:\n  dies-other: { ipv4: 10.61.20.12 }\n");
    spoil_conf(&system);
    system.distctl(&["up"]).ended_with(1).says(&["mongod-27017", "Its log ends with:", "thisIsNoParameter", "Hint:"]);
    let other = system.guest("other", "ip -4 -o address show dev eth0");
    assert!(other.contains("10.61.20.12/24"), "the other container is built: {other}");
    assert_eq!(system.lease(), None);
    std::fs::remove_file(system.folder().join("templates/mongod.conf")).unwrap();
    system.up();
    system.plan(0);
}

/// No machine here lacks AVX; a program that dies as mongod does there stands in for it.
#[test]
fn a_processor_without_avx_is_named() {
    let system = System::single("noavx", 26);
    let mongod = system.folder().join("mongod");
    std::fs::write(&mongod, "#!/bin/sh\nkill -s ILL $$\n").unwrap();
    system.edit(&Lab::project_file("artifacts/mongod").display().to_string(), &mongod.display().to_string());
    system.distctl(&["up"]).ended_with(1).says(&["mongod-27017", "the processor lacks AVX", "mongod 4.4"]);
    assert_eq!(system.lease(), None);
}

/// The set keeps its majority: the roll stops at the first member that does not come back.
#[test]
fn a_roll_stops_at_the_first_member_that_fails() {
    let system = System::set_of_three("halt", 21);
    system.up();
    spoil_conf(&system);
    system.distctl(&["up"]).ended_with(1).says(&["mongod-2701", "thisIsNoParameter"]);
    let admin = system.rs();
    let script =
        "client.story.kept.with_options(write_concern=pymongo.WriteConcern('majority')).insert_one({})\nout(1)";
    admin.run(script);
    // The primary hears that a member is away with its next heartbeat.
    wait_until("two members are left", Duration::from_secs(30), || {
        let states = admin.members().to_string();
        states.matches("SECONDARY").count() + states.matches("PRIMARY").count() == 2
    });
    std::fs::remove_file(system.folder().join("templates/mongod.conf")).unwrap();
    system.up();
    system.plan(0);
    admin.await_healthy(3);
}

#[test]
fn a_full_disk_is_named() {
    let system = System::single("full", 22);
    system.edit("packages: [libcurl4] }", "packages: [libcurl4], limits: { disk: 1GiB } }\nstorage: { pool: default }");
    system.up();
    // A mongod that runs would keep the space of its deleted binary.
    system.guest("db", "systemctl stop mongod-27017; rm /usr/local/bin/mongod; sync; dd if=/dev/zero of=/filler bs=1M status=none || true; sync");
    let failed = system.distctl(&["up"]).ended_with(1).says(&["full-db"]);
    let said = failed.all().to_lowercase();
    assert!(["quota", "no space", "is full"].iter().any(|word| said.contains(word)), "{said}");
    // What the daemon would write down of the command does not fit in there either.
    lab().incus(&["exec", "full-db", "--", "sh", "-c", "rm /filler; sync"]);
    system.up();
    system.plan(0);
}

#[test]
fn a_guest_without_systemd_is_refused() {
    let system = System::single("noinit", 23);
    system.up();
    system.guest("db", "rm /sbin/init; printf '#!/bin/sh\\nexec sleep infinity\\n' >/sbin/init; chmod 755 /sbin/init");
    lab().incus(&["restart", "--force", "noinit-db"]);
    system.distctl(&["up"]).ended_with(1).says(&["noinit-db", "systemd", "Hint:"]);
}

/// Stops mongods where they stand: they hold their ports and answer nobody.
fn freeze(system: &System, ports: &[u16], signal: &str) {
    for port in ports {
        system.guest("db", &format!("systemctl kill --signal={signal} --kill-whom=main mongod-{port}"));
    }
}

#[test]
fn a_set_with_one_member_down_is_degraded_and_left_alone() {
    let system = System::set_of_three("lame", 24);
    system.up();
    let before = system.rs().config();
    freeze(&system, &[27019], "STOP");
    system.plan(3).says(&["degraded", "replica set rs", "10.61.24.11:27019"]);
    system.edit("port: 27018, priority: 1", "port: 27018, priority: 2");
    system.distctl(&["up"]).ended_with(3).says(&["replica set rs"]);
    assert_eq!(system.rs().config(), before, "changes wait until all members are healthy");
    freeze(&system, &[27019], "CONT");
    system.rs().await_healthy(3);
    system.mends(&["reconfigure rs", "priority: 1 -> 2"]);
}

#[test]
fn a_set_without_majority_is_not_changed() {
    let system = System::set_of_three("minor", 25);
    system.up();
    let before = system.rs().config();
    freeze(&system, &[27018, 27019], "STOP");
    let first = Mongo::direct(&system.host(11, 27017)).login("admin", &system.secret("db", "rs.admin"));
    wait_until("the primary steps down", PATIENCE, || {
        first.try_run("out(client.admin.command('hello')['isWritablePrimary'])").stdout.trim() == "false"
    });
    system.edit("port: 27018, priority: 1", "port: 27018, priority: 2");
    system.plan(3).says(&["replica set rs", "majority"]);
    system.distctl(&["up"]).ended_with(3);
    system.distctl(&["restart", "rs"]).ended_with(1);
    assert_eq!(first.config()["version"], before["version"]);
    freeze(&system, &[27018, 27019], "CONT");
    system.rs().await_healthy(3);
    system.mends(&["reconfigure rs"]);
}
