//! Broken text, and keys and values that don't fit.

use std::fmt::Write;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::{HEAD, found, found_after_head, read};

#[test]
fn broken_yaml() {
    assert_snapshot!(found("name: [a, b\nnetwork: {"), @"
    error 2:8  «:»
      this is not YAML: illegal placement of ':' indicator
      -> look at the indentation, colons, quotes and brackets here and in the line before
    ");
    assert_snapshot!(found("name: shop\nnetwork:\n\tname: br0\n"), @"
    error 3:2  «n»
      this is not YAML: tabs disallowed within this context (block indentation)
      -> indent with spaces: YAML takes no tabs there
    ");
    assert_snapshot!(found("name: \"shop\nnetwork: 1"), @"
    error 2:1  «n»
      this is not YAML: invalid indentation in multiline quoted scalar
      -> look at the indentation, colons, quotes and brackets here and in the line before
    ");
    assert_snapshot!(found("name: a: b\n"), @"
    error 1:8  «:»
      this is not YAML: mapping values are not allowed in this context
      -> look at the indentation, colons, quotes and brackets here and in the line before
    ");
    assert_snapshot!(found("name: shop\n network: x\n"), @"
    error 2:9  «:»
      this is not YAML: mapping values are not allowed in this context
      -> look at the indentation, colons, quotes and brackets here and in the line before
    ");
    assert_snapshot!(found("name: *nobody\n"), @"
    error 1:7  «*nobody»
      `*nobody` repeats an anchor that is not there
      -> mark the value to repeat with `&nobody`, before this line
    ");
    assert_snapshot!(found("name: a\n---\nname: b\n"), @"
    error 2:1  «---»
      a second document begins here; a topology is one document
      -> remove `---` and what follows, or put it into a file of its own
    ");
}

#[test]
fn nothing_at_all() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "null"] {
        assert!(found(text).contains("the file is empty"), "{text:?}");
    }
    assert_snapshot!(found("just text"), @"
    error -
      this is not a topology: the file has no keys, only text
      -> name the topology with `--file PATH`; docs/topology.md describes what is in one
    ");
    assert_snapshot!(found("- a\n- b\n"), @"
    error -
      this is not a topology: the file is a list
      -> name the topology with `--file PATH`; docs/topology.md describes what is in one
    ");
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
        @"
    error -
      `name` is missing
      -> add `name: products`
    error 1:1 nmae «nmae»
      there is no key `nmae` here
      -> did you mean `name`?
    error 2:29 network.ipv4 «10.1.0.0»
      `10.1.0.0` is not an IPv4 address with its prefix length such as `10.10.10.1/24`
    error 2:44 network.nat «maybe»
      `maybe` is not `true` or `false`
    error 3:20 image[1] «{ a: b }»
      a map is not a text
      -> put a text that begins with `{` in quotes
    error 5:3 containers.db1 «db1»
      `ipv4` is missing
      -> add `ipv4: 10.10.10.12`
    error 5:10 containers.db1.ip «ip»
      there is no key `ip` here
      -> did you mean `ipv4`?
    error 6:16 containers.db2.ipv4 «10.1.0.300»
      `10.1.0.300` is not an IPv4 address such as `10.10.10.12`
    error 6:46 containers.db2.limits.memory «2»
      `2` is not a size with its unit such as `512MiB` or `2GiB`
    error 6:54 containers.db2.limits.cpu «-1»
      `-1` is not a whole number from 1
    error 8:11 mongodb.binary «mongod»
      there is no artifact `mongod`
      -> declare it under `artifacts`, or write an absolute path in the image
    error 9:9 mongodb.auth «kerberos»
      `kerberos` is not `keyfile` or `none`
    error 10:33 mongodb.settings.election_timeout «2»
      `2` is not a duration with its unit such as `2s`, `500ms` or `1m`
      -> write `2s`
    error 10:51 mongodb.settings.fast_handover «yes»
      `yes` is not `true` or `false`
      -> write `true`
    error 14:35 mongodb.replica_sets.rsA.members[0].port «70000»
      `70000` is not a port from 1 to 65535
    error 15:11 mongodb.replica_sets.rsA.members[1] «{ container: db9, prot: 27017 }»
      `port` is missing
      -> add `port: 27017`
    error 15:29 mongodb.replica_sets.rsA.members[1].prot «prot»
      there is no key `prot` here
      -> did you mean `port`?
    error 16:11 mongodb.replica_sets.rsA.members[2] «db1»
      `db1` stands where keys and values belong
      -> write `key: value`, one a line, or `{ key: value, ... }`
    error 17:10 mongodb.replica_sets.rsB «[]»
      a list stands where keys and values belong
      -> write `key: value`, one a line, or `{ key: value, ... }`
    "
    );
}

#[test]
fn missing_and_empty() {
    assert_snapshot!(found("network:\ncontainers: {}\n"), @"
    error -
      `name` is missing
      -> add `name: products`
    error 1:1 network «network»
      `network` has no value
      -> add `network: { name: incusbr0, ipv4: 10.10.10.1/24 }`
    ");
}

#[test]
fn written_twice() {
    assert_snapshot!(found_after_head("mongodb:\n  auth: keyfile\n  auth: none\nname: other\n"), @"
    error 9:3 mongodb «auth»
      `auth` is written twice
      also 8:3 it is here first
      -> keep one of the two
    error 10:1  «name»
      `name` is written twice
      also 1:1 it is here first
      -> keep one of the two
    ");
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
    assert_eq!(topology.containers.get("db2").unwrap().limits.memory.unwrap().bytes(), 2 << 30);
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
    assert_snapshot!(found(&bomb), @"
    error 5:38  «*a3»
      anchors make the file more than 100000 values large
      -> repeat less through anchors
    ");
    assert_snapshot!(found("a: &a [*a]\n"), @"
    error 1:8  «*a»
      this alias stands within its own anchor
      -> write the value out
    ");
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
