//! What a service needs once: run when it works for the first time, and again only where it is lost.

use super::{plan, settled, system};

#[test]
fn a_database_that_is_made_anew_is_given_it_again() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.seen.containers.remove("db");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  remove /var/lib/distctl/services/blog/initialized in app: its database is made anew
    2  create container db (10.10.10.12): missing  [after 1]
    3  start container db  [after 2]
    4  wait until db is up as 10.10.10.12/24  [after 3]
    5  write 2 files in db: missing  [after 4]
    6  start mongod-27017 in db: missing  [after 5]
    7  wait for mongod 27017 in db  [after 6]
    8  ensure users of posts: admin, distctl-agent: missing  [after 7]
    9  run `blog create-user admin` in app: missing  [after 8]
    ");
    world.settle(&desired);
}

#[test]
fn a_run_that_is_killed_between_the_new_database_and_it_is_finished_by_the_next() {
    let desired = system::blog();
    for steps in 0..20 {
        let mut world = settled(&desired);
        world.seen.containers.remove("db");
        world.carry_out_first(steps, &plan(&desired, &world.seen), &desired);
        world.settle(&desired);
    }
}

#[test]
fn data_that_are_lost_are_a_database_that_is_made_anew() {
    let desired = system::blog();
    let mut world = settled(&desired);
    let guest = world.guest("db");
    guest.paths.remove("/var/lib/mongodb/27017");
    guest.paths.remove("/var/lib/mongodb/27017/WiredTiger");
    guest.units.get_mut("mongod-27017.service").unwrap().active = "failed".into();
    guest.mongods.insert(27017, Err(protocol::MongodAbsence::NotListening));
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  remove /var/lib/distctl/services/blog/initialized in app: its database is made anew
    2  make users and directories in db: differs  [after 1]
         /var/lib/mongodb/27017: missing -> 0700 mongodb:mongodb (live)
    3  start mongod-27017 in db: mongod-27017 is failed ()  [after 2]
    4  wait for mongod 27017 in db  [after 3]
    5  ensure users of posts: admin, distctl-agent: missing  [after 4]
    6  run `blog create-user admin` in app: missing  [after 5]
    ");
}

#[test]
fn another_command_is_run() {
    let desired = system::blog();
    let mut world = settled(&desired);
    let desired = system::with_init(desired, "blog", "blog create-user root");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"   1  run `blog create-user root` in app: another command was run");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn one_that_was_added_is_run_and_one_that_was_removed_is_not_missed() {
    let mut without = system::blog();
    system::release(&mut without, "app", "blog").init = None;
    let mut world = settled(&without);
    let with = system::blog();
    insta::assert_snapshot!(plan(&with, &world.seen), @"   1  run `blog create-user admin` in app: missing");
    assert_eq!(world.settle(&with), 1);
    assert!(plan(&without, &world.seen).is_clean());
}

#[test]
fn a_new_release_and_a_lost_member_of_a_set_do_not_run_it_again() {
    let desired = system::with_container(system::spread(), "app", 15);
    let desired = system::with_service(desired, "blog", &["app"], &["rs"]);
    let mut desired = system::with_init(desired, "blog", "blog create-user admin");
    let mut world = settled(&desired);
    system::release(&mut desired, "app", "blog").revision = "r2".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"   1  deploy blog in app: runs an older release");
    world.settle(&desired);
    world.seen.containers.remove("b");
    let text = plan(&desired, &world.seen).to_string();
    assert!(!text.contains("create-user"), "the others still have all data:\n{text}");
}
