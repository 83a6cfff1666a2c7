//! What `up` does, told in plans.

use proptest::prelude::*;

use super::super::Brief;
use super::model::World;
use super::{plan, settled, system};
use crate::desired::Content;
use crate::observed::{Part, Status};

#[test]
fn a_system_comes_up_from_nothing() {
    let desired = system::shop();
    let world = World::empty();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
     1  create network shopbr0 (10.10.10.1/24): missing
     2  create container db1 (10.10.10.12): missing  [after 1]
     3  start container db1  [after 2]
     4  wait until db1 is up as 10.10.10.12/24  [after 3]
     5  write 6 files in db1: missing  [after 4]
     6  start mongod-27017, mongod-27018, mongod-27019 in db1: missing  [after 5]
     7  create container db3 (10.10.10.14): missing  [after 1]
     8  start container db3  [after 7]
     9  wait until db3 is up as 10.10.10.14/24  [after 8]
    10  write 2 files in db3: missing  [after 9]
    11  start mongod-27017 in db3: missing  [after 10]
    12  wait for mongod 27017 in db3  [after 11]
    13  ensure users of users: admin, distctl-agent: missing  [after 12]
    14  wait for mongod 27017 in db1  [after 6]
    15  wait for mongod 27018 in db1  [after 6]
    16  wait for mongod 27019 in db1  [after 6]
    17  initiate replica set rsA on 10.10.10.12:27017: missing  [after 14, 15, 16]
    18  ensure users of rsA: admin, distctl-agent: missing  [after 17]
    19  wait until 10.10.10.12:27017, 10.10.10.12:27018, 10.10.10.12:27019 of rsA are healthy  [after 18]
    ");
}

#[test]
fn after_one_pass_nothing_is_left_to_do() {
    for desired in [system::empty(), system::shop(), system::spread(), system::blog(), system::platform()] {
        let mut world = World::empty();
        assert_eq!(world.settle(&desired), 1);
    }
}

#[test]
fn a_file_changed_by_hand_is_named_and_mended() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.guest("db3").paths.get_mut("/etc/hosts").unwrap().sha256 = Some("00c0ffee00c0ffee".into());
    world.guest("db1").paths.get_mut("/var/lib/mongodb/27017").unwrap().owner = "root".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  make users and directories in db1: differs
         /var/lib/mongodb/27017: 0700 root:mongodb -> 0700 mongodb:mongodb (live)
    2  write /etc/hosts in db3: differs
         /etc/hosts: sha256 00c0ffee00c0 -> sha256 141f2ae6726c (live)
    ");
}

#[test]
fn a_stopped_container_is_started_and_then_looked_into() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.stop("db1");
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  start container db1: stopped
       2  wait until db1 is up as 10.10.10.12/24  [after 1]
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn a_stopped_unit_is_started() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let unit = world.guest("db3").units.get_mut("mongod-27017.service").unwrap();
    (unit.active, unit.result) = ("failed".into(), "exit-code".into());
    world.guest("db3").mongods.insert(27017, Err(protocol::MongodAbsence::NotListening));
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
       1  start mongod-27017 in db3: mongod-27017 is failed (exit-code)
       2  wait for mongod 27017 in db3  [after 1]
    then: look again, for what only shows when these steps are done
    ");
}

#[test]
fn a_lost_container_is_made_anew_and_its_keyfile_comes_from_another() {
    let desired = system::spread();
    let mut world = settled(&desired);
    world.seen.containers.remove("b");
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan, @"
       1  create container b (10.10.10.22): missing
       2  start container b  [after 1]
       3  wait until b is up as 10.10.10.22/24  [after 2]
       4  write 4 files in b: missing  [after 3]
       5  start mongod-27017 in b: missing  [after 4]
       6  wait for mongod 27017 in b  [after 5]
       7  wait until 10.10.10.21:27017, 10.10.10.22:27017, 10.10.10.23:27017 of rs are healthy  [after 6]
    then: look again, for what only shows when these steps are done
    ");
    insta::assert_debug_snapshot!(plan.secrets, @r#"
    {
        SecretName {
            owner: "rs",
            kind: Keyfile,
        }: Guest {
            container: "a",
            path: "/etc/distctl/rs.keyfile",
        },
    }
    "#);
}

#[test]
fn limits_change_live() {
    let mut desired = system::shop();
    let world = settled(&desired);
    desired.containers.get_mut("db1").unwrap().config.insert("limits.memory".into(), "2GiB".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  update container db1: differs
         limits.memory: unset -> 2GiB (live)
    ");
}

#[test]
fn a_guest_that_cannot_be_seen_is_named_and_left_alone() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.container("db1").guest = Part::Unreachable("exec answers: Instance is frozen".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    degraded: container db1: can't be looked into: exec answers: Instance is frozen (run `distctl doctor`)
    degraded: replica set rsA: container db1 can't be looked into (mend that first; changes of the set wait for it)
    ");
}

#[test]
fn a_wrong_copy_of_a_keyfile_is_replaced_by_the_one_that_most_have() {
    let desired = system::spread();
    let mut world = settled(&desired);
    world.guest("c").paths.get_mut("/etc/distctl/rs.keyfile").unwrap().sha256 = Some("bad".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  write /etc/distctl/rs.keyfile in c: differs
         /etc/distctl/rs.keyfile: sha256 bad -> sha256 f9d4f739c6e7 (live)
    ");
}

#[test]
fn plans_do_not_depend_on_chance() {
    let desired = system::shop();
    let world = World::empty();
    assert_eq!(plan(&desired, &world.seen), plan(&desired, &world.seen));
}

#[test]
fn only_a_part_is_planned_when_asked() {
    let desired = system::shop();
    let world = World::empty();
    let scope = desired.scope(&["users".into()]).unwrap();
    let options = crate::plan::Options { scope, ..Default::default() };
    let text = crate::plan::diff(&desired, &world.seen, &options).to_string();
    assert!(text.contains("db3") && !text.contains("db1"), "{text}");
}

proptest! {
    /// A run that is killed after any step is finished by the next one.
    #[test]
    fn a_run_killed_at_any_step_is_finished_by_the_next(steps in 0_usize..60, spread in any::<bool>()) {
        let desired = if spread { system::spread() } else { system::shop() };
        let mut world = World::empty();
        world.carry_out_first(steps, &plan(&desired, &world.seen), &desired);
        world.settle(&desired);
        prop_assert!(plan(&desired, &world.seen).is_clean());
    }

    /// Whatever is changed by hand is mended, and then nothing is left to do.
    #[test]
    fn any_drift_is_mended(drifts in proptest::collection::vec(0_usize..6, 1..5)) {
        let desired = system::spread();
        let mut world = settled(&desired);
        for drift in drifts {
            spoil(&mut world, drift);
        }
        world.settle(&desired);
    }
}

/// One of the things that people do by hand.
fn spoil(world: &mut World, drift: usize) {
    let Some(Part::Present(container)) = world.seen.containers.get_mut("a") else {
        return;
    };
    match drift {
        0 => container.config.insert("limits.memory".into(), "1GiB".into()).map_or((), drop),
        1 if container.status == Status::Running => world.stop("a"),
        2 => _ = world.seen.containers.remove("b"),
        _ => {
            let Part::Present(guest) = &mut container.guest else {
                return;
            };
            match drift {
                3 => _ = guest.paths.remove("/etc/hosts"),
                4 => _ = guest.units.remove("mongod-27017.service"),
                _ => guest.units.values_mut().for_each(|unit| unit.enabled = "disabled".into()),
            }
        }
    }
}

#[test]
fn the_agent_and_artifacts_of_a_running_guest_are_staged_first() {
    let mut desired = system::shop();
    let world = settled(&desired);
    let files = &mut desired.containers.get_mut("db3").unwrap().files;
    let mut file = files["/etc/hosts"].clone();
    file.content = Content::Artifact { path: "artifacts/mongod".into(), sha256: "abc".into(), size: 3 };
    files.insert("/usr/local/bin/mongod".into(), file);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  push mongod (3 B) to db3: /usr/local/bin/mongod is missing or differs
    2  write /usr/local/bin/mongod in db3: differs  [after 1]
         /usr/local/bin/mongod: missing -> 0644 root:root (live)
    ");
}

#[test]
fn a_long_plan_is_shown_in_brief_by_what_it_works_on() {
    let desired = system::spread();
    let cold = plan(&desired, &World::empty().seen);
    assert!(cold.steps.len() > 20);
    insta::assert_snapshot!(Brief(&cold), @"
    create network shopbr0 (10.10.10.1/24): missing
    create container a (10.10.10.21): missing, and 5 more steps
    create container b (10.10.10.22): missing, and 5 more steps
    create container c (10.10.10.23): missing, and 5 more steps
    initiate replica set rs on 10.10.10.21:27017: missing, and 2 more steps
    ");
    let mut world = settled(&desired);
    world.stop("a");
    let short = plan(&desired, &world.seen);
    assert_eq!(Brief(&short).to_string(), short.to_string());
}
