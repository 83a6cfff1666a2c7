//! What is not distctl's is never changed.

use super::model::World;
use super::{plan, settled, system};
use crate::desired::OWNER_KEY;
use crate::observed::{Network, Part};
use crate::plan::{Options, diff, down, removal};

#[test]
fn a_foreign_network_that_serves_is_used_and_left_alone() {
    let desired = system::empty();
    let mut world = World::empty();
    let config = [("ipv4.address".into(), "10.10.10.1/24".into()), ("ipv4.nat".into(), "true".into())].into();
    world.seen.network = Part::Present(Network { managed: true, config, users: 3, ..Network::default() });
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_foreign_network_that_differs_is_refused_with_both_ways_out() {
    let desired = system::empty();
    let mut world = World::empty();
    let config = [("ipv4.address".into(), "10.20.0.1/24".into())].into();
    world.seen.network = Part::Present(Network { managed: true, config, users: 3, ..Network::default() });
    insta::assert_snapshot!(plan(&desired, &world.seen), @"refused: network shopbr0: is not distctl's, and ipv4.address is 10.20.0.1/24 and not 10.10.10.1/24, ipv4.nat is unset and not true (name another network under `network: name:`, or take this one over with `--adopt`)");
    let adopted = diff(&desired, &world.seen, &Options { adopt: true, ..Options::default() });
    insta::assert_snapshot!(adopted, @"
    1  update network shopbr0: differs
         ipv4.address: 10.20.0.1/24 -> 10.10.10.1/24 (live)
         ipv4.nat: unset -> true (live)
         user.distctl.topology: unset -> shop (live)
    ");
}

#[test]
fn a_foreign_container_is_refused() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.container("db1").config.remove(OWNER_KEY);
    world.container("db3").config.insert(OWNER_KEY.into(), "another".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    refused: container db1: exists already and is not distctl's (name another container in the topology, or take this one over with `--adopt`)
    refused: container db3: exists already and belongs to topology another (name another container in the topology, or take this one over with `--adopt`)
    ");
}

#[test]
fn an_address_that_another_holds_is_refused() {
    let desired = system::shop();
    let mut world = World::empty();
    world.seen.taken.insert("10.10.10.14".parse().unwrap(), "/1.0/instances/printer".into());
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"container db3: its address 10.10.10.14 is held by /1.0/instances/printer (give one of the two another address)");
}

#[test]
fn a_guest_without_systemd_is_refused() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.guest("db3").systemd = None;
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"container db3: has no systemd, which distctl runs everything with (make it from an image whose init is systemd, `images:debian/12` for instance)");
}

#[test]
fn a_container_that_is_declared_no_more_is_named() {
    let mut desired = system::shop();
    let world = settled(&desired);
    desired.containers.remove("db3");
    desired.standalones.clear();
    insta::assert_snapshot!(plan(&desired, &world.seen), @r"
       1  stop mongod-27017 in db3: not declared any more
       2  remove /etc/systemd/system/mongod-27017.service, /etc/systemd/system/handover-27017.service, /etc/distctl/mongod-27017.conf in db3: not declared any more  [after 1]
    degraded: container db3: belongs to this topology and is not declared in it any more (declare it again: it has data of users)
    ");
}

#[test]
fn down_stops_and_destroy_removes_what_is_ours_alone() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.container("db3").config.remove(OWNER_KEY);
    insta::assert_snapshot!(down(&desired, &world.seen), @"
    1  keep container db1 down when the host starts
    2  stop container db1  [after 1]
    ");
    insta::assert_snapshot!(removal(&desired, &world.seen, &[]).unwrap(), @"
    1  stop container db1
    2  delete container db1 and its data  [after 1]
    3  delete network shopbr0  [after 2]
    ");
    assert!(removal(&desired, &world.seen, &["db3".into()]).is_err());
}

#[test]
fn a_client_that_can_take_no_lease_is_told_before_it_begins() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.seen.no_lease = Some("this client may not change the project shop, which holds the lease".into());
    assert!(plan(&desired, &world.seen).is_clean(), "to look is enough where nothing is to do");
    world.stop("db3");
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"lease: this client may not change the project shop, which holds the lease, and every change needs one (run distctl as a user of the group incus-admin, or have an administrator of the server set `restricted: false` for this certificate with `incus config trust edit FINGERPRINT`)");
}
