//! Broken text, and keys and values that don't fit.

use std::fmt::Write;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::{HEAD, found, found_after_head, read};

#[test]
fn broken_yaml() {
    assert_snapshot!(found("name: [a, b\nnetwork: {"), @"");
    assert_snapshot!(found("name: shop\nnetwork:\n\tname: br0\n"), @"");
    assert_snapshot!(found("name: \"shop\nnetwork: 1"), @"");
    assert_snapshot!(found("name: a: b\n"), @"");
    assert_snapshot!(found("name: shop\n network: x\n"), @"");
    assert_snapshot!(found("name: *nobody\n"), @"");
    assert_snapshot!(found("name: a\n---\nname: b\n"), @"");
}

#[test]
fn nothing_at_all() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "null"] {
        assert!(found(text).contains("the file is empty"), "{text:?}");
    }
    assert_snapshot!(found("just text"), @"");
    assert_snapshot!(found("- a\n- b\n"), @"");
}

#[test]
fn truncated_anywhere() {
    let whole = include_str!("../../../examples/spread-set.yaml");
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        // It must answer; whether that is an error depends on where it was cut.
        let _ = found(&whole[..end]);
    }
}

#[test]
fn all_findings_at_once() {
    assert_snapshot!(
        found(
            "\
nmae: shop
network: { name: br0, ipv4: 10.1.0.0, nat: maybe }
image: [debian/12, { a: b }]
containers:
  db1: { ip: 10.1.0.11 }
  db2: { ipv4: 10.1.0.300, limits: { memory: 2, cpu: -1 } }
mongodb:
  binary: mongod
  auth: kerberos
  settings: { election_timeout: 2, fast_handover: yes }
  replica_sets:
    rsA:
      members:
        - { container: db1, port: 70000 }
        - { container: db9, prot: 27017 }
        - db1
    rsB: []
"
        ),
        @""
    );
}

#[test]
fn missing_and_empty() {
    assert_snapshot!(found("network:\ncontainers: {}\n"), @"");
}

#[test]
fn written_twice() {
    assert_snapshot!(found_after_head("mongodb:\n  auth: keyfile\n  auth: none\nname: other\n"), @"");
}

#[test]
fn anchors_are_followed_and_merged() {
    let topology = read(
        "\
x-limits: &limits { memory: 2GiB }
name: shop
network: { name: br0, ipv4: 10.1.0.1/24 }
containers:
  db1: &db { ipv4: 10.1.0.11, limits: *limits }
  db2: { <<: *db, ipv4: 10.1.0.12 }
",
    )
    .unwrap();
    assert_eq!(
        topology.containers.get("db2").unwrap().limits.memory.unwrap().bytes(),
        2 << 30
    );
    assert_eq!(topology.containers.get("db2").unwrap().ipv4.to_string(), "10.1.0.12");
}

#[test]
fn anchors_that_explode_are_stopped() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let previous = format!("*a{},", level - 1).repeat(10);
        writeln!(bomb, "a{level}: &a{level} [{}]", previous.trim_end_matches(',')).unwrap();
    }
    let begun = Instant::now();
    assert_snapshot!(found(&bomb), @"");
    assert_snapshot!(found("a: &a [*a]\n"), @"");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn ten_thousand_findings_are_shown_at_once() {
    let mut text = HEAD.to_owned();
    for key in 0..10_000 {
        writeln!(text, "key{key}: 1").unwrap();
    }
    let begun = Instant::now();
    let findings = read(&text).unwrap_err();
    let shown = findings.render(false);
    assert_eq!(findings.errors(), 10_000);
    assert!(shown.ends_with("... and 9900 more findings\n"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_line_of_a_megabyte_is_shown_in_part() {
    let text = format!("{HEAD}mongodb: {{ auth: {} }}\n", "x".repeat(1_000_000));
    let shown = read(&text).unwrap_err().render(false);
    assert!(shown.len() < 5_000, "{}", shown.len());
}
