//! Passwords that somebody changed by hand.

use protocol::{Access, LoginSeen};

use super::{plan, settled, system};

fn refused() -> LoginSeen {
    LoginSeen::Refused("Authentication failed.".into())
}

#[test]
fn a_password_that_is_refused_is_set_again() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let primary = world.mongod("db1", 27017);
    primary.logins = [("admin".into(), LoginSeen::Taken), ("distctl-agent".into(), refused())].into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  ensure users of rsA: admin, distctl-agent: differs
            user distctl-agent: password refused -> set again (live)
    then: look again, for what only shows when these steps are done
    ");
    world.settle(&desired);
}

#[test]
fn the_agents_own_password_is_set_again_by_the_administrator() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let single = world.mongod("db3", 27017);
    (single.access, single.users) = (Access::Refused("Authentication failed.".into()), None);
    single.logins = [("admin".into(), LoginSeen::Taken)].into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  ensure users of users: admin, distctl-agent: differs
         user distctl-agent: password refused -> set again (live)
    ");
    world.settle(&desired);
}

#[test]
fn the_administrators_own_password_is_a_finding() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.mongod("db1", 27017).logins = [("admin".into(), refused())].into();
    let plan = plan(&desired, &world.seen);
    assert!(!plan.is_clean());
    insta::assert_snapshot!(plan, @r#"degraded: users of rsA: mongod refuses the password of admin that is kept in /var/lib/distctl/secrets/rsA.admin: Authentication failed. (log in as admin with the password that it has now, and give it the one of that file: db.getSiblingDB("admin").changeUserPassword("admin", ...))"#);
}

#[test]
fn what_could_not_be_tried_is_not_called_right() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.mongod("db1", 27017).logins = [("admin".into(), LoginSeen::Unknown("no answer within 5s".into()))].into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"degraded: users of rsA: whether the password of admin is taken can't be told: no answer within 5s (run `distctl plan` again)");
}

#[test]
fn a_password_whose_file_is_about_to_be_written_is_tried_again_afterwards() {
    let mut desired = system::shop();
    let mut world = settled(&desired);
    let path = "/var/lib/distctl/secrets/users.admin".to_owned();
    let hosts = desired.containers["db3"].files["/etc/hosts"].clone();
    desired.containers.get_mut("db3").unwrap().files.insert(path, hosts);
    world.mongod("db3", 27017).logins = [("admin".into(), refused())].into();
    let plan = plan(&desired, &world.seen);
    assert!(plan.look_again && plan.findings.is_empty());
    insta::assert_snapshot!(plan, @"
       1  write /var/lib/distctl/secrets/users.admin in db3: differs
            /var/lib/distctl/secrets/users.admin: missing -> 0644 root:root (live)
    then: look again, for what only shows when these steps are done
    ");
}
