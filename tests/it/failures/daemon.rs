//! Daemons that distctl can't work with. None is ever changed.

use crate::system::{SHOP, System};

/// Runs every command that needs a daemon; each must fail with these words, and nothing may be written.
#[track_caller]
fn refused(system: &System, words: &[&str]) {
    for arguments in [&["plan"][..], &["status"], &["up", "--yes"], &["down", "--yes"], &["destroy", "--yes"]] {
        let ran = system.run(arguments);
        ran.ended(1, words).ended(1, &["Error: ", "Hint: "]);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert_eq!(system.fake.writes(), 0);
}

#[test]
fn no_daemon() {
    let system = System::new(SHOP);
    system.fake.stop();
    let socket = system.fake.socket();
    refused(&system, &["no Incus answers at unix://", socket.to_str().unwrap()]);
}

#[test]
fn a_daemon_that_is_lxd() {
    let system = System::new(SHOP);
    system.fake.world().server = "lxd".into();
    refused(&system, &["is not Incus", "\"lxd\"", "INCUS_SOCKET"]);
}

#[test]
fn a_daemon_that_is_too_old() {
    let system = System::new(SHOP);
    system.fake.world().version = "0.7".into();
    refused(&system, &["Incus 0.7", "too old", "6.0", "upgrade"]);
}

#[test]
fn a_daemon_that_lacks_an_extension() {
    let system = System::new(SHOP);
    system.fake.world().extensions.retain(|name| name != "network_allocations");
    refused(&system, &["lacks the API extensions network_allocations", "upgrade"]);
}

#[test]
fn a_daemon_that_does_not_trust_us() {
    let system = System::new(SHOP);
    system.fake.world().trusted = false;
    refused(&system, &["does not trust this client", "incus config trust add"]);
}

#[test]
fn a_project_that_is_not_there() {
    let system = System::new(SHOP);
    let ran = system.run(&["plan", "--project", "nowhere"]);
    ran.ended(1, &["Project not found", "incus project create", "--project"]);
}
