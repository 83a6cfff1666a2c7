//! Replica sets that change: members, votes, restarts, and sets that are not well.

use super::model::World;
use super::{plan, settled, system};
use crate::plan::restart;

#[test]
fn a_changed_priority_is_one_reconfiguration() {
    let mut desired = system::shop();
    let world = settled(&desired);
    let set = desired.replica_sets.get_mut("rsA").unwrap();
    set.config.members[2].priority = 5.0;
    set.config.settings.election_timeout_millis = 2000;
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  reconfigure rsA: settings.electionTimeoutMillis, 10.10.10.12:27019 priority: differs
         settings.electionTimeoutMillis: 10000 -> 2000 (live)
         10.10.10.12:27019 priority: 1 -> 5 (live)
    ");
}

#[test]
fn two_new_members_come_one_by_one_and_get_their_votes_last() {
    let before = system::spread();
    let mut world = settled(&before);
    let names = [("d", 24), ("e", 25)];
    let desired = names.iter().fold(before, |desired, (name, octet)| system::with_container(desired, name, *octet));
    let members: Vec<(&str, u16)> = ["a", "b", "c", "d", "e"].map(|name| (name, 27017)).into();
    let desired = system::with_set(desired, "rs", &members);
    world.carry_out(&plan(&desired, &world.seen.clone()), &desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  reconfigure rs: 10.10.10.21:27017 priority, 10.10.10.22:27017 priority, 10.10.10.23:27017 priority: differs
         10.10.10.21:27017 priority: 3 -> 5 (live)
         10.10.10.22:27017 priority: 2 -> 4 (live)
         10.10.10.23:27017 priority: 1 -> 3 (live)
    2  reconfigure rs: add 10.10.10.24:27017 without a vote: differs  [after 1]
         member 10.10.10.24:27017: missing -> no vote (live)
    3  wait until 10.10.10.24:27017 of rs is healthy  [after 2]
    4  reconfigure rs: add 10.10.10.25:27017 without a vote: differs  [after 3]
         member 10.10.10.25:27017: missing -> no vote (live)
    5  wait until 10.10.10.25:27017 of rs is healthy  [after 4]
    6  reconfigure rs: give 10.10.10.24:27017 its vote: differs  [after 5]
         10.10.10.24:27017 priority: 0 -> 2 (live)
         10.10.10.24:27017 votes: 0 -> 1 (live)
    7  reconfigure rs: give 10.10.10.25:27017 its vote: differs  [after 6]
         10.10.10.25:27017 priority: 0 -> 1 (live)
         10.10.10.25:27017 votes: 0 -> 1 (live)
    ");
    world.settle(&desired);
}

#[test]
fn a_member_leaves_the_set_before_its_unit_goes() {
    let five = [27017, 27018, 27019, 27020, 27021].map(|port| ("db1", port));
    let desired = system::with_set(system::with_container(system::empty(), "db1", 12), "rsA", &five);
    let mut world = settled(&desired);
    let desired = system::with_set(system::with_container(system::empty(), "db1", 12), "rsA", &five[..3]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  reconfigure rsA: 10.10.10.12:27017 priority, 10.10.10.12:27018 priority, 10.10.10.12:27019 priority: differs
         10.10.10.12:27017 priority: 5 -> 3 (live)
         10.10.10.12:27018 priority: 4 -> 2 (live)
         10.10.10.12:27019 priority: 3 -> 1 (live)
    2  reconfigure rsA: remove 10.10.10.12:27020: differs  [after 1]
         member 10.10.10.12:27020: member -> removed (live)
    3  reconfigure rsA: remove 10.10.10.12:27021: differs  [after 2]
         member 10.10.10.12:27021: member -> removed (live)
    4  update container db1: the data in /var/lib/mongodb/27020, /var/lib/mongodb/27021 stays, and is not used any more  [after 2, 3]
    5  stop mongod-27020, mongod-27021 in db1: not declared any more  [after 4]
    6  remove /etc/systemd/system/mongod-27020.service, /etc/systemd/system/handover-27020.service, /etc/distctl/mongod-27020.conf, /etc/systemd/system/mongod-27021.service, /etc/systemd/system/handover-27021.service, /etc/distctl/mongod-27021.conf in db1: not declared any more  [after 5]
    ");
    world.settle(&desired);
}

#[test]
fn a_new_revision_rolls_through_the_set_with_the_primary_last() {
    let mut desired = system::shop();
    let mut world = settled(&desired);
    for unit in desired.containers.get_mut("db1").unwrap().units.values_mut() {
        unit.revision = Some("r2".into());
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
     1  restart mongod-27018 in db1: runs with an older configuration
     2  wait for mongod 27018 in db1  [after 1]
     3  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 2]
     4  restart mongod-27019 in db1: runs with an older configuration  [after 3]
     5  wait for mongod 27019 in db1  [after 4]
     6  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 5]
     7  step 10.10.10.12:27017 down as primary of rsA: runs with an older configuration  [after 6]
     8  restart mongod-27017 in db1: runs with an older configuration  [after 7]
     9  wait for mongod 27017 in db1  [after 8]
    10  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 9]
    11  hand rsA back to 10.10.10.12:27017  [after 10]
    ");
    world.settle(&desired);
}

#[test]
fn a_roll_waits_until_all_members_are_healthy() {
    let mut desired = system::spread();
    let mut world = settled(&desired);
    for container in desired.containers.values_mut() {
        container.units.get_mut("mongod-27017.service").unwrap().revision = Some("r2".into());
    }
    let sick = world.mongod("c", 27017);
    (sick.secondary, sick.writable) = (false, false);
    world.mongod("a", 27017).members[2].state = "RECOVERING".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  wait until 10.10.10.23:27017 of rs is healthy: 10.10.10.23:27017 is RECOVERING
    degraded: replica set rs: changes of its configuration wait until all members are healthy (run `distctl up` again when they are)
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn a_member_that_its_set_does_not_reach_is_restarted() {
    let desired = system::spread();
    let mut world = settled(&desired);
    let lost = world.mongod("c", 27017);
    lost.primary = None;
    let view = &mut world.mongod("a", 27017).members[2];
    (view.state, view.healthy) = ("(not reachable/healthy)".into(), false);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  restart mongod-27017 in c: it runs, and its set finds it (not reachable/healthy)
       2  wait for mongod 27017 in c  [after 1]
       3  wait until 10.10.10.23:27017 of rs is healthy: 10.10.10.23:27017 is (not reachable/healthy)  [after 2]
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn members_without_a_primary_are_restarted_if_their_keyfile_was_wrong() {
    let desired = system::spread();
    let mut world = settled(&desired);
    for name in ["a", "b", "c"] {
        let mongod = world.mongod(name, 27017);
        (mongod.writable, mongod.secondary, mongod.primary) = (false, true, None);
    }
    for name in ["b", "c"] {
        let state = world.guest(name).paths.get_mut("/etc/distctl/rs.keyfile").unwrap();
        state.sha256 = Some("another".into());
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  write /etc/distctl/rs.keyfile in b: differs
            /etc/distctl/rs.keyfile: sha256 another -> sha256 f9d4f739c6e7 (live)
       2  write /etc/distctl/rs.keyfile in c: differs
            /etc/distctl/rs.keyfile: sha256 another -> sha256 f9d4f739c6e7 (live)
       3  restart mongod-27017 in b: it may run with another keyfile  [after 1]
       4  wait for mongod 27017 in b  [after 3]
       5  restart mongod-27017 in c: it may run with another keyfile  [after 2]
       6  wait for mongod 27017 in c  [after 5]
       7  wait until 10.10.10.21:27017, 10.10.10.22:27017, 10.10.10.23:27017 of rs are healthy: has no primary  [after 4, 6]
    then: look again, for what only shows when these steps are done
    ");
}

/// A mongod that was started at one time, with a keyfile that was written at another; whether that is the right one.
fn started(world: &mut World, name: &str, started_ms: i64, written_ms: i64, right: bool) {
    let guest = world.guest(name);
    guest.clock_ms = 100;
    guest.units.get_mut("mongod-27017.service").unwrap().started_ms = Some(started_ms);
    let keyfile = guest.paths.get_mut("/etc/distctl/rs.keyfile").unwrap();
    keyfile.changed_ms = written_ms;
    if !right {
        keyfile.sha256 = Some("another".into());
    }
}

/// The favourite alone, and the two others a set of their own, with a primary.
fn split() -> World {
    let mut world = settled(&system::spread());
    for (name, writable) in [("a", false), ("b", true), ("c", false)] {
        let mongod = world.mongod(name, 27017);
        (mongod.writable, mongod.secondary) = (writable, !writable);
        mongod.primary = (name != "a").then(|| "10.10.10.22:27017".into());
    }
    let view = &mut world.mongod("b", 27017).members[0];
    (view.state, view.healthy) = ("(not reachable/healthy)".into(), false);
    world
}

#[test]
fn a_majority_with_another_keyfile_is_restarted_and_not_the_member_that_it_does_not_reach() {
    let desired = system::spread();
    let mut world = split();
    started(&mut world, "a", 10, 5, true);
    started(&mut world, "b", 30, 20, false);
    started(&mut world, "c", 30, 20, false);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  write /etc/distctl/rs.keyfile in b: differs
            /etc/distctl/rs.keyfile: sha256 another -> sha256 f9d4f739c6e7 (live)
       2  write /etc/distctl/rs.keyfile in c: differs
            /etc/distctl/rs.keyfile: sha256 another -> sha256 f9d4f739c6e7 (live)
       3  restart mongod-27017 in c: it may run with another keyfile  [after 1, 2]
       4  wait for mongod 27017 in c  [after 3]
       5  restart mongod-27017 in b: it may run with another keyfile  [after 1, 4]
       6  wait for mongod 27017 in b  [after 5]
       7  wait until 10.10.10.21:27017 of rs is healthy: 10.10.10.21:27017 is (not reachable/healthy)  [after 6]
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn those_that_were_started_before_their_keyfile_was_set_right_may_have_another() {
    let desired = system::spread();
    let mut world = split();
    started(&mut world, "a", 10, 5, true);
    started(&mut world, "b", 30, 40, true);
    started(&mut world, "c", 30, 40, true);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  restart mongod-27017 in c: it may run with another keyfile
       2  wait for mongod 27017 in c  [after 1]
       3  restart mongod-27017 in b: it may run with another keyfile  [after 2]
       4  wait for mongod 27017 in b  [after 3]
       5  wait until 10.10.10.21:27017 of rs is healthy: 10.10.10.21:27017 is (not reachable/healthy)  [after 4]
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn a_member_that_does_not_answer_is_named_and_not_waited_for() {
    let desired = system::spread();
    let mut world = settled(&desired);
    let silent = Err(protocol::MongodAbsence::NotAnswering("timed out".into()));
    world.guest("c").mongods.insert(27017, silent);
    world.mongod("a", 27017).members[2].state = "STARTUP2".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"degraded: replica set rs: 10.10.10.23:27017 does not answer: timed out (mend that first; changes of the set wait for it)");
}

#[test]
fn a_set_without_a_majority_is_named_and_not_touched() {
    let desired = system::spread();
    let mut world = settled(&desired);
    for name in ["b", "c"] {
        world.container(name).guest = crate::observed::Part::Unreachable("no answer".into());
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    degraded: container b: can't be looked into: no answer (run `distctl doctor`)
    degraded: container c: can't be looked into: no answer (run `distctl doctor`)
    degraded: replica set rs: container b can't be looked into; container c can't be looked into (mend that first; changes of the set wait for it)
    degraded: replica set rs: has no majority and takes no writes (start the missing members)
    ");
}

#[test]
fn users_changed_by_hand_are_corrected() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.mongod("db1", 27017).users.as_mut().unwrap().remove("admin.distctl-agent");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  ensure users of rsA: admin, distctl-agent: differs
            user distctl-agent: missing -> distctlAgent@admin (live)
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn a_refused_credential_is_named_with_both_passwords_places() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.mongod("db3", 27017).access = protocol::Access::Refused("Authentication failed".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"degraded: users of users: mongod refuses the user distctl-agent: Authentication failed (compare the password in /etc/distctl/users.agent with the user in the database `admin`, or restore that user with the administrator's password in /var/lib/distctl/secrets/users.admin)");
}

#[test]
fn a_restart_on_request_rolls() {
    let desired = system::shop();
    let world = settled(&desired);
    insta::assert_snapshot!(restart(&desired, &world.seen, &["rsA".into()]), @"
     1  restart mongod-27018 in db1
     2  wait for mongod 27018 in db1  [after 1]
     3  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 2]
     4  restart mongod-27019 in db1  [after 3]
     5  wait for mongod 27019 in db1  [after 4]
     6  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 5]
     7  step 10.10.10.12:27017 down as primary of rsA  [after 6]
     8  restart mongod-27017 in db1  [after 7]
     9  wait for mongod 27017 in db1  [after 8]
    10  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 9]
    11  hand rsA back to 10.10.10.12:27017  [after 10]
    ");
}

#[test]
fn a_restart_of_a_sick_set_is_refused() {
    let desired = system::shop();
    let mut world: World = settled(&desired);
    let sick = world.mongod("db1", 27018);
    sick.secondary = false;
    insta::assert_snapshot!(restart(&desired, &world.seen, &["rsA".into()]), @"refused: replica set rsA: is restarted only when all of it is healthy; 10.10.10.12:27018 is not (run `distctl up` to mend it first)");
}

#[test]
fn a_restarted_container_is_waited_for_with_all_its_mongods() {
    let desired = system::with_standalone(system::spread(), "users", "c", 27018);
    let world = settled(&desired);
    insta::assert_snapshot!(restart(&desired, &world.seen, &["c".into()]), @"
    1  restart container c
    2  wait until c is up as 10.10.10.23/24  [after 1]
    3  wait for mongod 27018 in c  [after 2]
    4  wait for mongod 27017 in c  [after 2]
    5  wait until 10.10.10.21:27017, 10.10.10.22:27017, 10.10.10.23:27017 of rs are healthy  [after 4]
    ");
}
