//! The schedule of a run: drawn from a seed, so that it can come again.

use std::time::Duration;

use protocol::FaultKind;
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::run::Planned;
use super::target::{Target, fitting};

/// What a schedule is drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The kinds of faults. Each comes once before one comes again.
    pub faults: Vec<FaultKind>,
    /// Whom they hit; for each fault one is drawn.
    pub targets: Vec<Target>,
    /// How many faults there are.
    pub rounds: u32,
    /// How long each is held.
    pub hold: Duration,
    /// What decides the order and the draws.
    pub seed: u64,
}

/// Draws a schedule. ChaCha, since its numbers are the same in every version and on every machine.
pub fn draw(wish: &Wish) -> Vec<Planned> {
    let mut random = ChaCha8Rng::seed_from_u64(wish.seed);
    let mut order = Vec::new();
    let mut turn = wish.faults.clone();
    while order.len() < wish.rounds as usize && !turn.is_empty() {
        turn.shuffle(&mut random);
        order.extend(turn.iter().copied());
    }
    order.truncate(wish.rounds as usize);
    let hold_ms = u64::try_from(wish.hold.as_millis()).unwrap_or(u64::MAX);
    let planned = order.into_iter().zip(0..).map(|(fault, round)| {
        let drawn = wish.targets.choose(&mut random).cloned().unwrap_or(Target::Primary);
        Planned { round, fault, target: fitting(fault, drawn).to_string(), hold_ms }
    });
    planned.collect()
}

/// The draws within a round, which don't depend on how many there were in the rounds before.
pub fn draws_of(seed: u64, round: u32) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(u64::from(round) + 1);
    random
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn wish(seed: u64, rounds: u32, faults: &[FaultKind]) -> Wish {
        Wish {
            faults: faults.to_vec(),
            targets: vec![Target::Primary, Target::Secondary],
            rounds,
            hold: Duration::from_secs(3),
            seed,
        }
    }

    #[test]
    fn a_seed_means_the_same_schedule_for_ever() {
        let planned = draw(&wish(42, 6, &[FaultKind::Kill, FaultKind::Stop, FaultKind::Stepdown]));
        let told: Vec<String> =
            planned.iter().map(|one| format!("{} {} {}", one.round, one.fault, one.target)).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        0 stepdown primary
        1 stop secondary
        2 kill secondary
        3 stepdown primary
        4 stop primary
        5 kill secondary
        ");
    }

    proptest! {
        #[test]
        fn no_fault_comes_twice_before_each_has_come(
            seed: u64,
            rounds in 1_u32..40,
            faults in proptest::sample::subsequence(FaultKind::ALL.to_vec(), 1..13),
        ) {
            let planned = draw(&wish(seed, rounds, &faults));
            let mut counts: BTreeMap<FaultKind, u32> = faults.iter().map(|fault| (*fault, 0)).collect();
            for one in &planned {
                *counts.entry(one.fault).or_default() += 1;
            }
            let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
            prop_assert_eq!(counts.len(), faults.len());
            prop_assert!(most - least <= 1, "{:?}", counts);
            prop_assert!(planned.iter().zip(0..rounds).all(|(one, round)| one.round == round));
            prop_assert_eq!(planned.len(), rounds as usize);
            prop_assert_eq!(&planned, &draw(&wish(seed, rounds, &faults)));
            prop_assert!(planned.iter().filter(|one| one.fault == FaultKind::Stepdown).all(|one| one.target == "primary"));
        }
    }
}
