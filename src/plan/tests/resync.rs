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
    insta::assert_snapshot!(plan(&desired, &world.seen), @"degraded: 10.10.10.23:27017 of replica set rs: is too stale to catch up: its set has forgotten what comes next for it (fill it anew from the other members: `distctl resync c:27017`)");
    insta::assert_snapshot!(resync(&desired, &world, 2), @"
    1  stop 10.10.10.23:27017 in c and empty /var/lib/mongodb/27017
    2  start mongod-27017 in c  [after 1]
    3  wait for mongod 27017 in c  [after 2]
    4  wait until 10.10.10.23:27017 of rs is healthy  [after 3]
    ");
}

#[test]
fn what_nobody_else_could_fill_is_not_emptied() {
    let desired = system::spread();
    let mut world = settled(&desired);
    insta::assert_snapshot!(resync(&desired, &world, 0), @"refused: 10.10.10.21:27017 of replica set rs: is the primary: it has the newest data (name a member that is not primary)");
    let down = &mut world.mongod("a", 27017).members[1];
    (down.state, down.healthy) = ("(not reachable/healthy)".into(), false);
    insta::assert_snapshot!(resync(&desired, &world, 2), @"refused: 10.10.10.23:27017 of replica set rs: is not emptied: 1 of its 3 voting members hold its data besides this one and are healthy: 10.10.10.22:27017 is (not reachable/healthy) (mend the other members first: only they can fill it anew)");
    world.mongod("a", 27017).writable = false;
    insta::assert_snapshot!(resync(&desired, &world, 2), @"refused: 10.10.10.23:27017 of replica set rs: its set has no primary to fill it anew (run `distctl up` to mend the set first)");

    let alone = system::with_set(system::with_container(system::empty(), "a", 21), "rs", &[("a", 27017), ("a", 27018)]);
    insta::assert_snapshot!(resync(&alone, &settled(&alone), 1), @"refused: 10.10.10.21:27018 of replica set rs: is not emptied: 1 of its 2 voting members hold its data besides this one and are healthy (mend the other members first: only they can fill it anew)");
}
