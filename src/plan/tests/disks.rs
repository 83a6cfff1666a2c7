//! Limits of disks, pools, and disks that somebody attached.

use std::collections::BTreeMap;

use super::model::World;
use super::{plan, settled, system};
use crate::desired::Desired;
use crate::observed::Pool;

type Device = BTreeMap<String, String>;

fn device(settings: &[(&str, &str)]) -> Device {
    settings.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

fn shop(pool: &str, size: &str) -> Desired {
    let mut desired = system::shop();
    let root = device(&[("type", "disk"), ("path", "/"), ("pool", pool), ("size", size)]);
    desired.containers.get_mut("db3").unwrap().devices.insert("root".into(), root);
    desired
}

fn with_pool(mut world: World, name: &str, driver: &str, limits: bool) -> World {
    world.seen.pools.insert(name.into(), Pool { driver: driver.into(), limits });
    world
}

#[test]
fn a_limit_below_what_is_used_is_refused() {
    let mut world = with_pool(settled(&shop("default", "4GiB")), "default", "btrfs", true);
    let desired = shop("default", "1GiB");
    world.container("db3").disk_used = Some(1_500 << 20);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"refused: container db3: it holds 1.5 GiB, and its disk would be limited to 1.0 GiB (give `limits: disk:` more than that, or remove data first)");
    world.container("db3").disk_used = None;
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"container db3: its disk would be limited to 1.0 GiB, and what it holds can't be seen (start it with the limit that it has: `incus start db3`; then run this again)");
    world.container("db3").disk_used = Some(300 << 20);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container db3: differs
         device root: path=/ pool=default size=4GiB type=disk -> path=/ pool=default size=1GiB type=disk (live)
    ");
}

#[test]
fn more_room_is_never_refused() {
    let world = settled(&shop("default", "4GiB"));
    assert_eq!(plan(&shop("default", "8GiB"), &world.seen).refusals, []);
}

#[test]
fn a_first_limit_is_one_that_can_be_too_small() {
    let mut without = shop("default", "1GiB");
    without.containers.get_mut("db3").unwrap().devices.get_mut("root").unwrap().remove("size");
    let mut world = settled(&without);
    world.container("db3").disk_used = Some(2 << 30);
    assert_eq!(plan(&shop("default", "1GiB"), &world.seen).refusals.len(), 1);
}

#[test]
fn another_pool_is_refused_with_the_way_to_get_there() {
    let world = settled(&shop("default", "4GiB"));
    insta::assert_snapshot!(plan(&shop("fast", "4GiB"), &world.seen), @"refused: container db3: its disk is in the pool default, and can't change to fast while the container is in place (move it with its data: `distctl down`, `incus move db3 --storage fast`, `distctl up`; or bring up a second system there: `distctl export`, then `distctl import --pool fast`)");
    // The pool of a profile counts as well.
    let mut world = settled(&system::shop());
    let root = device(&[("type", "disk"), ("path", "/"), ("pool", "slow")]);
    world.container("db3").inherited.insert("root".into(), root);
    assert_eq!(plan(&shop("fast", "4GiB"), &world.seen).refusals.len(), 1);
}

#[test]
fn a_limit_that_the_pool_ignores_is_refused_and_told_where_it_is_there() {
    let desired = shop("plain", "4GiB");
    let world = with_pool(World::empty(), "plain", "dir", false);
    insta::assert_snapshot!(plan(&desired, &world.seen).refusals[0], @"container db3: its disk can't be limited to 4.0 GiB: the pool plain is of the driver dir, which ignores limits here (leave `limits: disk:` out, or name a pool of btrfs, zfs or lvm under `storage: pool:`)");
    let world = with_pool(settled(&desired), "plain", "dir", false);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"degraded: container db3: its disk can't be limited to 4.0 GiB: the pool plain is of the driver dir, which ignores limits here (leave `limits: disk:` out, or name a pool of btrfs, zfs or lvm)");
    let world = with_pool(settled(&desired), "plain", "dir", true);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_disk_with_data_that_somebody_attached_is_told() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let volume = device(&[("type", "disk"), ("path", "/var/lib/mongodb"), ("pool", "slow"), ("source", "data")]);
    let shared = device(&[("type", "disk"), ("path", "/srv/shared"), ("source", "/home/ana")]);
    world.container("db1").devices.insert("shared".into(), shared);
    world.container("db3").inherited.insert("data".into(), volume);
    let told = plan(&desired, &world.seen);
    insta::assert_snapshot!(told, @"note: container db3: has data on the device data at /var/lib/mongodb (volume slow/data), which the topology does not declare (`snapshot` and `export --kind full` refuse while it is there; `distctl export --kind data` takes what the databases hold)");
    assert!(told.is_clean());
}
