//! Edits that would lose sight of data, told in plans.

use super::model::World;
use super::{plan, settled, system};
use crate::desired::{DATA_KEY, Desired};

/// A system with data, as an older distctl built it: no container says where its data lies.
fn older(desired: &Desired) -> World {
    let mut world = settled(desired);
    for name in desired.containers.keys() {
        world.container(name).config.remove(DATA_KEY);
    }
    world
}

fn with_two_containers() -> Desired {
    ["db1", "db3"].iter().zip(12..).fold(system::empty(), |all, (name, octet)| system::with_container(all, name, octet))
}

#[test]
fn a_system_of_an_older_distctl_is_told_where_its_data_lies_and_nothing_restarts() {
    let desired = system::shop();
    let mut world = older(&desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container db1: differs
         user.distctl.data: unset -> 27017=member/rsA:27017 27018=member/rsA:27018 27019=member/rsA:27019 (live)
    2  update container db3: differs
         user.distctl.data: unset -> 27017=standalone/users:27017 (live)
    ");
    world.settle(&desired);
}

#[test]
fn an_edit_of_a_system_whose_data_nobody_can_place_is_refused() {
    let world = older(&system::with_standalone(with_two_containers(), "users", "db3", 27017));
    let desired = system::with_standalone(with_two_containers(), "users", "db3", 27018);
    let refusals = plan(&desired, &world.seen).refusals;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(refusals[0].message.contains("older distctl"), "{refusals:?}");
}

#[test]
fn a_container_that_lost_its_ledger_is_refused_where_folders_are_not_named_after_ports() {
    let desired = system::with_standalone(with_two_containers(), "users", "db3", 27017);
    let mut world = older(&desired);
    world.guest("db3").paths.remove("/var/lib/mongodb/27017");
    let refusals = plan(&desired, &world.seen).refusals;
    assert!(refusals.iter().any(|one| one.message.contains(DATA_KEY)), "{refusals:?}");
}

#[test]
fn a_single_mongod_in_another_container_is_refused() {
    let world = settled(&system::with_standalone(with_two_containers(), "users", "db3", 27017));
    let desired = system::with_standalone(with_two_containers(), "users", "db1", 27017);
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan.refusals[0].to_string(), @"database users: has its data in db3 (/var/lib/mongodb/27017); a single mongod can't move to db1 with it (leave it in db3; or declare users under `replica_sets` with its member in db3, run `distctl up`, add a member in db1, run `distctl up`, and take the first member out)");
}

#[test]
fn another_name_is_refused() {
    let world = settled(&system::shop());
    let desired = ["db1", "db3"].iter().zip([12, 14]);
    let desired = desired.fold(system::empty(), |all, (name, octet)| system::with_container(all, name, octet));
    let desired = system::with_set(desired, "rsX", &[("db1", 27017), ("db1", 27018), ("db1", 27019)]);
    let desired = system::with_standalone(desired, "users", "db3", 27017);
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan.refusals[0].to_string(), @"database rsX: would begin empty, while rsA, which has data in db1 (/var/lib/mongodb/27017), is not declared any more (if rsX is another name for rsA, give it back the name rsA: a name changes only by `distctl export` and `distctl import --map rsA=rsX`; if rsA is to go, take it out alone and run `distctl up` before rsX is added)");
}

#[test]
fn a_set_becomes_no_single_mongod() {
    let world = settled(&system::with_set(with_two_containers(), "rs", &[("db1", 27017)]));
    let desired = system::with_standalone(with_two_containers(), "rs", "db1", 27017);
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan.refusals[0].to_string(), @"database rs: is a replica set with data in db1 (/var/lib/mongodb/27017), and can't become a single mongod in place (keep the set (it may have one member), or move the data: `distctl export --kind data`, then `distctl import`)");
}

#[test]
fn a_set_does_not_begin_with_the_data_of_two() {
    let desired = system::with_set(with_two_containers(), "rs", &[("db1", 27017), ("db3", 27017)]);
    let mut world = settled(&desired);
    for name in ["db1", "db3"] {
        let mongod = world.mongod(name, 27017);
        (mongod.set_name, mongod.config) = (None, None);
        mongod.databases = vec!["shop".into()];
    }
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan.refusals[0].to_string(), @"replica set rs: can't begin with the data of two: 10.10.10.12:27017 and 10.10.10.13:27017 have databases of their own (declare one of the two elsewhere, or move its data: `distctl export --kind data`, then `distctl import`)");
}

#[test]
fn what_stands_is_looked_into_before_anything_else_is_done_or_said() {
    let before = system::with_set(system::with_container(system::empty(), "db1", 12), "rs", &[("db1", 27017)]);
    let mut world = older(&before);
    world.stop("db1");
    let desired = system::with_set(with_two_containers(), "rs", &[("db1", 27017), ("db3", 27017)]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @r"
       1  start container db1: stopped
       2  wait until db1 is up as 10.10.10.12/24  [after 1]
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn no_secret_is_made_while_its_data_can_not_be_looked_at() {
    let before = system::with_set(system::with_container(system::empty(), "db1", 12), "rs", &[("db1", 27017)]);
    let mut world = settled(&before);
    world.container("db1").guest = crate::observed::Part::Unreachable("no answer".into());
    let desired = system::with_set(with_two_containers(), "rs", &[("db1", 27017), ("db3", 27017)]);
    let refusals = plan(&desired, &world.seen).refusals;
    assert!(refusals.iter().any(|one| one.object == "database rs" && one.message.contains("db1")), "{refusals:?}");
}

#[test]
fn a_member_elsewhere_that_is_on_its_way_up_is_waited_for() {
    let before = system::with_set(system::with_container(system::empty(), "db1", 12), "rs", &[("db1", 27017)]);
    let mut world = settled(&before);
    let desired = system::with_set(with_two_containers(), "rs", &[("db3", 27017)]);
    world.carry_out(&plan(&desired, &world.seen.clone()), &desired);
    world.guest("db1").mongods.insert(27017, Err(protocol::MongodAbsence::NotListening));
    insta::assert_snapshot!(plan(&desired, &world.seen), @r"
       1  wait for mongod 27017 in db1: db1 (/var/lib/mongodb/27017) has data of rs
    then: look again, for what only shows when these steps are done
    ");
}
