//! Durability: is everything there that was acknowledged, and nothing that was never asked for?
//!
//! *Lost* is what was acknowledged and is absent from the final read; *unexpected* what is there and was never tried, or
//! surely failed; *recovered* what may have happened and did, which is no error.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Call, FinalRead, Foreign, Outcome};
use serde::{Deserialize, Serialize};

use super::runs::Runs;
use super::{Check, Verdict, counted, listed};
use crate::drill::history::{History, Operation};

/// How many unexpected numbers are looked for: a read of another database would have no end of them.
const MAX_UNEXPECTED: usize = 1_000;

/// What was found in the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Durability {
    /// Whether there is a final read; without one nothing below says anything.
    pub is_known: bool,
    /// Acknowledged inserts that are absent.
    pub lost: Vec<u64>,
    /// Acknowledged updates of registers that are undone.
    pub lost_updates: Vec<LostUpdate>,
    /// Inserts that are there though none of that number was sent, or it surely failed; at most a thousand.
    pub unexpected: Vec<u64>,
    /// How many inserts may have happened and are there.
    pub recovered: u64,
    /// How many inserts may have happened and are not there.
    pub vanished: u64,
    /// Inserts that are there more than once.
    pub duplicates: Vec<u64>,
}

/// A register that fell behind what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostUpdate {
    /// Which.
    pub register: u32,
    /// How many acknowledged updates lead beyond its last value.
    pub updates: u64,
    /// The highest value that was acknowledged.
    pub acknowledged: i64,
    /// The value that it has; `None` where it is gone.
    pub found: Option<i64>,
}

impl Durability {
    /// How many acknowledged writes are lost, of both kinds.
    pub fn lost_writes(&self) -> u64 {
        self.lost.len() as u64 + self.lost_updates.iter().map(|lost| lost.updates).sum::<u64>()
    }
}

/// Judges whether the final read has what was acknowledged. So many writes may be lost.
pub fn durability(history: &History, allowed: u64) -> (Check, Durability) {
    let mut check = Check::new("durability");
    let Some(read) = &history.read_back else {
        check.note(Verdict::Unknown, "nobody read everything back in the end");
        return (check, Durability::default());
    };
    if let Some(error) = &read.error {
        check.note(Verdict::Unknown, format!("the final read failed: {error}"));
        return (check, Durability::default());
    }
    if !read.foreign.is_none() {
        check.note(Verdict::Unknown, foreign(&read.foreign));
        return (check, Durability::default());
    }
    let found = compare(history, read);
    judge(&mut check, history, &found, allowed);
    if read.strange > 0 {
        check.note(Verdict::Fail, format!("{} there that no workload writes", counted(read.strange, "document")));
    }
    (check, found)
}

/// Whoever answers with more than was asked for may just as well leave something out.
fn foreign(foreign: &Foreign) -> String {
    format!(
        "the answer shows {} that this run did not make, {} for example: web-server ignores what it is asked for (`category`), \
         so nothing can be said of what is lost; none of the others was touched",
        counted(foreign.count, "product"),
        foreign.examples.join(", ")
    )
}

fn judge(check: &mut Check, history: &History, found: &Durability, allowed: u64) {
    let lost = found.lost_writes();
    if let Some(missing) = &history.missing {
        let text = format!("what is missing may have been acknowledged and lost: {missing}");
        check.note(Verdict::Unknown, text);
    }
    match lost {
        0 if history.missing.is_some() => {}
        0 => check.note(Verdict::Pass, "every acknowledged write is there"),
        _ if lost <= allowed => {
            check.note(Verdict::Pass, format!("{} lost, {allowed} allowed", counted(lost, "acknowledged write")));
        }
        _ => lost_ones(check, found),
    }
    if !found.unexpected.is_empty() {
        // What was cut off may have been the call.
        let verdict = if history.is_whole() { Verdict::Fail } else { Verdict::Unknown };
        let text = format!("there, and never sent or surely failed: {}", listed(&found.unexpected));
        check.note(verdict, text);
    }
    if !found.duplicates.is_empty() {
        check.note(Verdict::Fail, format!("there more than once: {}", listed(&found.duplicates)));
    }
    if found.recovered > 0 {
        let text = format!("{} unanswered and happened all the same", counted(found.recovered, "insert"));
        check.note(Verdict::Pass, text);
    }
}

fn lost_ones(check: &mut Check, found: &Durability) {
    if !found.lost.is_empty() {
        let count = counted(found.lost.len() as u64, "acknowledged insert");
        check.note(Verdict::Fail, format!("{count} lost: {}", listed(&found.lost)));
    }
    for lost in &found.lost_updates {
        let value = lost.found.map_or("gone".to_owned(), |value| format!("at {value}"));
        let text = format!(
            "register {} is {value}, and {} was acknowledged: {} lost",
            lost.register,
            lost.acknowledged,
            counted(lost.updates, "update")
        );
        check.note(Verdict::Fail, text);
    }
}

fn compare(history: &History, read: &FinalRead) -> Durability {
    let mut durability = Durability { is_known: true, duplicates: read.twice.clone(), ..Durability::default() };
    let runs = Runs::of(&read.found);
    let mut expected = 0;
    for insert in history.inserts() {
        let is_there = runs.holds(insert.op);
        match insert.outcome() {
            Outcome::Ok if !is_there => durability.lost.push(insert.op),
            Outcome::Unknown if is_there => durability.recovered += 1,
            Outcome::Unknown => durability.vanished += 1,
            Outcome::Fail if is_there => durability.unexpected.push(insert.op),
            Outcome::Ok | Outcome::Fail => {}
        }
        expected += u64::from(is_there);
    }
    if runs.count() > expected {
        durability.unexpected.extend(never_sent(history, &runs));
        durability.unexpected.sort_unstable();
    }
    durability.unexpected.truncate(MAX_UNEXPECTED);
    durability.lost_updates = lost_updates(history, read);
    durability
}

/// Numbers that are there and that no insert has.
fn never_sent(history: &History, runs: &Runs<'_>) -> Vec<u64> {
    let mut sent = history.inserts().map(|insert| insert.op).peekable();
    let mut unknown = Vec::new();
    for number in runs.numbers() {
        while sent.next_if(|op| *op < number).is_some() {}
        if sent.peek() != Some(&number) {
            unknown.push(number);
            if unknown.len() >= MAX_UNEXPECTED {
                break;
            }
        }
    }
    unknown
}

/// Registers whose last value lies below one that was acknowledged: values only grow.
fn lost_updates(history: &History, read: &FinalRead) -> Vec<LostUpdate> {
    let mut acknowledged: BTreeMap<u32, BTreeSet<i64>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|operation| operation.outcome() == Outcome::Ok) {
        if let Operation { call: Call::Swap { register, to, .. }, .. } = operation {
            acknowledged.entry(*register).or_default().insert(*to);
        }
    }
    let behind = acknowledged.into_iter().filter_map(|(register, values)| {
        let found = read.registers.get(&register).copied();
        let updates = values.iter().filter(|value| found.is_none_or(|found| found < **value)).count() as u64;
        let acknowledged = *values.last()?;
        (updates > 0).then_some(LostUpdate { register, updates, acknowledged, found })
    });
    behind.collect()
}

#[cfg(test)]
mod tests {
    use protocol::FinalRead;

    use super::*;
    use crate::drill::history::story::Story;

    fn judged(story: &Story) -> (Check, Durability) {
        durability(&story.history(), 0)
    }

    #[test]
    fn all_that_was_acknowledged_is_there() {
        let (check, found) = judged(&Story::new().inserts_ok(1..6).end().finds(&[(1, 5)]));
        assert_eq!((check.verdict, found.lost_writes()), (Verdict::Pass, 0));
    }

    #[test]
    fn an_acknowledged_insert_that_is_absent_is_lost() {
        let story = Story::new().inserts_ok(1..6).end().finds(&[(1, 2), (4, 5)]);
        let (check, found) = judged(&story);
        assert_eq!((check.verdict, found.lost), (Verdict::Fail, vec![3]));
        assert!(check.reasons().any(|text| text == "1 acknowledged insert lost: 3"), "{check:?}");
        // What is proven stays proven where the history breaks off.
        assert_eq!(durability(&story.cut_history(), 0).0.verdict, Verdict::Fail);
    }

    #[test]
    fn so_many_may_be_lost_as_are_allowed() {
        let story = Story::new().inserts_ok(1..6).end().finds(&[(1, 3)]);
        assert_eq!(durability(&story.history(), 2).0.verdict, Verdict::Pass);
        assert_eq!(durability(&story.history(), 1).0.verdict, Verdict::Fail);
    }

    #[test]
    fn what_may_have_happened_is_no_error_either_way() {
        let story = Story::new().insert_ok(1).insert_unknown(2).insert_unknown(3).end().finds(&[(1, 2)]);
        let (check, found) = judged(&story);
        assert_eq!((check.verdict, found.recovered, found.vanished), (Verdict::Pass, 1, 1));
        // One that nobody heard of again may have happened, too.
        let silent = Story::new().insert_ok(1).sent(2, Call::Insert).finds(&[(1, 2)]);
        assert_eq!((judged(&silent).0.verdict, judged(&silent).1.recovered), (Verdict::Pass, 1));
        // A workload that ended as it was told heard of each: somebody has taken that out.
        let edited = Story::new().insert_ok(1).sent(2, Call::Insert).end().finds(&[(1, 1)]);
        assert_eq!(judged(&edited).0.verdict, Verdict::Unknown);
    }

    #[test]
    fn what_was_never_sent_or_surely_failed_is_unexpected() {
        let story = Story::new().insert_ok(1).insert_fail(2).end().finds(&[(1, 2), (90, 91)]);
        let (check, found) = judged(&story);
        assert_eq!((check.verdict, found.unexpected), (Verdict::Fail, vec![2, 90, 91]));
        // The call may have been in the part that is missing.
        assert_eq!(durability(&story.cut_history(), 0).0.verdict, Verdict::Unknown);
    }

    #[test]
    fn a_read_of_no_end_is_not_counted_out() {
        let (check, found) = judged(&Story::new().insert_ok(1).end().finds(&[(0, u64::MAX)]));
        assert_eq!((check.verdict, found.unexpected.len()), (Verdict::Fail, MAX_UNEXPECTED));
    }

    #[test]
    fn runs_may_touch_and_overlap() {
        let (check, found) = judged(&Story::new().inserts_ok(1..8).end().finds(&[(5, 7), (1, 3), (3, 4)]));
        assert_eq!(check.verdict, Verdict::Pass, "{found:?}");
    }

    #[test]
    fn duplicates_and_strange_documents_fail() {
        let twice = FinalRead { found: vec![(1, 1)], twice: vec![1], ..FinalRead::default() };
        assert_eq!(judged(&Story::new().insert_ok(1).end().finds_more(twice)).0.verdict, Verdict::Fail);
        let strange = FinalRead { found: vec![(1, 1)], strange: 2, ..FinalRead::default() };
        assert_eq!(judged(&Story::new().insert_ok(1).end().finds_more(strange)).0.verdict, Verdict::Fail);
    }

    #[test]
    fn documents_of_others_in_the_answer_leave_it_unknown_and_are_named() {
        let foreign = Foreign { count: 1_304, examples: vec!["\"Azúcar\" (64f0)".to_owned()] };
        let read = FinalRead { found: vec![(1, 1)], twice: vec![1], foreign, ..FinalRead::default() };
        let (check, found) = judged(&Story::new().insert_ok(1).insert_ok(2).end().finds_more(read));
        assert_eq!((check.verdict, found.is_known, found.lost_writes()), (Verdict::Unknown, false, 0));
        let reason = check.reasons().next().unwrap();
        assert!(reason.contains("1,304 products that this run did not make, \"Azúcar\" (64f0)"), "{reason}");
    }

    #[test]
    fn a_register_behind_what_was_acknowledged_has_lost_updates() {
        let story = Story::new().swap_ok(1, 4, 0, 1).swap_ok(2, 4, 1, 2).swap_ok(3, 4, 2, 3).end();
        let (check, found) = judged(&story.clone().finds_registers(&[(4, 1)]));
        let lost = LostUpdate { register: 4, updates: 2, acknowledged: 3, found: Some(1) };
        assert_eq!((check.verdict, found.lost_writes(), found.lost_updates), (Verdict::Fail, 2, vec![lost]));
        assert_eq!(judged(&story.clone().finds_registers(&[])).1.lost_writes(), 3);
        assert_eq!(judged(&story.finds_registers(&[(4, 3)])).0.verdict, Verdict::Pass);
    }

    #[test]
    fn an_update_that_may_have_happened_can_lead_further() {
        let story = Story::new().swap_ok(1, 4, 0, 1).swap_unknown(2, 4, 1, 2).end();
        for found in [1, 2] {
            assert_eq!(judged(&story.clone().finds_registers(&[(4, found)])).0.verdict, Verdict::Pass);
        }
    }

    #[test]
    fn without_a_final_read_nothing_is_known() {
        assert_eq!(judged(&Story::new().insert_ok(1).end()).0.verdict, Verdict::Unknown);
        let failed = FinalRead { error: Some("no primary".to_owned()), ..FinalRead::default() };
        let (check, found) = judged(&Story::new().insert_ok(1).end().finds_more(failed));
        assert_eq!((check.verdict, found.is_known), (Verdict::Unknown, false));
    }
}
