//! Reads of registers: were they fresh, did they go backwards, did two updates start from one value?
//!
//! What MongoDB promises depends on the concerns. A linearizable read sees every write that a majority acknowledged
//! before the read was sent. All other reads may be old: one of a primary that does not know yet that it was replaced,
//! one of a secondary that lags. Those are counted, and judged only where an objective asks for it. Two acknowledged
//! updates from the same value are never right: one of them is lost.

use std::collections::{BTreeMap, HashMap};

use protocol::{Begin, Call};
use serde::{Deserialize, Serialize};

use super::{Check, Verdict, counted, grouped};
use crate::drill::history::{History, Operation};

/// How many violations are kept as examples.
const EXAMPLES: usize = 20;

/// A value below every one that a register has: it is not there.
const ABSENT: i64 = i64::MIN;

/// What reads and updates of registers showed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reads {
    /// How many reads were answered.
    pub answered: u64,
    /// Reads that missed a value whose update was acknowledged before they were sent.
    pub stale: u64,
    /// Reads that found less than an earlier read of the same client.
    pub non_monotonic: u64,
    /// Pairs of acknowledged updates of a register from the same value.
    pub lost_updates: u64,
    /// Whether the concerns promise fresh reads.
    pub is_promised: bool,
    /// The first violations.
    pub examples: Vec<ReadViolation>,
}

/// A read or an update that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadViolation {
    /// The operation.
    pub op: u64,
    /// What is wrong with it.
    pub text: String,
}

/// Judges the reads. So many may be stale where that is said; else what the concerns promise is asked.
pub fn reads(history: &History, allowed_stale: Option<u64>) -> (Check, Reads) {
    let mut check = Check::new("reads");
    let promise = history.begin.as_ref().is_some_and(is_linearizable);
    let mut found = Reads { is_promised: promise, ..Reads::default() };
    for operations in by_register(history).values() {
        stale(operations, &mut found);
        lost_updates(operations, &mut found);
    }
    non_monotonic(history, &mut found);
    judge(&mut check, history.begin.as_ref(), &found, allowed_stale);
    (check, found)
}

/// Whether every read is promised to see every acknowledged write before it.
fn is_linearizable(begin: &Begin) -> bool {
    begin.read_concern == "linearizable" && begin.write_concern == "majority"
}

fn judge(check: &mut Check, begin: Option<&Begin>, found: &Reads, allowed: Option<u64>) {
    if found.lost_updates > 0 {
        let pairs = counted(found.lost_updates, "pair");
        check.note(
            Verdict::Fail,
            format!("{pairs} of acknowledged updates started from the same value: one of each is lost"),
        );
    }
    if found.answered == 0 {
        let verdict = if allowed.is_some() { Verdict::Unknown } else { Verdict::Pass };
        check.note(verdict, "no read was answered");
        return;
    }
    let exceeds = |count: u64, limit: Option<u64>| limit.is_some_and(|limit| count > limit);
    let asked = found.is_promised.then_some(0);
    if exceeds(found.stale, allowed.or(asked)) {
        check.note(Verdict::Fail, format!("{} stale of {}", grouped(found.stale), counted(found.answered, "read")));
    }
    if exceeds(found.non_monotonic, asked) {
        let count = counted(found.non_monotonic, "read");
        check.note(Verdict::Fail, format!("{count} found less than an earlier one of the same client"));
    }
    if check.verdict == Verdict::Pass {
        let reads = counted(found.answered, "read");
        check.note(
            Verdict::Pass,
            format!("{reads}: {} stale, {} went backwards", grouped(found.stale), grouped(found.non_monotonic)),
        );
    }
    check.note(Verdict::Pass, promise(begin, found.is_promised));
}

/// Says which guarantee is judged.
fn promise(begin: Option<&Begin>, is_promised: bool) -> String {
    let Some(begin) = begin else { return "the read concern is not known, so reads are only counted".to_owned() };
    if is_promised {
        return "judged: linearizable reads see every majority write that was acknowledged before them".to_owned();
    }
    format!(
        "only counted: read concern {} from {} after writes of w:{} promises no fresh reads",
        begin.read_concern, begin.read_preference, begin.write_concern
    )
}

fn by_register(history: &History) -> BTreeMap<u32, Vec<&Operation>> {
    let mut registers: BTreeMap<u32, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|operation| operation.acknowledged_at().is_some()) {
        match operation.call {
            Call::Read { register } | Call::Swap { register, .. } => {
                registers.entry(register).or_default().push(operation)
            }
            Call::Insert => {}
        }
    }
    registers
}

/// Goes through reads in the order in which they were sent, beside the highest value acknowledged by then.
fn stale(operations: &[&Operation], found: &mut Reads) {
    let mut written: Vec<(u64, i64)> = operations
        .iter()
        .filter_map(|operation| match operation.call {
            Call::Swap { to, .. } => Some((operation.acknowledged_at()?, to)),
            _ => None,
        })
        .collect();
    written.sort_unstable();
    let mut reads: Vec<&Operation> =
        operations.iter().copied().filter(|operation| matches!(operation.call, Call::Read { .. })).collect();
    reads.sort_by_key(|read| read.invoked);
    let mut written = written.into_iter().peekable();
    let mut highest = ABSENT;
    for read in reads {
        while let Some((_, to)) = written.next_if(|(at, _)| *at < read.invoked) {
            highest = highest.max(to);
        }
        found.answered += 1;
        let value = value_of(read);
        if value < highest {
            found.stale += 1;
            keep(found, read.op, || format!("stale: found {}, {highest} was acknowledged before", shown(value)));
        }
    }
}

fn lost_updates(operations: &[&Operation], found: &mut Reads) {
    let mut started: HashMap<i64, u64> = HashMap::new();
    for operation in operations {
        let Call::Swap { register, from, .. } = operation.call else { continue };
        if let Some(other) = started.insert(from, operation.op) {
            found.lost_updates += 1;
            let text = || format!("lost update: register {register} was set from {from} by operation {other}, too");
            keep(found, operation.op, text);
        }
    }
}

/// Goes through the reads of each client in their order.
fn non_monotonic(history: &History, found: &mut Reads) {
    let answered = history.operations.iter().filter(|operation| operation.acknowledged_at().is_some());
    let mut reads: Vec<(&Operation, u32)> = answered
        .filter_map(|operation| match operation.call {
            Call::Read { register } => Some((operation, register)),
            _ => None,
        })
        .collect();
    reads.sort_by_key(|(read, _)| read.invoked);
    let mut seen: HashMap<(u32, u32), i64> = HashMap::new();
    for (read, register) in reads {
        let highest = seen.entry((read.client, register)).or_insert(ABSENT);
        let value = value_of(read);
        if value < *highest {
            found.non_monotonic += 1;
            let highest = *highest;
            keep(found, read.op, || format!("backwards: found {}, the same client had seen {highest}", shown(value)));
        } else {
            *highest = value;
        }
    }
}

fn value_of(read: &Operation) -> i64 {
    read.ended.and_then(|ended| ended.value).unwrap_or(ABSENT)
}

fn shown(value: i64) -> String {
    if value == ABSENT { "nothing".to_owned() } else { value.to_string() }
}

fn keep(found: &mut Reads, op: u64, text: impl FnOnce() -> String) {
    if found.examples.len() < EXAMPLES {
        found.examples.push(ReadViolation { op, text: text() });
    }
}

#[cfg(test)]
mod tests {
    use protocol::Outcome;

    use super::*;
    use crate::drill::history::story::Story;

    fn judged(story: &Story) -> (Verdict, Reads) {
        let (check, found) = reads(&story.history(), None);
        (check.verdict, found)
    }

    #[test]
    fn fresh_reads_pass() {
        let story = Story::new().swap_ok(1, 4, 0, 1).read(2, 4, Some(1)).swap_ok(3, 4, 1, 2).read(4, 4, Some(2));
        let (verdict, found) = judged(&story);
        assert_eq!((verdict, found.answered, found.stale, found.non_monotonic), (Verdict::Pass, 2, 0, 0));
    }

    #[test]
    fn a_read_that_misses_an_acknowledged_update_is_stale() {
        let old = |story: Story| story.swap_ok(1, 4, 0, 1).swap_ok(2, 4, 1, 2).read(3, 4, Some(1)).read(4, 4, None);
        let (verdict, found) = judged(&old(Story::new()));
        assert_eq!((verdict, found.stale), (Verdict::Fail, 2));
        assert_eq!(found.examples[0].text, "stale: found 1, 2 was acknowledged before");
        // Majority reads don't promise it: counted, and judged where an objective asks.
        let majority = old(Story::with("majority", "majority"));
        assert_eq!((judged(&majority).0, judged(&majority).1.stale), (Verdict::Pass, 2));
        assert_eq!(reads(&majority.history(), Some(1)).0.verdict, Verdict::Fail);
        assert_eq!(reads(&majority.history(), Some(2)).0.verdict, Verdict::Pass);
    }

    #[test]
    fn an_update_at_the_same_time_may_be_missed() {
        let (swap, read) = (Call::Swap { register: 4, from: 1, to: 2 }, Call::Read { register: 4 });
        let story = Story::new().swap_ok(1, 4, 0, 1).client(1).sent(2, swap).client(2).sent(3, read);
        let story = story.ends(2, Outcome::Ok, None).ends(3, Outcome::Ok, Some(1));
        assert_eq!(judged(&story).1.stale, 0);
    }

    #[test]
    fn a_client_that_sees_less_than_before_went_backwards() {
        let story = |other: u32| Story::new().client(1).read(1, 4, Some(5)).client(other).read(2, 4, Some(3));
        assert_eq!((judged(&story(1)).0, judged(&story(1)).1.non_monotonic), (Verdict::Fail, 1));
        assert_eq!(judged(&story(2)).1.non_monotonic, 0, "another client");
    }

    #[test]
    fn two_updates_from_one_value_fail_with_every_concern() {
        for story in [Story::new(), Story::with("1", "local")] {
            let (verdict, found) = judged(&story.swap_ok(1, 4, 0, 1).swap_ok(2, 4, 0, 1).swap_ok(3, 5, 0, 1));
            assert_eq!((verdict, found.lost_updates), (Verdict::Fail, 1));
        }
        // One of them may not have happened.
        let unknown = Story::new().swap_unknown(1, 4, 0, 1).swap_ok(2, 4, 0, 1);
        assert_eq!(judged(&unknown).1.lost_updates, 0);
    }

    #[test]
    fn an_objective_without_reads_is_unknown() {
        assert_eq!(judged(&Story::new().insert_ok(1)).0, Verdict::Pass);
        assert_eq!(reads(&Story::new().insert_ok(1).history(), Some(0)).0.verdict, Verdict::Unknown);
    }
}
