//! Restarts that roll through a set while a client writes, and failovers as that client feels them.

use std::time::Duration;

use crate::harness::{Mongo, System, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// Writes go on through a restart of all members, twice: asked for, and because of a changed setting of mongod.
#[test]
fn writes_survive_a_rolling_restart() {
    let system = System::set_of_three("roll", 2);
    system.up();
    let writer = system.rs().writer();
    system.distctl(&["restart", "rs"]).ended_with(0);
    let states = system.rs().members();
    assert_eq!(states[system.host(11, 27017)], "PRIMARY", "the favourite leads again when it is over: {states}");
    eprintln!("measured: restart of a set, longest write gap {:.2} s", writer.stop());
    let pids = |system: &System| system.guest("db", "pgrep -x mongod | sort | tr '\\n' ' '");
    let before = pids(&system);
    std::fs::create_dir(system.folder().join("templates")).unwrap();
    let conf = std::fs::read_to_string(crate::harness::Lab::project_file("templates/mongod.conf")).unwrap();
    let changed = conf.replace("setParameter:", "setParameter:\n  cursorTimeoutMillis: 123456");
    std::fs::write(system.folder().join("templates/mongod.conf"), changed).unwrap();
    system.plan(2).says(&["mongod-27017", "step", "restart"]);
    system.rs().run("client.story.writes.drop()\nout(1)");
    let writer = system.rs().writer();
    system.up();
    eprintln!("measured: a new setting of mongod, longest write gap {:.2} s", writer.stop());
    system.plan(0);
    let after = pids(&system);
    assert!(before.split(' ').all(|pid| pid.is_empty() || !after.contains(pid)), "{before}, then {after}");
    let value = "client.admin.command('getParameter', cursorTimeoutMillis=1)['cursorTimeoutMillis']";
    assert_eq!(system.rs().eval(value), 123_456);
}

/// How soon is measured by `bench/run`; here it is much sooner than a person would mend it.
#[test]
fn another_member_takes_over_soon() {
    let system = System::set_of_three("fail", 3);
    system.up();
    for fault in ["systemctl kill --signal=KILL --kill-whom=main mongod-27017", "systemctl stop mongod-27017"] {
        let admin = system.rs();
        admin.await_healthy(3);
        wait_until("the favourite is primary", PATIENCE, || admin.members()[system.host(11, 27017)] == "PRIMARY");
        admin.run("client.story.writes.drop()\nout(1)");
        let writer = admin.writer();
        system.guest("db", fault);
        let survivors = [27018, 27019].map(|port| system.host(11, port));
        let survivor = Mongo::direct(&survivors[0]).login("admin", &system.secret("db", "rs.admin"));
        let script = format!("out([h for h, s in members().items() if s == 'PRIMARY' and h in {survivors:?}] != [])");
        let leads = || survivor.try_run(&script).stdout.trim() == "true";
        wait_until("another member is primary", PATIENCE, leads);
        let gap = writer.stop();
        eprintln!("measured: {fault}, longest write gap {gap:.2} s");
        assert!(gap < 10.0, "{fault}: {gap} s");
        system.guest("db", "systemctl start mongod-27017");
    }
}
