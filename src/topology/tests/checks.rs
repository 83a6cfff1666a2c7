//! Tests of the running system.

use insta::assert_snapshot;

use super::{found_after_head, read};

/// A set of three, and a section of checks on line 8.
fn found(failover: &str) -> String {
    let members = "[{ container: db1, port: 27017 }, { container: db2, port: 27017 }, { container: db3, port: 27017 }]";
    found_after_head(&format!(
        "mongodb: {{ binary: /m, replica_sets: {{ rsA: {{ members: {members} }} }} }}\nchecks: {failover}"
    ))
}

#[test]
fn checks_that_are_right() {
    assert_snapshot!(found("{ failover: { max_write_gap: 3s, lost_writes: 0, faults: [kill, partition-one-way], rounds: 3 } }"), @"nothing");
    assert_snapshot!(found("{ failover: { faults: stop, write_concern: 3, rate: 0, clients: 1, workload: register } }"), @"nothing");
    assert_snapshot!(found("{}"), @"nothing");
}

#[test]
fn what_is_wrong_with_checks() {
    assert_snapshot!(found("{ failover: { faults: [kil, kill, kill, flood] } }"), @r"
    error 8:32 checks.failover.faults[0] «kil»
      there is no fault `kil`
      -> did you mean `kill`?
    error 8:43 checks.failover.faults[2] «kill»
      `kill` stands here twice
      also 8:37 the first time
    error 8:49 checks.failover.faults[3] «flood»
      there is no fault `flood`
      -> there are `stop`, `kill`, `pause`, `freeze`, `container-stop`, `container-kill`, `partition`, `partition-pair`, `partition-one-way`, `slow`, `disk-full`, `stepdown`, `clock`
    ");
    assert_snapshot!(found("{ failover: { rounds: 0, max_write_gap: 3, lost_writes: -1, workload: insert } }"), @r"
    error 8:31 checks.failover.rounds «0»
      `0` is not a whole number from 1
    error 8:49 checks.failover.max_write_gap «3»
      `3` is not a duration with its unit such as `2s`, `500ms` or `1m`
      -> write `3s`
    error 8:65 checks.failover.lost_writes «-1»
      `-1` is not a whole number from 0
    error 8:79 checks.failover.workload «insert»
      `insert` is not `inserts`, `register`, `mixed` or `app`
    ");
    assert_snapshot!(found("{ failover: { write_concern: most, hold: 5ms, max_read_gap: 0s } }"), @r"
    error 8:38 checks.failover.write_concern «most»
      `most` is not a write concern
      -> write `majority`, or a number of members
    error 8:50 checks.failover.hold «5ms»
      a fault that is held for 5ms is over before anybody notices it
    error 8:69 checks.failover.max_read_gap «0s»
      no time at all can't be kept
      -> leave the key out where it doesn't matter
    ");
    assert_snapshot!(found("{ failover: { write_concern: 4, workload: app } }"), @r"
    error 8:38 checks.failover.write_concern «4»
      `rsA` has 3 members: no write to it can wait for 4
    error 8:51 checks.failover.workload «app»
      the workload `app` needs a service
      -> write `inserts`, `register` or `mixed`
    ");
    assert_snapshot!(found("{ failover: { max_gap: 3s } }"), @r"
    error 8:23 checks.failover.max_gap «max_gap»
      there is no key `max_gap` here
      -> did you mean `max_read_gap`?
    ");
    assert_snapshot!(found_after_head("checks: { failover: { rounds: 1 } }"), @r"
    warning 7:21 checks.failover «{ rounds: 1 }»
      there is no replica set, so there is nothing to fail over
    ");
}

#[test]
fn what_is_written_is_what_is_asked() {
    let text = "name: a\nnetwork: { name: br0, ipv4: 10.1.0.1/24 }\ncontainers: { db: { ipv4: 10.1.0.2 } }\n\
                checks: { failover: { max_write_gap: 1m, lost_writes: 2, faults: [stop] } }";
    let failover = read(text).unwrap().checks.failover.unwrap();
    assert_eq!(failover.max_write_gap.unwrap().whole_millis(), 60_000);
    assert_eq!((failover.lost_writes.unwrap().value.0, failover.faults[0].value.as_str()), (2, "stop"));
}
