//! What can go wrong with a failover test itself.

use std::time::Duration;

use super::broken;
use crate::harness::{System, lab, wait_until};

/// Whatever it is at, what it broke is undone by the next `heal`.
#[test]
fn killed_at_any_moment_it_is_healed() {
    let broken = broken();
    let moments = [
        ("pause", "clients in drill-box write"),
        ("partition", "1 of 1: partition"),
        ("container-stop", "1 of 1: container-stop"),
        ("freeze", "1 of 1: freeze"),
        ("stop", "reading everything back"),
    ];
    for (fault, moment) in moments {
        let folder = broken.folder(&format!("killed-{fault}"));
        let hold = if fault == "stop" { "0s" } else { "60s" };
        let arguments = ["failover-test", "--clients", "8", "--fault", fault, "--hold", hold, "--report", &folder];
        let mut test = broken.system.start(&arguments);
        assert!(test.said(|line| line.contains(moment)), "it never came to '{moment}'");
        if hold == "60s" && fault != "pause" {
            wait_until("the fault is written down", Duration::from_secs(20), || is_noted(&broken.system));
        }
        test.signal("KILL");
        assert_eq!(test.end().code, None);
        if fault == "partition" {
            // Whoever looks now is told what is in force, and that `up` is not what undoes it.
            let looked = broken.system.distctl(&["status"]);
            looked.ended_with(3).says(&["failover test rs-", "`partition` in force in drill-db", "distctl heal"]);
        }
        broken.system.distctl(&["heal"]).ended_with_one_of(&[0, 3]);
        broken.system.rs().await_healthy(3);
        broken.system.distctl(&["heal"]).ended_with(0).says(&["nothing was left"]);
        broken.assert_clean();
    }
}

/// A run that is killed while its fault is written down breaks nothing, and leaves a file that stayed for ever once.
#[test]
fn what_was_begun_to_be_written_down_is_seen_removed_and_named() {
    let broken = broken();
    let begin = || {
        broken.system.guest("db", "mkdir -p /var/lib/distctl/faults; touch /var/lib/distctl/faults/rs-killed-0.new");
    };
    begin();
    broken.system.distctl(&["verify"]).ended_with(1).says(&["rs-killed-0, begun and never in force", "distctl heal"]);
    broken.system.distctl(&["heal"]).ended_with(0).says(&["rs-killed-0"]);
    begin();
    let (ran, _) = broken.test("begun", &["--fault", "stepdown", "--hold", "0s"]);
    ran.ended_with(0).says(&["removed in drill-db", "rs-killed-0"]);
    broken.assert_clean();
}

fn is_noted(system: &System) -> bool {
    let instance = lab().query(&format!("/1.0/instances/{}", system.container("db")));
    instance["config"].as_object().unwrap().keys().any(|key| key.starts_with("user.distctl.fault."))
}

/// Nobody comes to heal: the guest does it by itself, and a test that finds a fault left refuses to begin.
#[test]
fn a_guest_undoes_a_fault_by_itself() {
    let broken = broken();
    let folder = broken.folder("left");
    let arguments =
        ["failover-test", "--clients", "8", "--fault", "pause", "--hold", "2s", "--grace", "3s", "--report", &folder];
    let mut test = broken.system.start(&arguments);
    assert!(test.said(|line| line.contains("1 of 1: pause")), "nothing was paused");
    let stopped = "grep -lE '^State:.T' /proc/[0-9]*/status 2>/dev/null | wc -l";
    let is_paused = || broken.system.guest("db", stopped).trim() == "1";
    wait_until("a mongod is paused", Duration::from_secs(20), is_paused);
    test.signal("KILL");
    test.end();
    wait_until("it goes on by itself", Duration::from_secs(30), || !is_paused());
    broken.system.rs().await_healthy(3);
    broken
        .system
        .distctl(&["failover-test", "--report", &broken.folder("refused")])
        .ended_with(3)
        .says(&["distctl heal"]);
    broken.system.distctl(&["heal"]).ended_with(0);
    broken.assert_clean();
}

#[test]
fn interrupted_it_heals_and_judges_what_it_has() {
    let broken = broken();
    let folder = broken.folder("interrupted");
    let arguments = ["failover-test", "--clients", "8", "--fault", "partition", "--hold", "60s", "--report", &folder];
    let mut test = broken.system.start(&arguments);
    assert!(test.said(|line| line.contains("1 of 1: partition")), "nothing was cut");
    wait_until("the rules are there", Duration::from_secs(20), || {
        broken.system.guest("db", "nft list tables").contains("distctl")
    });
    test.signal("INT");
    test.end().ended_with(130);
    broken.system.rs().await_healthy(3);
    broken.assert_clean();
    assert!(std::fs::metadata(format!("{folder}/report.json")).is_ok(), "there is no report");
}

/// Nothing can be told of what nobody recorded.
#[test]
fn a_workload_that_dies_leaves_it_unknown() {
    let broken = broken();
    let folder = broken.folder("dies");
    let arguments = ["failover-test", "--clients", "8", "--fault", "pause", "--hold", "60s", "--report", &folder];
    let mut test = broken.system.start(&arguments);
    assert!(test.said(|line| line.contains("1 of 1: pause")), "nothing was paused");
    wait_until("the fault is written down", Duration::from_secs(20), || is_noted(&broken.system));
    broken.system.guest("box", "systemctl kill --signal=KILL 'distctl-drill-*.service'");
    test.end().ended_with(3);
    broken.system.rs().await_healthy(3);
    broken.assert_clean();
}

#[test]
fn what_can_not_be_tested_is_refused_before_anything_is_touched() {
    let broken = broken();
    let system = &broken.system;
    let test = |arguments: &[&str]| {
        system.distctl(&[&["failover-test", "--report", &broken.folder("x")][..], arguments].concat())
    };
    test(&["rsX"]).ended_with(2).says(&["no replica set rsX", "it has rs"]);
    test(&["--fault", "explode"]).ended_with(2).says(&["no fault `explode`", "partition-one-way"]);
    test(&["--target", "nowhere"]).ended_with(2).says(&["no member of rs is in a container `nowhere`"]);
    test(&["--from", "nowhere"]).ended_with(2).says(&["no container nowhere"]);
    test(&["--workload", "app"]).ended_with(3).says(&["no service that routes"]);
    test(&["--fault", "freeze", "--from", &system.container("db")]).ended_with(3).says(&["would die with the fault"]);
    test(&["--fault", "kill,clock"]).ended_with(3).says(&["libfaketime", "nothing was touched"]);
    system.guest("db", "mv /usr/sbin/nft /usr/sbin/nft.away");
    test(&["--fault", "partition"]).ended_with(3).says(&["nft", "nothing was touched", "Hint:"]);
    system.guest("db", "mv /usr/sbin/nft.away /usr/sbin/nft");
    system.guest("db", "systemctl stop mongod-27019");
    test(&[]).ended_with(3).says(&["not as declared", "distctl up"]);
    system.distctl(&["verify"]).ended_with(1);
    system.up();
    let mut holder = system.start(&[
        "failover-test",
        "--clients",
        "4",
        "--fault",
        "pause",
        "--hold",
        "60s",
        "--report",
        &broken.folder("holder"),
    ]);
    assert!(holder.said(|line| line.contains("clients in drill-box write")), "it does not begin");
    test(&["--force"]).ended_with(3).says(&["is being changed by"]);
    holder.signal("INT");
    holder.end().ended_with(130);
    assert!(std::fs::metadata(broken.folder("x")).is_err(), "a refused test leaves no folder");
    broken.assert_clean();
}
