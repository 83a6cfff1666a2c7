//! A clock that is an hour ahead, of a mongod under libfaketime.

use std::time::Duration;

use serde_json::Value;

use super::{BODY, Broken, verdict};
use crate::harness::{Lab, Mongo, System, wait_until};

/// A set whose mongods all run under libfaketime, by the drop-in that docs/failover.md shows.
fn faked() -> Broken {
    let body = BODY.replace("[libcurl4]", "[libcurl4, libfaketime]");
    let faked = Broken { system: System::declare("clock", 71, &body) };
    faked.system.up();
    let docs = std::fs::read_to_string(Lab::project_file("docs/failover.md")).unwrap();
    let drop_in: Vec<&str> = docs
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[Service]")
        .take_while(|line| line.is_empty() || line.starts_with('[') || line.starts_with("Environment="))
        .collect();
    assert!(drop_in.len() > 4, "the drop-in in docs/failover.md: {drop_in:?}");
    let script = format!(
        "for unit in mongod-27017 mongod-27018 mongod-27019; do
            mkdir -p /etc/systemd/system/$unit.service.d
            printf '%s\\n' '{}' > /etc/systemd/system/$unit.service.d/clock.conf
        done
        systemctl daemon-reload",
        drop_in.join("\n")
    );
    faked.system.guest("db", &script);
    faked.system.distctl(&["restart", "rs"]).ended_with(0);
    faked.system.plan(0);
    faked
}

/// How far a member's clock is ahead, in seconds, as it tells anybody.
fn ahead(system: &System, port: u16) -> f64 {
    let script = "import datetime
told = client.admin.command('hello')['localTime']
out((told - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)).total_seconds())";
    Mongo::direct(&system.host(11, port)).run(script).as_f64().unwrap()
}

fn is_an_hour(seconds: f64) -> bool {
    (seconds - 3600.0).abs() < 60.0
}

#[track_caller]
fn assert_right(system: &System) {
    for port in 27017..27020 {
        let seconds = ahead(system, port);
        assert!(seconds.abs() < 60.0, "the clock of {port} is {seconds} s ahead");
    }
}

/// It is set, set right, and no lasting harm is done: what comes next is got over, too.
#[test]
fn a_clock_that_was_an_hour_ahead_is_set_right() {
    let faked = faked();
    let system = &faked.system;
    let target = system.host(11, 27017);
    let folder = faked.folder("ahead");
    let arguments = [
        "failover-test",
        "--clients",
        "8",
        "--fault",
        "clock",
        "--hold",
        "20s",
        "--target",
        &target,
        "--report",
        &folder,
    ];
    let mut test = system.start(&arguments);
    assert!(test.said(|line| line.contains("1 of 1: clock")), "no clock was set");
    wait_until("the clock is an hour ahead", Duration::from_secs(20), || is_an_hour(ahead(system, 27017)));
    assert!([27018, 27019].iter().all(|port| ahead(system, *port).abs() < 60.0), "the others' clocks are right");
    test.end().ended_with(0);
    assert_right(system);
    faked.assert_clean();
    let report: Value = serde_json::from_slice(&std::fs::read(format!("{folder}/report.json")).unwrap()).unwrap();
    assert_eq!(report["numbers"]["lost_writes"], 0);
    assert_eq!((verdict(&report, "healing"), verdict(&report, "convergence")), ("pass", "pass"));
    let arguments =
        ["--fault", "clock,kill", "--rounds", "4", "--hold", "1s", "--seed", "2", "--target", "primary,secondary"];
    let (ran, report) = faked.test("again", &arguments);
    ran.ended_with(0);
    assert_eq!(report["numbers"]["lost_writes"], 0);
    faked.assert_clean();

    killed_it_is_healed(&faked);
    left_alone_the_guest_does_it(&faked);
}

fn begin_and_kill(faked: &Broken, name: &str, grace: &str) {
    let (system, folder) = (&faked.system, faked.folder(name));
    let usual = ["failover-test", "--clients", "8", "--fault", "clock", "--target", "primary", "--report", &folder];
    let test = system.start(&[&usual[..], &["--hold", "5s", "--grace", grace]].concat());
    wait_until("a clock is an hour ahead", Duration::from_secs(30), || is_an_hour(ahead(system, 27017)));
    test.signal("KILL");
    assert_eq!(test.end().code, None);
}

fn killed_it_is_healed(faked: &Broken) {
    begin_and_kill(faked, "killed", "60s");
    faked.system.distctl(&["heal"]).ended_with_one_of(&[0, 3]).says(&["clock"]);
    faked.system.rs().await_healthy(3);
    assert_right(&faked.system);
    faked.assert_clean();
}

fn left_alone_the_guest_does_it(faked: &Broken) {
    begin_and_kill(faked, "left", "1s");
    let system = &faked.system;
    wait_until("it is set right by itself", Duration::from_secs(40), || {
        system.guest("db", "cat /var/lib/mongod-27017.time").trim() == "+0"
    });
    system.rs().await_healthy(3);
    assert_right(system);
    system.distctl(&["heal"]).ended_with(0);
    faked.assert_clean();
}
