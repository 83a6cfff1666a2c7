//! Documents of fragmented collections: moved when the ranges change, and never looked at otherwise.

use super::model::World;
use super::{plan, settled, system};
use crate::plan::{Action, Plan};

fn moves(plan: &Plan) -> usize {
    plan.steps.iter().filter(|step| matches!(step.action, Action::MoveDocuments(_))).count()
}

#[test]
fn a_new_system_has_nothing_to_move_and_costs_no_step_more() {
    let plain = plan(&system::shop(), &World::empty().seen);
    let desired = system::with_fragmentation(system::shop(), ["A-M", "N-Z"]);
    let mut world = World::empty();
    let born = plan(&desired, &world.seen);
    assert_eq!((born.steps.len(), moves(&born)), (plain.steps.len(), 0));
    world.carry_out(&born, &desired);
    assert!(plan(&desired, &world.seen).is_clean(), "{}", plan(&desired, &world.seen));
}

#[test]
fn other_ranges_move_documents_once_everything_else_is_done() {
    let mut world = settled(&system::with_fragmentation(system::shop(), ["A-M", "N-Z"]));
    let mut desired = system::with_fragmentation(system::shop(), ["A-F", "G-Z"]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"1  move misplaced documents of products: its ranges have changed");
    let hosts = desired.containers.get_mut("db1").unwrap().files.get_mut("/etc/hosts").unwrap();
    hosts.content = crate::desired::Content::Bytes(b"127.0.0.1 here".to_vec());
    insta::assert_snapshot!(plan(&desired, &world.seen), @"
    1  write /etc/hosts in db1: differs
         /etc/hosts: sha256 141f2ae6726c -> sha256 ea507a5227ab (live)
    2  move misplaced documents of products: its ranges have changed  [after 1]
    ");
    world.settle(&desired);
}

#[test]
fn databases_that_were_there_before_are_looked_through_once() {
    let mut world = settled(&system::shop());
    let desired = system::with_fragmentation(system::shop(), ["A-M", "N-Z"]);
    insta::assert_snapshot!(plan(&desired, &world.seen), @"1  move misplaced documents of products: they were not looked through yet");
    assert_eq!(world.settle(&desired), 1);
}

#[test]
fn a_part_of_the_system_moves_nothing() {
    let world = settled(&system::shop());
    let desired = system::with_fragmentation(system::shop(), ["A-M", "N-Z"]);
    let scope = desired.scope(&["db1".to_owned()]).unwrap();
    let options = crate::plan::Options { scope, ..Default::default() };
    assert_eq!(crate::plan::diff(&desired, &world.seen, &options).steps, []);
}

#[test]
fn a_database_that_is_away_is_waited_for_or_named() {
    let mut world = settled(&system::shop());
    let desired = system::with_fragmentation(system::shop(), ["A-M", "N-Z"]);
    world.stop("db3");
    let first = plan(&desired, &world.seen);
    assert!(first.look_again && moves(&first) == 0, "{first}");
    assert!(world.settle(&desired) >= 2);

    let mut world = settled(&system::shop());
    let away = protocol::MongodAbsence::NotAnswering("frozen".into());
    world.guest("db3").mongods.insert(27017, Err(away));
    let plan = plan(&desired, &world.seen);
    assert_eq!(moves(&plan), 0);
    assert!(plan.findings.iter().any(|one| one.message.contains("users takes no writes")), "{:?}", plan.findings);
}

#[test]
fn a_run_that_is_killed_anywhere_is_gone_on_with() {
    let desired = system::with_fragmentation(system::shop(), ["A-M", "N-Z"]);
    let steps = plan(&desired, &World::empty().seen).steps.len();
    for count in 0..steps {
        let mut world = World::empty();
        world.carry_out_first(count, &plan(&desired, &world.seen), &desired);
        world.settle(&desired);
        assert!(plan(&desired, &world.seen).is_clean());
    }
}
