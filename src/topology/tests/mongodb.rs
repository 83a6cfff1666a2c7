//! Replica sets, votes, caches, ports.

use insta::assert_snapshot;

use super::{found, found_after_head};

/// A set of these members.
fn set(members: &[&str]) -> String {
    let list: String = members
        .iter()
        .map(|member| format!("        - {{ {member} }}\n"))
        .collect();
    found_after_head(&format!(
        "mongodb:\n  binary: /usr/bin/mongod\n  replica_sets:\n    rsA:\n      members:\n{list}"
    ))
}

fn three(section: &str) -> String {
    found_after_head(&format!(
        "\
mongodb:
  binary: /usr/bin/mongod
  replica_sets:
    rsA:
      members:
        - {{ container: db1, port: 27017 }}
        - {{ container: db2, port: 27017 }}
        - {{ container: db3, port: 27017 }}
{section}"
    ))
}

#[test]
fn a_set_over_three_containers_is_right() {
    assert_snapshot!(three(""), @"");
}

#[test]
fn references_and_ports() {
    assert_snapshot!(set(&["container: db4, port: 27017"]), @"");
    assert_snapshot!(set(&["container: db1, port: 27017", "container: db1, port: 27017", "container: db2, port: 1"]), @"");
    assert_snapshot!(three("  standalone:\n    users: { container: db2, port: 27017 }\n"), @"");
    assert_snapshot!(three("  standalone:\n    rsA: { container: db2, port: 27018 }\n"), @"");
}

#[test]
fn votes() {
    let members: Vec<String> = (0..8)
        .map(|n| format!("container: db{}, port: {}", n % 3 + 1, 27_017 + n))
        .collect();
    assert_snapshot!(set(&members.iter().map(String::as_str).collect::<Vec<_>>()), @"");
    assert_snapshot!(set(&["container: db1, port: 1024", "container: db2, port: 1024"]), @"");
    assert_snapshot!(set(&["container: db1, port: 1024, votes: 0"]), @"");
    assert_snapshot!(set(&["container: db1, port: 1024, votes: 2"]), @"");
    let many: Vec<String> = (0..51)
        .map(|n| format!("container: db1, port: {}, votes: {}", 2_000 + n, u8::from(n < 1)))
        .collect();
    assert_snapshot!(set(&many.iter().map(String::as_str).collect::<Vec<_>>()), @"");
    assert_snapshot!(set(&[]), @"");
}

#[test]
fn one_warning_for_all_sets_in_one_container() {
    assert_snapshot!(
        found_after_head(
            "\
mongodb:
  binary: /usr/bin/mongod
  replica_sets:
    rsB: { members: [{ container: db2, port: 1024 }, { container: db2, port: 1025 }, { container: db2, port: 1026 }] }
    rsA: { members: [{ container: db1, port: 1024 }, { container: db1, port: 1025 }, { container: db2, port: 1027 }] }
"
        ),
        @""
    );
}

#[test]
fn priorities() {
    assert_snapshot!(set(&["container: db1, port: 1024, priority: 1001"]), @"");
    assert_snapshot!(set(&["container: db1, port: 1024, priority: -1"]), @"");
    assert_snapshot!(
        set(&[
            "container: db1, port: 1024",
            "container: db2, port: 1024, hidden: true, priority: 1",
            "container: db3, port: 1024, delay: 1500ms",
        ]),
        @""
    );
    assert_snapshot!(set(&["container: db1, port: 1024, hidden: true"]), @"");
}

#[test]
fn settings_and_binary() {
    assert_snapshot!(three("  settings: { election_timeout: 500ms, heartbeat_timeout: 2500ms, heartbeat_interval: 0s }\n"), @"");
    assert_snapshot!(three("  auth: none\n"), @"");
    assert_snapshot!(
        found_after_head("mongodb:\n  standalone:\n    users: { container: db1, port: 27017 }\n"),
        @""
    );
    assert_snapshot!(
        found_after_head("mongodb:\n  binary: mongod\n  standalone:\n    users: { container: db1, port: 27017 }\n"),
        @""
    );
}

#[test]
fn caches_that_do_not_fit() {
    let with = |memory: &str, cache: &str| {
        found(&format!(
            "\
name: shop
network: {{ name: br0, ipv4: 10.1.0.1/24 }}
containers:
  db1: {{ ipv4: 10.1.0.11, limits: {{ memory: {memory} }} }}
mongodb:
  binary: /usr/bin/mongod
  {cache}
  standalone:
    one: {{ container: db1, port: 27017 }}
    two: {{ container: db1, port: 27018 }}
"
        ))
    };
    assert_snapshot!(with("900MiB", ""), @"");
    assert_snapshot!(with("912MiB", ""), @"");
    assert_snapshot!(with("2GiB", "cache: 1GiB"), @"");
    assert_snapshot!(with("2GiB", "cache: 100MiB"), @"");
}
