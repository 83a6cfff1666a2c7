//! Services that are not well, and those that are restarted.

use protocol::Health;

use super::super::restart;
use super::{plan, settled, system};

#[test]
fn a_stopped_unit_is_deployed_again() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.guest("app").units.get_mut("blog.service").unwrap().active = "inactive".into();
    world.refresh(&desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"   1  deploy blog in app: inactive");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_service_that_says_it_fails_is_waited_for() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.guest("app").services.insert("blog".into(), Health::Failing("503 posts is away".into()));
    insta::assert_snapshot!(plan(&desired, &world.seen), @"   1  wait until blog in app works: 503 posts is away");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_service_that_says_nothing_is_restarted_and_waited_for() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.guest("app").services.insert("blog".into(), Health::Silent("no answer within 2 s".into()));
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  restart blog in app: does not answer: no answer within 2 s
    2  wait until blog in app works  [after 1]
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_service_waits_for_its_database_to_come_back() {
    let desired = system::blog();
    let mut world = settled(&desired);
    let unit = world.guest("db").units.get_mut("mongod-27017.service").unwrap();
    (unit.active, unit.result) = ("failed".into(), "exit-code".into());
    world.guest("db").mongods.insert(27017, Err(protocol::MongodAbsence::NotListening));
    world.guest("app").services.insert("blog".into(), Health::Failing("503 posts is away".into()));
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  start mongod-27017 in db: mongod-27017 is failed (exit-code)
       2  wait for mongod 27017 in db  [after 1]
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
}

#[test]
fn a_container_that_is_stopped_is_looked_into_again() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.stop("app");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  start container app: stopped
       2  wait until app is up as 10.10.10.15/24  [after 1]
    then: look again, for what only shows when these steps are done
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_new_release_waits_for_the_stopped_container_of_its_database() {
    let mut desired = system::blog();
    let mut world = settled(&desired);
    world.stop("db");
    system::release(&mut desired, "app", "blog").revision = "r2".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  start container db: stopped
       2  wait until db is up as 10.10.10.12/24  [after 1]
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
}

#[test]
fn a_guest_that_cannot_be_seen_keeps_its_services() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.container("app").guest = crate::observed::Part::Unreachable("no agent answered".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"degraded: container app: can't be looked into: no agent answered (run `distctl doctor`)");
}

#[test]
fn a_service_is_restarted_one_container_after_the_other() {
    let desired = system::platform();
    let world = settled(&desired);
    insta::assert_snapshot!(restart(&desired, &world.seen, &["web".into()]), @"
    1  restart web in web1
    2  wait until web in web1 works  [after 1]
    3  restart web in web2  [after 2]
    4  wait until web in web2 works  [after 3]
    ");
}

#[test]
fn a_container_is_restarted_with_its_service() {
    let desired = system::blog();
    let world = settled(&desired);
    insta::assert_snapshot!(restart(&desired, &world.seen, &["app".into()]), @"
    1  restart container app
    2  wait until app is up as 10.10.10.15/24  [after 1]
    3  wait until blog in app works  [after 2]
    ");
}

#[test]
fn everything_is_restarted_without_names() {
    let desired = system::blog();
    let world = settled(&desired);
    insta::assert_snapshot!(restart(&desired, &world.seen, &[]), @"
    1  restart mongod-27017 in db
    2  wait for mongod 27017 in db  [after 1]
    3  restart blog in app  [after 2]
    4  wait until blog in app works  [after 3]
    ");
}

#[test]
fn a_service_whose_container_does_not_run_is_not_restarted() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.stop("app");
    insta::assert_snapshot!(restart(&desired, &world.seen, &["blog".into()]), @"
       1  restart blog in app
       2  wait until blog in app works  [after 1]
    refused: service blog: is in app, which does not run or can't be looked into (run `distctl up` to bring it back)
    ");
}
