//! What `up` must not do: it says so before it changes anything, or names the one thing that is wrong.

use crate::harness::{System, lab};

#[test]
fn an_image_that_does_not_exist() {
    let system = System::single("noimage", 30);
    system.edit("containers:", "image: nowhere/1\ncontainers:");
    system.distctl(&["up"]).ended_with(1).says(&["nowhere/1", "noimage-db", "Hint:"]);
    assert_eq!(system.containers(), Vec::<String>::new());
    assert_eq!(system.lease(), None);
    system.edit("image: nowhere/1", "image: [nowhere/1, debian/12]");
    system.up();
}

#[test]
fn an_artifact_with_another_hash() {
    let system = System::single("nohash", 31);
    system.edit("version: \"6.0.5\"", &format!("sha256: \"{}\"", "0".repeat(64)));
    system.distctl(&["up"]).ended_with(1).says(&["topology.yaml:", "has another SHA-256"]);
    assert!(!system.has_network());
}

#[test]
fn a_network_of_somebody_else() {
    let system = System::single("othernet", 32);
    lab().incus(&[
        "network",
        "create",
        "othernetbr0",
        "ipv4.address=10.61.132.1/24",
        "ipv4.nat=true",
        "ipv6.address=none",
    ]);
    system.plan(1).says(&["othernetbr0", "ipv4.address is 10.61.132.1/24", "--adopt"]);
    system.distctl(&["up"]).ended_with(1).says(&["nothing was changed"]);
    assert_eq!(lab().incus(&["network", "get", "othernetbr0", "ipv4.address"]), "10.61.132.1/24\n");
    lab().incus(&["network", "set", "othernetbr0", "ipv4.address=10.61.32.1/24"]);
    system.up();
    system.distctl(&["destroy"]).ended_with(0);
    assert!(system.has_network(), "a network that others made stays");
}

#[test]
fn a_container_of_somebody_else() {
    let system = System::single("otherbox", 33);
    lab().incus(&["init", "debian/12", "otherbox-db"]);
    system.distctl(&["up"]).ended_with(1).says(&["otherbox-db", "--adopt", "nothing was changed"]);
    system.distctl(&["destroy"]).ended_with(0);
    assert_eq!(system.containers(), ["otherbox-db"], "it is not ours to destroy");
}

#[test]
fn an_address_that_is_taken() {
    let system = System::single("taken", 34);
    lab().incus(&["network", "create", "takenbr0", "ipv4.address=10.61.34.1/24", "ipv4.nat=true", "ipv6.address=none"]);
    let nic = ["--network", "takenbr0", "--device", "eth0,ipv4.address=10.61.34.11"];
    lab().incus(&[&["init", "debian/12", "taken-squatter"], &nic[..]].concat());
    system.distctl(&["up"]).ended_with(1).says(&["10.61.34.11", "taken-squatter"]);
    assert_eq!(system.containers(), ["taken-squatter"]);
}
