//! Runs that are stopped from outside.

use std::process::Child;
use std::time::Duration;

use protocol::Request;

use crate::system::{SHOP, System, signal, wait_until};

/// Begins an `up` and gives it when it is in the middle of a step that it has to finish.
fn up_in_the_middle(system: &System) -> (Child, impl Sized + use<>) {
    let (reached, gate) = system.agents.gate("db1", |request| matches!(request, Request::Write(_)));
    let child = system.begin(&["up", "--yes"]);
    reached.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(system.lease().is_some());
    (child, gate)
}

/// Lets the step under way end in its guest, which nobody listens to any more.
fn let_go(system: &System, gate: impl Sized) {
    drop(gate);
    let is_written = || system.fake.world().instances["db1"].files.contains_key("/etc/hosts");
    wait_until("the agent ends", is_written);
}

#[test]
fn the_first_signal_finishes_what_is_under_way_and_says_what_is_left() {
    for name in ["-INT", "-TERM"] {
        let system = System::new(SHOP);
        let (child, gate) = up_in_the_middle(&system);
        signal(&child, name);
        wait_until("the signal is heard", || system.output("stderr").contains("stopping after the steps under way"));
        drop(gate);
        let ran = system.end(child);
        ran.ended(130, &["interrupted", "steps were not done", "db1", "the same command goes on"]);
        // The step under way was finished, and nothing that follows it was begun.
        assert!(system.fake.world().instances["db1"].files.contains_key("/etc/hosts"));
        assert!(system.agents.asked().iter().all(|(instance, verb)| instance != "db1" || *verb != "units"));
        assert_eq!(system.lease(), None);
        system.up().ended(0, &["shop is up"]);
        system.assert_settled();
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let system = System::new(SHOP);
    let (child, gate) = up_in_the_middle(&system);
    signal(&child, "-INT");
    wait_until("the signal is heard", || system.output("stderr").contains("stopping after the steps under way"));
    signal(&child, "-INT");
    assert_eq!(system.end(child).code, Some(130));
    let_go(&system, gate);
    // The lease is still there; its holder is gone from this host.
    system.up().ended(0, &["taking over from", "has ended", "shop is up"]);
    system.assert_settled();
}

#[test]
fn a_run_that_is_killed_is_gone_on_with() {
    let system = System::new(SHOP);
    let (mut child, gate) = up_in_the_middle(&system);
    child.kill().unwrap();
    assert_eq!(system.end(child).code, None);
    let_go(&system, gate);
    assert!(system.lease().is_some(), "nobody gave it back");
    let ran = system.run(&["plan", "--exit-code"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    system.up().ended(0, &["taking over from", "has ended", "shop is up"]);
    system.assert_settled();
}
