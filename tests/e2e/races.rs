//! Two runs at once, and a daemon that goes away under one.

use std::time::Duration;

use crate::harness::{Ran, System, lab, wait_until};

#[test]
fn a_second_up_names_the_first_or_waits_for_it() {
    let system = System::single("race", 40);
    let mut first = system.start(&["up"]);
    assert!(first.said(|line| line.contains("step_started")), "{}", first.end().all());
    let pid = system.lease().expect("a run that writes holds the lease");
    system.distctl(&["up"]).ended_with(1).says(&["topology race is being changed by", "--lock-wait"]);
    let waited = system.distctl(&["up", "--lock-wait", "3m"]).ended_with(0);
    assert!(pid.contains("holder"), "{pid}");
    first.end().ended_with(0);
    assert!(waited.all().contains("waiting for"), "{}", waited.all());
    assert_eq!(system.lease(), None);
    system.plan(0);
}

/// Ends the daemon, which the lab starts again, and waits until it answers.
fn restart_daemon() {
    // Its helpers carry the same name, so it is asked for its number. The lab has process numbers of its own.
    let server = lab().query("/1.0");
    let mut kill = lab().inside("kill");
    Ran::of(kill.args(["-KILL", &server["environment"]["server_pid"].to_string()])).ended_with(0);
    wait_until("the daemon is back", Duration::from_secs(60), || lab().has("/1.0/instances"));
}

/// Killed at points of a cold `up`: each time it is survived or named, and the next run goes on. Not while it creates a
/// container: Incus 6.0.4 then keeps a record without a file system, which only deleting mends, as the error says.
#[test]
fn a_daemon_that_restarts_is_survived_or_named() {
    let system = System::single("daemon", 41);
    for point in ["push", "wait for mongod"] {
        let mut up = system.start(&["up"]);
        if !up.said(|line| line.contains("step_started") && line.contains(point)) {
            up.end().ended_with(0);
            continue;
        }
        restart_daemon();
        let ended = up.end();
        eprintln!(
            "measured: the daemon killed at '{point}': up ended with {:?} in {:.1} s",
            ended.code,
            ended.took.as_secs_f64()
        );
        if ended.code != Some(0) {
            let ended = ended.ended_with(1);
            let said = ended.all();
            let names = ["incus", "daemon", "socket", "connection", "operation"];
            assert!(names.iter().any(|word| said.to_lowercase().contains(word)), "it does not name the daemon: {said}");
        }
    }
    system.up();
    system.plan(0);
    assert_eq!(system.main().eval("client.admin.command('ping')['ok']"), 1.0);
}
