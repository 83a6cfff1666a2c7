//! Services, from their birth to their end.

use super::model::World;
use super::{plan, settled, system};
use crate::desired::Content;

#[test]
fn a_service_is_born_behind_its_database() {
    let desired = system::blog();
    let mut world = World::empty();
    let born = plan(&desired, &world.seen);
    insta::assert_snapshot!(born, @"
     1  create network shopbr0 (10.10.10.1/24): missing
     2  create container app (10.10.10.15): missing  [after 1]
     3  start container app  [after 2]
     4  wait until app is up as 10.10.10.15/24  [after 3]
     5  write 2 files in app: missing  [after 4]
     6  create container db (10.10.10.12): missing  [after 1]
     7  start container db  [after 6]
     8  wait until db is up as 10.10.10.12/24  [after 7]
     9  write 2 files in db: missing  [after 8]
    10  start mongod-27017 in db: missing  [after 9]
    11  wait for mongod 27017 in db  [after 10]
    12  ensure users of posts: admin, distctl-agent: missing  [after 11]
    13  push blog (4 MiB) to app: missing  [after 5]
    14  deploy blog in app: missing  [after 12, 13]
    15  run `blog create-user admin` in app: missing  [after 14]
    ");
    assert!(!born.look_again);
    world.carry_out(&born, &desired);
    assert!(plan(&desired, &world.seen).is_clean(), "{}", plan(&desired, &world.seen));
}

#[test]
fn a_new_binary_is_staged_and_deployed() {
    let mut desired = system::blog();
    let mut world = settled(&desired);
    let release = system::release(&mut desired, "app", "blog");
    release.revision = "r2".into();
    release.files.get_mut("/usr/local/bin/blog").unwrap().content = system::artifact("blog", 2);
    let unit = release.files.get_mut("/etc/systemd/system/blog.service").unwrap();
    unit.content = Content::Bytes(b"[Service] blog r2".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  push blog (4 MiB) to app: /usr/local/bin/blog is missing or differs
    2  deploy blog in app: differs  [after 1]
         /etc/systemd/system/blog.service: sha256 afc8161f9d43 -> sha256 2363babb9c13 (restart)
         /usr/local/bin/blog: sha256 3392f02b6dd5 -> sha256 d0bf8da2b4d0 (restart)
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_changed_value_of_the_environment_is_deployed_without_the_binary() {
    let mut desired = system::blog();
    let mut world = settled(&desired);
    let release = system::release(&mut desired, "app", "blog");
    let Content::Filled(pieces) = &mut release.files.get_mut("/etc/distctl/blog.env").unwrap().content else {
        panic!()
    };
    pieces.push(protocol::Piece::Text("\nPORT=4000".into()));
    // The agent fills what it is asked about now.
    world.refresh(&desired);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  deploy blog in app: differs
         /etc/distctl/blog.env: sha256 4607650d5b17 -> sha256 3d73521da798 (restart)
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_file_that_is_declared_no_more_is_listed_and_removed() {
    let mut desired = system::blog();
    let file = system::release(&mut desired, "app", "blog").files["/etc/distctl/blog.env"].clone();
    let release = system::release(&mut desired, "app", "blog");
    release.files.insert("/etc/blog/theme.css".into(), file);
    let mut world = settled(&desired);
    let release = system::release(&mut desired, "app", "blog");
    release.files.remove("/etc/blog/theme.css");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  deploy blog in app: differs
         /etc/blog/theme.css: of the release before -> removed (restart)
    ");
    assert_eq!(world.settle(&desired), 1);
    assert!(plan(&desired, &world.seen).is_clean());
}

#[test]
fn a_secret_that_is_lost_is_made_anew_and_filled_in() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.guest("app").paths.remove("/var/lib/distctl/secrets/jwt");
    world.refresh(&desired);
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan, @"
    1  write /var/lib/distctl/secrets/jwt in app: differs
         /var/lib/distctl/secrets/jwt: missing -> 0644 root:root (live)
    2  deploy blog in app: differs  [after 1]
         /etc/distctl/blog.env: sha256 4607650d5b17 -> filled anew (restart)
    ");
    insta::assert_debug_snapshot!(plan.secrets, @r#"
    {
        SecretName {
            owner: "jwt",
            kind: Named,
        }: Generate,
    }
    "#);
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_file_with_another_mode_is_put_right_without_the_binary() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.guest("app").paths.get_mut("/usr/local/bin/blog").unwrap().owner = "blog".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  deploy blog in app: differs
         /usr/local/bin/blog: 0644 blog:root -> 0644 root:root (restart)
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn an_older_release_that_still_runs_is_replaced() {
    let desired = system::blog();
    let mut world = settled(&desired);
    world.guest("app").units.get_mut("blog.service").unwrap().revision = Some("r0".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"   1  deploy blog in app: runs an older release");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_service_that_is_declared_no_more_is_removed() {
    let before = system::platform();
    let mut world = settled(&before);
    let mut desired = before.clone();
    desired.services.remove("web");
    for host in ["web1", "web2"] {
        desired.containers.get_mut(host).unwrap().releases.clear();
    }
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  remove service web in web1: not declared any more
    2  remove service web in web2: not declared any more
    ");
    assert_eq!(world.settle(&desired), 1);
    assert_eq!(world.guest("web1").deployed, Vec::<String>::new());
}

#[test]
fn a_service_that_moves_leaves_its_old_place_when_it_works_in_the_new_one() {
    let mut desired = system::with_container(system::blog(), "app2", 16);
    let mut world = settled(&desired);
    desired.containers.get_mut("app").unwrap().releases.clear();
    let desired = system::with_service(desired, "blog", &["app2"], &["posts"]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  write /var/lib/distctl/secrets/jwt in app2: differs
         /var/lib/distctl/secrets/jwt: missing -> 0644 root:root (live)
    2  push blog (4 MiB) to app2: /usr/local/bin/blog is missing or differs  [after 1]
    3  deploy blog in app2: missing  [after 2]
    4  remove service blog in app: not declared any more  [after 3]
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_lost_container_gets_its_service_again_and_others_keep_theirs() {
    let desired = system::platform();
    let mut world = settled(&desired);
    world.seen.containers.remove("web2");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  create container web2 (10.10.10.17): missing
    2  start container web2  [after 1]
    3  wait until web2 is up as 10.10.10.17/24  [after 2]
    4  write 2 files in web2: missing  [after 3]
    5  push web (4 MiB) to web2: missing  [after 4]
    6  deploy web in web2: missing  [after 5]
    ");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_service_may_have_the_name_of_its_container() {
    let desired = system::with_container(system::with_container(system::empty(), "web", 15), "web2", 16);
    let desired = system::with_service(desired, "web", &["web", "web2"], &[]);
    let desired = system::with_init(desired, "web", "web seed");
    let mut world = World::empty();
    let born = plan(&desired, &world.seen);
    insta::assert_snapshot!(born, @"
     1  create network shopbr0 (10.10.10.1/24): missing
     2  create container web (10.10.10.15): missing  [after 1]
     3  start container web  [after 2]
     4  wait until web is up as 10.10.10.15/24  [after 3]
     5  write 2 files in web: missing  [after 4]
     6  create container web2 (10.10.10.16): missing  [after 1]
     7  start container web2  [after 6]
     8  wait until web2 is up as 10.10.10.16/24  [after 7]
     9  write 2 files in web2: missing  [after 8]
    10  push web (4 MiB) to web: missing  [after 5]
    11  deploy web in web: missing  [after 10]
    12  run `web seed` in web: missing  [after 11]
    13  push web (4 MiB) to web2: missing  [after 9]
    14  deploy web in web2: missing  [after 12, 13]
    ");
    world.carry_out(&born, &desired);
    assert!(plan(&desired, &world.seen).is_clean());
    insta::assert_snapshot!(super::super::restart(&desired, &world.seen, &["web".into()]), @"
    1  restart container web
    2  wait until web is up as 10.10.10.15/24  [after 1]
    3  wait until web in web works  [after 2]
    ");
}

#[test]
fn only_a_service_is_planned_when_asked() {
    let mut desired = system::platform();
    let world = settled(&desired);
    for (host, service) in [("app", "auth"), ("web1", "web"), ("web2", "web")] {
        system::release(&mut desired, host, service).revision = "r2".into();
    }
    let scope = desired.scope(&["auth".into()]).unwrap();
    let options = crate::plan::Options { scope, ..Default::default() };
    insta::assert_snapshot!(crate::plan::diff(&desired, &world.seen, &options), @"   1  deploy auth in app: runs an older release");
}
