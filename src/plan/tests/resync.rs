//! Members that are filled anew.

use super::{plan, settled, system};
use crate::desired::Desired;
use crate::plan::Plan;

fn resync(desired: &Desired, world: &super::World, member: usize) -> Plan {
    let set = &desired.replica_sets["rs"];
    crate::plan::resync(desired, &world.seen, set, &set.members[member])
}

#[test]
fn a_member_that_is_too_stale_is_told_and_not_waited_for() {
    let desired = system::spread();
    let mut world = settled(&desired);
    let stale = world.mongod("c", 27017);
    (stale.secondary, stale.too_stale) = (false, true);
    world.mongod("a", 27017).members[2].state = "RECOVERING".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
    insta::assert_snapshot!(resync(&desired, &world, 2), @"");
}

#[test]
fn what_nobody_else_could_fill_is_not_emptied() {
    let desired = system::spread();
    let mut world = settled(&desired);
    insta::assert_snapshot!(resync(&desired, &world, 0), @"");
    let down = &mut world.mongod("a", 27017).members[1];
    (down.state, down.healthy) = ("(not reachable/healthy)".into(), false);
    insta::assert_snapshot!(resync(&desired, &world, 2), @"");
    world.mongod("a", 27017).writable = false;
    insta::assert_snapshot!(resync(&desired, &world, 2), @"");

    let alone = system::with_set(system::with_container(system::empty(), "a", 21), "rs", &[("a", 27017), ("a", 27018)]);
    insta::assert_snapshot!(resync(&alone, &settled(&alone), 1), @"");
}
