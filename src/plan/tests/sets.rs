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
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn two_new_members_come_one_by_one_and_get_their_votes_last() {
    let before = system::spread();
    let mut world = settled(&before);
    let names = [("d", 24), ("e", 25)];
    let desired = names.iter().fold(before, |desired, (name, octet)| {
        system::with_container(desired, name, *octet)
    });
    let members: Vec<(&str, u16)> = ["a", "b", "c", "d", "e"].map(|name| (name, 27017)).into();
    let desired = system::with_set(desired, "rs", &members);
    world.carry_out(&plan(&desired, &world.seen.clone()), &desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
    world.settle(&desired);
}

#[test]
fn a_member_leaves_the_set_before_its_unit_goes() {
    let five = [27017, 27018, 27019, 27020, 27021].map(|port| ("db1", port));
    let desired = system::with_set(system::with_container(system::empty(), "db1", 12), "rsA", &five);
    let mut world = settled(&desired);
    let desired = system::with_set(system::with_container(system::empty(), "db1", 12), "rsA", &five[..3]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
    world.settle(&desired);
}

#[test]
fn a_new_revision_rolls_through_the_set_with_the_primary_last() {
    let mut desired = system::shop();
    let mut world = settled(&desired);
    for unit in desired.containers.get_mut("db1").unwrap().units.values_mut() {
        unit.revision = Some("r2".into());
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
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
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_set_without_a_majority_is_named_and_not_touched() {
    let desired = system::spread();
    let mut world = settled(&desired);
    for name in ["b", "c"] {
        world.container(name).guest = crate::observed::Part::Unreachable("no answer".into());
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn users_changed_by_hand_are_corrected() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world
        .mongod("db1", 27017)
        .users
        .as_mut()
        .unwrap()
        .remove("admin.distctl-agent");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_refused_credential_is_named_with_both_passwords_places() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.mongod("db3", 27017).access = protocol::Access::Refused("Authentication failed".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_restart_on_request_rolls() {
    let desired = system::shop();
    let world = settled(&desired);
    insta::assert_snapshot!(restart(&desired, &world.seen, &["rsA".into()]), @"");
}

#[test]
fn a_restart_of_a_sick_set_is_refused() {
    let desired = system::shop();
    let mut world: World = settled(&desired);
    let sick = world.mongod("db1", 27018);
    sick.secondary = false;
    insta::assert_snapshot!(restart(&desired, &world.seen, &["rsA".into()]), @"");
}
