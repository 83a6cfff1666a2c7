//! What `up` does, told in plans.

use proptest::prelude::*;

use super::model::World;
use super::{plan, settled, system};
use crate::desired::Content;
use crate::observed::{Part, Status};

#[test]
fn a_system_comes_up_from_nothing() {
    let desired = system::shop();
    let world = World::empty();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn after_one_pass_nothing_is_left_to_do() {
    for desired in [system::empty(), system::shop(), system::spread()] {
        let mut world = World::empty();
        assert_eq!(world.settle(&desired), 1);
    }
}

#[test]
fn a_file_changed_by_hand_is_named_and_mended() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.guest("db3").paths.get_mut("/etc/hosts").unwrap().sha256 = Some("00c0ffee00c0ffee".into());
    world
        .guest("db1")
        .paths
        .get_mut("/var/lib/mongodb/27017")
        .unwrap()
        .owner = "root".into();
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_stopped_container_is_started_and_then_looked_into() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let db1 = world.container("db1");
    (db1.status, db1.guest) = (Status::Stopped, Part::Absent);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_stopped_unit_is_started() {
    let desired = system::shop();
    let mut world = settled(&desired);
    let unit = world.guest("db3").units.get_mut("mongod-27017.service").unwrap();
    (unit.active, unit.result) = ("failed".into(), "exit-code".into());
    world
        .guest("db3")
        .mongods
        .insert(27017, Err(protocol::MongodAbsence::NotListening));
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_lost_container_is_made_anew_and_its_keyfile_comes_from_another() {
    let desired = system::spread();
    let mut world = settled(&desired);
    world.seen.containers.remove("b");
    let plan = plan(&desired, &world.seen);
    insta::assert_snapshot!(plan, @"");
    insta::assert_debug_snapshot!(plan.secrets, @"");
}

#[test]
fn limits_change_live() {
    let mut desired = system::shop();
    let world = settled(&desired);
    desired
        .containers
        .get_mut("db1")
        .unwrap()
        .config
        .insert("limits.memory".into(), "2GiB".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_guest_that_cannot_be_seen_is_named_and_left_alone() {
    let desired = system::shop();
    let mut world = settled(&desired);
    world.container("db1").guest = Part::Unreachable("exec answers: Instance is frozen".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}

#[test]
fn a_wrong_copy_of_a_keyfile_is_replaced_by_the_one_that_most_have() {
    let desired = system::spread();
    let mut world = settled(&desired);
    world
        .guest("c")
        .paths
        .get_mut("/etc/distctl/rs.keyfile")
        .unwrap()
        .sha256 = Some("bad".into());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
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
    let options = crate::plan::Options { scope, adopt: false };
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
        0 => container
            .config
            .insert("limits.memory".into(), "1GiB".into())
            .map_or((), drop),
        1 => (container.status, container.guest) = (Status::Stopped, Part::Absent),
        2 => _ = world.seen.containers.remove("b"),
        _ => {
            let Part::Present(guest) = &mut container.guest else {
                return;
            };
            match drift {
                3 => _ = guest.paths.remove("/etc/hosts"),
                4 => _ = guest.units.remove("mongod-27017.service"),
                _ => guest
                    .units
                    .values_mut()
                    .for_each(|unit| unit.enabled = "disabled".into()),
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
    file.content = Content::Artifact {
        path: "artifacts/mongod".into(),
        sha256: "abc".into(),
        size: 3,
    };
    files.insert("/usr/local/bin/mongod".into(), file);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"");
}
