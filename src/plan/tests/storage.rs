//! Disks that can't be used as they are, and what is left in containers.

use protocol::Stranger;

use super::{plan, settled, system};
use crate::observed::Part;

#[test]
fn files_of_others_in_a_data_folder_are_given_to_mongod_before_it_starts() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let guest = world.guest("db3");
    let folder = desired.standalones["users"].mongod.data.clone();
    let path = format!("{folder}/WiredTiger.wt");
    guest.storage.strangers = vec![Stranger { folder, path, owner: "root:root".into() }];
    guest.units.get_mut("mongod-27017.service").unwrap().active = "failed".into();
    world.refresh(&desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  give all below /var/lib/mongodb/27017 in db3 to mongodb: differs
            /var/lib/mongodb/27017/WiredTiger.wt: root:root -> mongodb:mongodb, with all below /var/lib/mongodb/27017 (live)
       2  start mongod-27017 in db3: mongod-27017 is failed ()  [after 1]
       3  wait for mongod 27017 in db3  [after 2]
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
}

#[test]
fn what_can_not_be_written_to_is_told() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let guest = world.guest("db3");
    guest.storage.read_only = vec!["/etc".into()];
    (guest.disk_free, guest.disk_total) = (1 << 20, 1 << 30);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    degraded: container db3: /etc is read-only: nothing can be written there (see why: `distctl exec db3 -- findmnt --target /etc`)
    degraded: container db3: its disk is full (make room in the container, or give it a larger disk: `limits: disk:` in the topology)
    ");
}

#[test]
fn secrets_that_nothing_needs_go_when_others_have_them() {
    let before = system::spread();
    let mut world = settled(&before);
    let containers = || {
        let names = ["a", "b", "c"].iter().zip(21..);
        names.fold(system::empty(), |desired, (name, octet)| system::with_container(desired, name, octet))
    };
    let desired = system::with_set(containers(), "rs", &[("a", 27017), ("b", 27017)]);
    let keyfile = "/etc/distctl/rs.keyfile";
    assert!(world.guest("c").paths.contains_key(keyfile));
    world.carry_out(&plan(&desired, &world.seen.clone()), &desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"1  remove /var/lib/distctl/secrets/rs.keyfile, /etc/distctl/rs.keyfile in c: not declared any more");
    // The only copy that is seen stays.
    let mut blind = world.clone();
    for name in ["a", "b"] {
        blind.container(name).guest = Part::Unreachable("it does not answer".into());
    }
    let text = plan(&desired, &blind.seen).to_string();
    assert!(!text.contains("remove"), "{text}");

    world.settle(&desired);
    assert!(!world.guest("c").paths.contains_key(keyfile));
    assert!(world.guest("a").paths.contains_key(keyfile));
}
