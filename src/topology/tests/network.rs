//! Names, the network, addresses, limits.

use insta::assert_snapshot;

use super::{found, found_after_head};

fn network(network: &str) -> String {
    found(&format!(
        "name: shop\nnetwork: {network}\ncontainers:\n  db1: {{ ipv4: 10.1.0.11 }}\n"
    ))
}

fn container(container: &str) -> String {
    found(&format!(
        "name: shop\nnetwork: {{ name: br0, ipv4: 10.1.0.1/24 }}\ncontainers:\n  {container}\n"
    ))
}

#[test]
fn addresses_that_nobody_can_have() {
    assert_snapshot!(container("db1: { ipv4: 10.2.0.11 }"), @"");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.0 }"), @"");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.255 }"), @"");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.1 }"), @"");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.2 }\n  db2: { ipv4: 10.1.0.2 }"), @"");
}

#[test]
fn networks_that_cannot_be() {
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.0/24 }"), @"");
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.255/24 }"), @"");
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.1/31 }"), @"");
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.1 }"), @"");
    assert_snapshot!(network("{ name: a-network-with-a-long-name, ipv4: 10.1.0.1/24 }"), @"");
    assert_snapshot!(network("{ name: -br, ipv4: 10.1.0.1/24 }"), @"");
}

#[test]
fn names_that_incus_refuses() {
    assert_snapshot!(container("1db: { ipv4: 10.1.0.11 }"), @"");
    assert_snapshot!(container("my_db.1: { ipv4: 10.1.0.11 }"), @"");
    assert_snapshot!(container("db-: { ipv4: 10.1.0.11 }"), @"");
    assert_snapshot!(container(&format!("{}: {{ ipv4: 10.1.0.11 }}", "a".repeat(64))), @"");
    assert_snapshot!(container("Ñandú: { ipv4: 10.1.0.11 }"), @"");
    assert_snapshot!(container("localhost: { ipv4: 10.1.0.11 }"), @"");
    assert_snapshot!(found("name: my shop\nnetwork: { name: br0, ipv4: 10.1.0.1/24 }\ncontainers: {}\n"), @"");
}

#[test]
fn limits_packages_images() {
    assert_snapshot!(container("db1: { ipv4: 10.1.0.11, limits: { disk: 5GiB, memory: 10MiB } }"), @"");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.11, packages: [libcurl4, --yes, Nginx, lib=1] }"), @"");
    assert_snapshot!(found_after_head("image: 'images:'\n"), @"");
    assert_snapshot!(found_after_head("image: []\n"), @"");
}

#[test]
fn artifacts() {
    assert_snapshot!(
        found_after_head("artifacts:\n  a: { version: '1' }\n  b: { url: 'x.tgz', member: m }\n  c: { path: p, sha256: beef }\n"),
        @""
    );
}
