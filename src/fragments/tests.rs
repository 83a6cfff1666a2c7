//! The move under random kills, while an application changes and deletes what is moved: a model of three places.

mod model;

use proptest::prelude::*;
use protocol::{FragmentAsk, FragmentReply};

use super::agents::Ask;
use super::join::Copy;
use super::mover::{Moved, Mover};
use model::{PLACES, World};

/// Runs a repair in a world until it comes through; every run but the last is killed.
fn repair(world: &World, twins: bool) -> (Moved, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut kills = 0;
    loop {
        let twins: Vec<Vec<Copy>> = if twins { world.twins() } else { Vec::new() };
        let mover = Mover::new(world, PLACES.map(str::to_owned), |_| {});
        match runtime.block_on(mover.repair(&twins)) {
            Ok(moved) => return (moved, kills),
            Err(error) if error.to_string() == "killed" => kills += 1,
            Err(error) => panic!("{error:#}"),
        }
        assert!(kills < 200, "it never comes through");
    }
}

#[test]
fn what_is_misplaced_is_moved_and_nothing_else() {
    let world = World::new(1);
    for id in 0..3_000 {
        world.plant("a", id, ["a", "b", "c"][id as usize % 3], 1);
    }
    let (moved, _) = repair(&world, false);
    assert_eq!((moved.moved, moved.left.len(), moved.quarantined.len()), (2_000, 0, 0));
    world.assert_in_order();
    assert_eq!(PLACES.map(|on| world.count(on)), [1_000; 3]);
    assert_eq!(repair(&world, false).0, Moved::default(), "nothing is left to do");
}

#[test]
fn of_two_copies_the_newest_stays_where_it_belongs() {
    let world = World::new(2);
    world.plant("a", 1, "b", 1);
    world.plant("b", 1, "b", 2);
    world.plant("a", 2, "b", 2);
    world.plant("b", 2, "b", 1);
    world.plant("a", 3, "a", 1);
    world.plant("b", 3, "b", 2);
    world.plant("a", 4, "a", 7);
    world.plant("c", 4, "a", 7);
    let (moved, _) = repair(&world, true);
    world.assert_in_order();
    assert_eq!((moved.quarantined.len(), moved.deleted, moved.moved), (3, 1, 1));
    assert_eq!(world.quarantined(), [("a", 1), ("a", 3), ("b", 2)]);
}

#[test]
fn copies_of_which_none_is_newer_are_left_alone() {
    for twins in [true, false] {
        let world = World::new(3);
        world.plant_content("a", 1, "b", 5, 100);
        world.plant_content("b", 1, "b", 5, 200);
        let (moved, _) = repair(&world, twins);
        assert_eq!((moved.moved, moved.left.len(), world.count("a"), world.count("b")), (0, 1, 1, 1));
        assert_eq!(moved.left[0].why, "differs in a and b, and none is newer");
    }
}

/// A place that was made anew must not take along what was moved out of it before.
#[test]
fn a_copy_whose_old_place_was_lost_is_kept() {
    let world = World::new(4);
    world.plant("a", 1, "b", 1);
    world.kill_after(3);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut left = 3;
    // Copied, and deleted in its old place; then the run dies, and the old place with all that was written down there.
    let outcome = runtime.block_on(Mover::new(&world, PLACES.map(str::to_owned), |_| {}).bring_in_order());
    assert!(outcome.is_err());
    while world.count("a") > 0 {
        left += 1;
        world.kill_after(left);
        let _ = runtime.block_on(Mover::new(&world, PLACES.map(str::to_owned), |_| {}).bring_in_order());
        assert!(left < 30);
    }
    world.lose("a");
    world.kill_after(usize::MAX);
    let (moved, _) = repair(&world, false);
    let kept = world.count("b") + world.quarantined().len();
    assert_eq!((moved.resumed, kept), (1, 1));
}

#[test]
fn a_place_that_is_away_ends_the_move() {
    struct Away;
    impl Ask for Away {
        async fn ask(&self, on: &str, _: FragmentAsk) -> anyhow::Result<FragmentReply> {
            anyhow::bail!("{on} is away")
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(Mover::new(&Away, ["a".to_owned()], |_| {}).bring_in_order());
    assert_eq!(outcome.unwrap_err().to_string(), "a is away");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Killed at any moment, any number of times, with an application at work: nothing that was acknowledged is lost,
    /// nothing that was deleted comes back, and in the end everything is where it belongs.
    #[test]
    fn kills_and_clients_lose_nothing(seed in any::<u64>(), documents in 1_u64..24, busy in 0_u32..80) {
        let world = World::new(seed);
        world.populate(documents);
        world.let_clients_work(busy);
        world.let_runs_die(20);
        repair(&world, false);
        world.let_runs_die(0);
        world.let_clients_finish();
        // What clients did last is looked at once more, as the next run does.
        repair(&world, true);
        world.assert_in_order();
    }
}
