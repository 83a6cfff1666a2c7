//! Availability: how long did clients wait?
//!
//! A gap is a time without any acknowledged operation of a kind, whoever sent it. One that is felt must be longer than
//! the rhythm of the workload itself, so the threshold is ten times the usual distance between two acknowledgements;
//! and at least 100 ms, for a busy machine or a slow disk makes shorter ones by itself. The gap of a fault needs no
//! threshold: it is the longest time that overlaps with the fault. One that overlaps with two faults, as when the next
//! comes before the primary is back, belongs to the one that it overlaps longer.

use std::collections::BTreeMap;

use protocol::{Call, FaultKind};
use serde::{Deserialize, Serialize};

use super::{Check, Election, Split, Verdict, grouped, split};
use crate::drill::history::{History, is_read, is_write};

/// Below this nothing is called a gap, in microseconds.
const LEAST: u64 = 100_000;

/// How many times the usual distance a gap is.
const TIMES: u64 = 10;

/// How long clients waited.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Availability {
    /// What is called a gap, in milliseconds.
    pub threshold_ms: u64,
    /// The usual distance between two acknowledged operations, in microseconds; 0 where it is not known.
    pub rhythm_us: u64,
    /// Acknowledged writes a second before the first fault.
    pub calm_writes: f64,
    /// Times without an acknowledged write.
    pub write_gaps: Vec<Gap>,
    /// Times without an answered read.
    pub read_gaps: Vec<Gap>,
    /// What each fault cost, in their order.
    pub faults: Vec<FaultGap>,
}

/// A time without acknowledgement, in microseconds of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last acknowledgement before it.
    pub from: u64,
    /// The first one after it, or the end of the history.
    pub until: u64,
    /// Whether none came any more, so that it may have been longer.
    pub is_open: bool,
}

impl Gap {
    /// How long it is, in milliseconds.
    pub fn millis(&self) -> u64 {
        (self.until.saturating_sub(self.from) + 500) / 1_000
    }
}

/// What a fault cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultGap {
    /// Its number, from 0.
    pub round: u32,
    /// What it was.
    pub kind: FaultKind,
    /// Whether it was in force.
    pub is_injected: bool,
    /// The longest time without an acknowledged write; `None` where nobody wrote.
    pub write: Option<Gap>,
    /// The longest time without an answered read; `None` where nobody read.
    pub read: Option<Gap>,
    /// Where the time without writes went.
    pub split: Option<Split>,
}

/// Gaps in short, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// Half of them are at most this long.
    pub p50_ms: u64,
    /// 99 of 100 are at most this long.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Gaps {
    /// Counts gaps; `None` where there are none. Percentiles are those of the nearest rank.
    pub fn of<'a>(gaps: impl Iterator<Item = &'a Gap>) -> Option<Self> {
        let mut millis: Vec<u64> = gaps.map(Gap::millis).collect();
        millis.sort_unstable();
        let rank = |percent: usize| (millis.len() * percent).div_ceil(100).max(1) - 1;
        let max_ms = *millis.last()?;
        Some(Self { count: millis.len() as u64, p50_ms: millis[rank(50)], p99_ms: millis[rank(99)], max_ms })
    }
}

impl Availability {
    /// The gaps of faults of one kind, or of all, of writes or of reads.
    pub fn of_faults(&self, kind: Option<FaultKind>, reads: bool) -> impl Iterator<Item = &Gap> {
        let faults = self.faults.iter().filter(move |fault| kind.is_none_or(|kind| kind == fault.kind));
        faults.filter_map(move |fault| if reads { fault.read.as_ref() } else { fault.write.as_ref() })
    }

    /// The kinds of the faults that came, each with its gaps of writes and of reads.
    pub fn kinds(&self) -> BTreeMap<FaultKind, (Option<Gaps>, Option<Gaps>)> {
        let of = |kind| (Gaps::of(self.of_faults(Some(kind), false)), Gaps::of(self.of_faults(Some(kind), true)));
        self.faults.iter().map(|fault| (fault.kind, of(fault.kind))).collect()
    }
}

/// Measures how long clients waited. Whether that is too long, objectives say.
pub fn availability(history: &History, elections: &[Election]) -> (Check, Availability) {
    let writes = Moments::of(history, is_write);
    let reads = Moments::of(history, is_read);
    let rhythm_us = rhythm(history, &writes);
    let threshold = (TIMES * rhythm_us).max(LEAST);
    let windows: Vec<Window> = history.faults.iter().map(|fault| fault.felt(history.span.until)).collect();
    let faults = history.faults.iter().enumerate().map(|(at, fault)| {
        let (write, read) = (writes.longest(&windows, at), reads.longest(&windows, at));
        FaultGap {
            round: fault.round,
            kind: fault.kind,
            is_injected: fault.was_injected(),
            write,
            read,
            split: write.and_then(|gap| split(&gap, elections, history)),
        }
    });
    let found = Availability {
        threshold_ms: threshold / 1_000,
        rhythm_us,
        calm_writes: writes.a_second(history.faults.first().map_or(history.span.until, |fault| fault.begun)),
        write_gaps: writes.gaps(threshold),
        read_gaps: reads.gaps(threshold),
        faults: faults.collect(),
    };
    (judge(history, &found), found)
}

fn judge(history: &History, found: &Availability) -> Check {
    let mut check = Check::new("availability");
    for (fault, gap) in history.faults.iter().zip(&found.faults).filter(|(_, gap)| gap.is_injected) {
        if let Some(open) = gap.write.filter(|write| write.is_open && write.millis() > found.threshold_ms) {
            let text = format!(
                "{}: no write was acknowledged any more, for {} ms until the end",
                fault.title(),
                open.millis()
            );
            check.note(Verdict::Unknown, text);
        }
    }
    match Gaps::of(found.of_faults(None, false)) {
        Some(gaps) => {
            let text = format!(
                "longest time without an acknowledged write: {} ms, {} ms at the median",
                grouped(gaps.max_ms),
                grouped(gaps.p50_ms)
            );
            check.note(Verdict::Pass, text);
        }
        None => check.note(Verdict::Unknown, "nothing was written while a fault was in force"),
    }
    check
}

/// The usual distance between two acknowledged writes: what the rate says, else half of those before the first fault.
fn rhythm(history: &History, writes: &Moments) -> u64 {
    let rate = history.begin.as_ref().map_or(0, |begin| begin.rate);
    if rate > 0 {
        return 1_000_000 / u64::from(rate);
    }
    let until = history.faults.first().map_or(u64::MAX, |fault| fault.begun);
    let calm = &writes.acknowledged[..writes.acknowledged.partition_point(|at| *at < until)];
    let mut distances: Vec<u64> = calm.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied().unwrap_or(0)
}

/// From when to when a fault is felt.
type Window = (u64, u64);

/// When operations of one kind were acknowledged, between the first call and the end of the history.
struct Moments {
    first_call: Option<u64>,
    acknowledged: Vec<u64>,
    end: u64,
}

impl Moments {
    fn of(history: &History, kind: fn(&Call) -> bool) -> Self {
        let calls = history.operations.iter().filter(|operation| kind(&operation.call));
        Self {
            first_call: calls.map(|operation| operation.invoked).min(),
            acknowledged: history.acknowledged(kind),
            end: history.span.until,
        }
    }

    /// How many there were a second, from the first one to a moment.
    fn a_second(&self, until: u64) -> f64 {
        let count = self.acknowledged.partition_point(|at| *at < until);
        let seconds = self.acknowledged.first().map_or(0.0, |first| until.saturating_sub(*first) as f64 / 1e6);
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }

    /// The time before the acknowledgement of this number; one past the last is the time to the end.
    fn interval(&self, at: usize) -> Option<Gap> {
        let from = if at == 0 { self.first_call? } else { self.acknowledged[at - 1] };
        let until = self.acknowledged.get(at).copied();
        Some(Gap { from, until: until.unwrap_or(self.end.max(from)), is_open: until.is_none() })
    }

    /// All times of at least so many microseconds. The one before the first acknowledgement is none: clients connect.
    fn gaps(&self, threshold: u64) -> Vec<Gap> {
        let all = (1..=self.acknowledged.len()).filter_map(|at| self.interval(at));
        all.filter(|gap| gap.until - gap.from >= threshold).collect()
    }

    /// The longest time that belongs to one of several windows.
    fn longest(&self, windows: &[Window], at: usize) -> Option<Gap> {
        let (from, until) = windows[at];
        let first = self.acknowledged.partition_point(|moment| *moment <= from);
        let within = |gap: &Gap| gap.from < until;
        let overlapping = (first..=self.acknowledged.len()).map_while(|at| self.interval(at).filter(within));
        let own = overlapping.filter(|gap| is_own(gap, windows, at));
        // Of two that are equally long, the first.
        own.fold(None, |longest: Option<Gap>, gap| match longest {
            Some(known) if gap.until - gap.from <= known.until - known.from => Some(known),
            _ => Some(gap),
        })
    }
}

/// Whether no neighbour of a window has more of a gap.
fn is_own(gap: &Gap, windows: &[Window], at: usize) -> bool {
    let shared = |(from, until): Window| gap.until.min(until).saturating_sub(gap.from.max(from));
    let before = at.checked_sub(1).and_then(|at| windows.get(at)).copied();
    let own = shared(windows[at]);
    before.is_none_or(|window| shared(window) < own || shared(window) == 0)
        && windows.get(at + 1).copied().is_none_or(|window| shared(window) <= own)
}

#[cfg(test)]
mod tests {
    use protocol::Phase;

    use super::*;
    use crate::drill::history::story::Story;

    fn measured(story: &Story) -> (Verdict, Availability) {
        let (check, found) = availability(&story.history(), &[]);
        (check.verdict, found)
    }

    /// Writes each 10 ms, a kill that stops them for a time, writes again.
    fn kill(hurts_ms: u64) -> Story {
        Story::new().inserts_ok(1..21).kill(0, hurts_ms).inserts_ok(21..41).healed(0)
    }

    #[test]
    fn the_gap_of_a_fault_is_the_longest_time_without_a_write() {
        let (verdict, found) = measured(&kill(1_500).inserts_ok(41..43).end());
        assert_eq!(verdict, Verdict::Pass);
        assert_eq!(found.faults[0].write.unwrap().millis(), 1_510);
        assert_eq!(found.faults[0].read, None, "nobody read");
        assert_eq!((found.threshold_ms, found.write_gaps.len()), (100, 1));
        assert!((found.calm_writes - 100.0).abs() < 10.0, "{}", found.calm_writes);
    }

    #[test]
    fn a_fault_that_nobody_feels_costs_the_usual_distance() {
        let (_, found) = measured(&kill(0).inserts_ok(41..43).end());
        assert_eq!((found.faults[0].write.unwrap().millis(), found.write_gaps.len()), (10, 0));
    }

    #[test]
    fn a_wall_clock_that_jumps_changes_nothing() {
        let jump = |millis| {
            Story::new().inserts_ok(1..21).kill(0, 700).clock_jumps_ms(millis).inserts_ok(21..41).healed(0).end()
        };
        let gap = |millis| measured(&jump(millis)).1.faults[0].write;
        assert_eq!(gap(3_600_000), gap(0));
        assert_eq!(gap(-86_400_000), gap(0));
    }

    #[test]
    fn a_gap_after_the_fault_is_not_the_faults() {
        let story = kill(300).inserts_ok(41..43).wait_ms(5_000).inserts_ok(43..50).end();
        let (_, found) = measured(&story);
        assert_eq!((found.faults[0].write.unwrap().millis(), found.write_gaps.len()), (310, 2));
    }

    #[test]
    fn a_gap_belongs_to_one_fault() {
        // The set is said to be healthy a moment too early: the way back of the first fault lasts into the second.
        let story = Story::new().inserts_ok(1..21).kill(0, 300).inserts_ok(21..30).wait_ms(900).healed(0);
        let story = story.kill(1, 100).inserts_ok(30..60).healed(1).inserts_ok(60..62).end();
        let (_, found) = measured(&story);
        let gaps: Vec<u64> = found.faults.iter().map(|fault| fault.write.unwrap().millis()).collect();
        assert_eq!(gaps, [1_010, 10]);
    }

    #[test]
    fn writes_that_never_come_back_are_unknown() {
        let story = Story::new().inserts_ok(1..21).kill(0, 4_000).healed(0).end();
        let (verdict, found) = measured(&story);
        assert_eq!(verdict, Verdict::Unknown);
        assert!(found.faults[0].write.unwrap().is_open);
        assert_eq!(measured(&Story::new().kill(0, 100).healed(0).end()).0, Verdict::Unknown, "nobody wrote");
    }

    #[test]
    fn a_slow_workload_makes_no_gaps_of_its_own() {
        let mut story = Story::new();
        for op in 1..20 {
            story = story.wait_ms(200).insert_ok(op);
        }
        let mut history = story.end().history();
        history.begin.as_mut().unwrap().rate = 5;
        assert!(availability(&history, &[]).1.write_gaps.is_empty());
        // Without a rate, its own rhythm tells.
        history.begin.as_mut().unwrap().rate = 0;
        assert_eq!(availability(&history, &[]).1.rhythm_us, 210_000);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let gaps: Vec<Gap> = (1..=100).map(|ms| Gap { from: 0, until: ms * 1_000, is_open: false }).collect();
        let expected = Gaps { count: 100, p50_ms: 50, p99_ms: 99, max_ms: 100 };
        assert_eq!(Gaps::of(gaps.iter()), Some(expected));
        assert_eq!(Gaps::of(gaps[..1].iter()).unwrap().p99_ms, 1);
        assert_eq!(Gaps::of([].iter()), None);
    }

    #[test]
    fn kinds_are_told_apart() {
        let stop = |story: Story, phase| story.fault(1, FaultKind::Stop, phase);
        let story = stop(stop(kill(900), Phase::Injecting), Phase::Injected).wait_ms(100).inserts_ok(41..50);
        let (_, found) = measured(&stop(story, Phase::Healthy).inserts_ok(50..52).end());
        let kinds = found.kinds();
        assert_eq!(kinds[&FaultKind::Kill].0.unwrap().max_ms, 910);
        assert_eq!(kinds[&FaultKind::Stop].0.unwrap().max_ms, 110);
    }
}
