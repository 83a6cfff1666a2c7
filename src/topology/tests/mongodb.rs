//! Replica sets, votes, caches, ports.

use insta::assert_snapshot;

use super::{found, found_after_head};

/// A set of these members.
fn set(members: &[&str]) -> String {
    let list: String = members.iter().map(|member| format!("        - {{ {member} }}\n")).collect();
    found_after_head(&format!("mongodb:\n  binary: /usr/bin/mongod\n  replica_sets:\n    rsA:\n      members:\n{list}"))
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
    assert_snapshot!(three(""), @"nothing");
}

#[test]
fn references_and_ports() {
    assert_snapshot!(set(&["container: db4, port: 27017"]), @"
    error 12:24 mongodb.replica_sets.rsA.members[0].container «db4»
      there is no container `db4`
      -> did you mean `db1`?
    ");
    assert_snapshot!(set(&["container: db1, port: 27017", "container: db1, port: 27017", "container: db2, port: 1"]), @"
    warning 10:5 mongodb.replica_sets.rsA «rsA»
      one container holds most votes (`rsA` in `db1`): while it is down, the set takes no writes
      -> spread the members over three containers where that matters
    error 13:35 mongodb.replica_sets.rsA.members[1].port «27017»
      port 27017 of `db1` is taken by `rsA`
      also 12:35 `rsA` has it
      -> give each its own port, or its own container
    error 14:35 mongodb.replica_sets.rsA.members[2].port «1»
      port 1 is reserved for the system
      -> choose one from 1024 up; MongoDB's own is 27017
    ");
    assert_snapshot!(three("  standalone:\n    users: { container: db2, port: 27017 }\n"), @"
    error 16:36 mongodb.standalone.users.port «27017»
      port 27017 of `db2` is taken by `rsA`
      also 13:35 `rsA` has it
      -> give each its own port, or its own container
    ");
    assert_snapshot!(three("  standalone:\n    rsA: { container: db2, port: 27018 }\n"), @"
    error 16:5 mongodb.standalone.rsA «rsA»
      `rsA` is also the name of a replica set
      also 10:5 the replica set
      -> rename one of the two
    ");
}

#[test]
fn votes() {
    let members: Vec<String> = (0..8).map(|n| format!("container: db{}, port: {}", n % 3 + 1, 27_017 + n)).collect();
    assert_snapshot!(set(&members.iter().map(String::as_str).collect::<Vec<_>>()), @"
    error 19:11 mongodb.replica_sets.rsA.members[7] «{ container: db2, port: 27024 }»
      `rsA` has 8 votes, 7 are the most
      -> write `votes: 0` for this member and all after it
    ");
    assert_snapshot!(set(&["container: db1, port: 1024", "container: db2, port: 1024"]), @"
    warning 13:11 mongodb.replica_sets.rsA.members[1] «{ container: db2, port: 1024 }»
      `rsA` has 2 votes: it survives no more failures than with 1
      -> add a member, remove one, or write `votes: 0` for one
    ");
    assert_snapshot!(set(&["container: db1, port: 1024, votes: 0"]), @"
    error 12:11 mongodb.replica_sets.rsA.members[0] «{ container: db1, port: 1024, votes: 0 }»
      no member of `rsA` votes
      -> remove `votes: 0` from some
    ");
    assert_snapshot!(set(&["container: db1, port: 1024, votes: 2"]), @"
    error 12:48 mongodb.replica_sets.rsA.members[0].votes «2»
      `2` is not 0 or 1
    ");
    let many: Vec<String> =
        (0..51).map(|n| format!("container: db1, port: {}, votes: {}", 2_000 + n, u8::from(n < 1))).collect();
    assert_snapshot!(set(&many.iter().map(String::as_str).collect::<Vec<_>>()), @"
    error 62:11 mongodb.replica_sets.rsA.members[50] «{ container: db1, port: 2050, votes: 0 }»
      `rsA` has 51 members, 50 are the most
      -> remove some members
    ");
    assert_snapshot!(set(&[]), @"
    error 11:7 mongodb.replica_sets.rsA.members «members»
      `members` has no value
      -> add `members: [{ container: db1, port: 27017 }]`
    ");
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
        @"
    warning 10:5 mongodb.replica_sets.rsB «rsB»
      one container holds most votes (`rsA` in `db1`, `rsB` in `db2`): while it is down, the set takes no writes
      also 11:5 `rsA` too
      -> spread the members over three containers where that matters
    "
    );
}

#[test]
fn priorities() {
    assert_snapshot!(set(&["container: db1, port: 1024, priority: 1001"]), @"
    error 12:51 mongodb.replica_sets.rsA.members[0].priority «1001»
      a priority of 1001 is outside 0 to 1000
      -> write a number from 0 (never primary) to 1000
    ");
    assert_snapshot!(set(&["container: db1, port: 1024, priority: -1"]), @"
    error 12:51 mongodb.replica_sets.rsA.members[0].priority «-1»
      a priority of -1 is outside 0 to 1000
      -> write a number from 0 (never primary) to 1000
    ");
    assert_snapshot!(
        set(&[
            "container: db1, port: 1024",
            "container: db2, port: 1024, hidden: true, priority: 1",
            "container: db3, port: 1024, delay: 1500ms",
        ]),
        @"
    error 13:65 mongodb.replica_sets.rsA.members[1].priority «1»
      a member that is hidden can't be primary
      -> leave `priority` out, or write 0
    error 14:48 mongodb.replica_sets.rsA.members[2].delay «1500ms»
      MongoDB takes whole seconds here, not 1500ms
      -> write `2s`
    "
    );
    assert_snapshot!(set(&["container: db1, port: 1024, hidden: true"]), @"
    error 12:11 mongodb.replica_sets.rsA.members[0] «{ container: db1, port: 1024, hidden: true }»
      no member of `rsA` can become primary
      -> give at least one a priority above 0, and neither `hidden`, `delay` nor `votes: 0`
    ");
}

#[test]
fn settings_and_binary() {
    assert_snapshot!(three("  settings: { election_timeout: 500ms, heartbeat_timeout: 2500ms, heartbeat_interval: 0s }\n"), @"
    warning 15:33 mongodb.settings.election_timeout «500ms»
      with so short a timeout a machine that is busy for a moment elects without need
      -> write `1s` or more; `fast_handover` makes a crash short in any case
    error 15:59 mongodb.settings.heartbeat_timeout «2500ms»
      MongoDB takes whole seconds here, not 2500ms
      -> write `3s`
    error 15:87 mongodb.settings.heartbeat_interval «0s»
      this must be longer than nothing
      -> write a duration such as `2s`
    ");
    assert_snapshot!(three("  auth: none\n"), @"
    warning 15:9 mongodb.auth «none»
      everybody who reaches a port can read and change all data
      -> leave `auth` out: a keyfile and passwords are made without asking
    ");
    assert_snapshot!(
        found_after_head("mongodb:\n  standalone:\n    users: { container: db1, port: 27017 }\n"),
        @"
    error 9:5 mongodb.standalone.users «users»
      `mongodb.binary` is missing: which mongod runs here?
      -> add `binary: mongod` and `artifacts: { mongod: { path: artifacts/mongod } }`
    "
    );
    assert_snapshot!(
        found_after_head("mongodb:\n  binary: mongod\n  standalone:\n    users: { container: db1, port: 27017 }\n"),
        @"
    error 8:11 mongodb.binary «mongod»
      there is no artifact `mongod`
      -> declare it under `artifacts`, or write an absolute path in the image
    "
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
    assert_snapshot!(with("900MiB", ""), @"
    error 4:45 containers.db1.limits.memory «900MiB»
      `db1` is too small for 2 mongods: they need at least 912MiB
      -> write `memory: 912MiB` or more, or move members elsewhere
    ");
    assert_snapshot!(with("912MiB", ""), @"nothing");
    assert_snapshot!(with("2GiB", "cache: 1GiB"), @"
    warning 4:45 containers.db1.limits.memory «2GiB»
      `db1` is small for 2 mongods with that cache: they may need 2448MiB
      also 7:10 the cache of each
      -> write `memory: 2448MiB`, or leave `mongodb.cache` out
    ");
    assert_snapshot!(with("2GiB", "cache: 100MiB"), @"
    error 7:10 mongodb.cache «100MiB»
      mongod takes no cache below 256MiB
      -> leave `cache` out, or write `256MiB` or more
    ");
}
