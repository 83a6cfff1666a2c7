//! Two who want to change one topology.

use std::process::Child;

use serde_json::{Value, json};

use crate::system::{SHOP, System, signal, wait_until};

/// A lease of a process on another host, renewed some seconds ago by this host's clock, which is the fake's too.
fn lease(seconds_ago: i64) -> Value {
    let now = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds_ago);
    json!({"holder": "ana@elsewhere (process 7)", "nonce": "n", "boot": "another boot", "pid": 7,
        "since": now.to_string(), "renewed": now.to_string()})
}

#[test]
fn a_lease_that_another_holds_is_respected() {
    let system = System::new(SHOP);
    system.hold_lease(&lease(0));
    let before = system.state();
    let ran = system.up();
    ran.ended(1, &["topology shop is being changed by ana@elsewhere (process 7) since", "--lock-wait"]);
    assert_eq!(system.fake.writes(), 0);
    assert_eq!(system.state(), before);
}

#[test]
fn a_lease_is_waited_for() {
    let system = System::new(SHOP);
    system.hold_lease(&lease(0));
    let child = system.begin(&["up", "--yes", "--lock-wait", "50s"]);
    wait_until("distctl waits for ana", || system.output("stderr").contains("ana@elsewhere"));
    assert_eq!(system.containers(), []);
    system.fake.world().projects.get_mut("default").unwrap()["config"] = json!({"features.images": "true"});
    system.end(child).ended(0, &["waiting for ana@elsewhere (process 7)", "shop is up"]);
    system.assert_settled();
}

#[test]
fn waiting_for_a_lease_can_be_broken_off() {
    let system = System::new(SHOP);
    system.hold_lease(&lease(0));
    let before = system.state();
    let child = system.begin(&["up", "--yes", "--lock-wait", "50s"]);
    wait_until("distctl waits for ana", || system.output("stderr").contains("ana@elsewhere"));
    signal(&child, "-TERM");
    system.end(child).ended(130, &["interrupted", "nothing was changed"]);
    assert_eq!(system.state(), before);
}

#[test]
fn a_lease_that_nobody_renews_is_taken_over() {
    let system = System::new(SHOP);
    system.hold_lease(&lease(100));
    system.up().ended(0, &["taking over from ana@elsewhere", "last heard of", "shop is up"]);
    system.assert_settled();
}

/// A run that takes over from a holder who died while the daemon stops db1 for him, and waits for that; the operation.
fn taken_over_while_db1_is_stopped(system: &System) -> (Child, String) {
    system.up().ended(0, &["shop is up"]);
    system.fake.world().instances.get_mut("db1").unwrap().object["config"]["limits.memory"] = json!("123MiB");
    system.hold_lease(&lease(100));
    system.fake.world().begin_change("of-somebody-else", "Stopping instance");
    let stopping = system.fake.world().begin_change("db1", "Stopping instance");
    let child = system.begin(&["up", "--yes"]);
    wait_until("distctl waits", || system.output("stderr").contains("db1 (Stopping instance)"));
    (child, stopping)
}

/// The daemon goes on with what a dead holder had begun: a look at a container that is being stopped shows it running.
#[test]
fn what_a_dead_holder_had_begun_is_waited_for() {
    let system = System::new(SHOP);
    let (child, stopping) = taken_over_while_db1_is_stopped(&system);
    system.fake.world().instances.get_mut("db1").unwrap().set_status("Stopped");
    system.fake.world().end(&stopping);
    system.end(child).ended(0, &["shop is up"]);
    assert_eq!(system.fake.world().instances["db1"].status(), "Running");
    system.assert_settled();
}

#[test]
fn waiting_for_what_a_dead_holder_had_begun_can_be_broken_off() {
    let system = System::new(SHOP);
    let (child, _) = taken_over_while_db1_is_stopped(&system);
    signal(&child, "-TERM");
    system.end(child).ended(130, &["interrupted", "nothing was changed"]);
    assert_eq!(system.lease(), None);
}

/// The server's clock was put back, so its holder seems to have renewed it in the future.
#[test]
fn a_lease_from_the_future_is_taken_over_by_who_waits() {
    let system = System::new(SHOP);
    system.hold_lease(&lease(-3600));
    system.up().ended(1, &["topology shop is being changed by ana@elsewhere", "--lock-wait"]);
    let child = system.begin(&["up", "--yes", "--lock-wait", "50s"]);
    system
        .end(child)
        .ended(0, &["taking over from ana@elsewhere", "was not heard of while this run waited", "shop is up"]);
    system.assert_settled();
}

#[test]
fn a_project_that_changes_meanwhile_is_read_again() {
    let system = System::new(SHOP);
    system.fake.fail_next("PUT", "/1.0/projects/default", 412, "ETag doesn't match: a vs b");
    system.up().ended(0, &["shop is up"]);
    assert_eq!(system.fake.world().projects["default"]["config"]["features.images"], "true");
    system.assert_settled();
}

/// As a client whose certificate is restricted to its project.
#[test]
fn who_may_not_write_leases_is_told_whom_to_ask() {
    let system = System::new(SHOP);
    system.fake.fail_next("PUT", "/1.0/projects/default", 403, "Certificate is restricted");
    let ran = system.up();
    ran.ended(1, &["no lease of shop could be taken; nothing was changed", "`restricted: false`"]);
    assert!(!ran.stderr.contains("--lock-wait"), "waiting does not help: {}", ran.stderr);
    assert_eq!(system.containers().len(), 0);
}
