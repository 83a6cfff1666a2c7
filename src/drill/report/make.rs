//! Makes the report: runs every checker and puts together what they say.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Call, Outcome};

use super::objectives::{self, Measured};
use super::timeline::timeline;
use super::{About, FaultRow, GapRow, KindRow, LostWrites, Numbers, Outcomes, Report};
use crate::drill::checker::{
    self, Availability, Durability, Elections, FaultGap, Gap, Gaps, Reads, RolledBack, Verdict,
};
use crate::drill::history::{Fault, History};
use crate::drill::mongod_log::Logs;
use crate::drill::run::{FORMAT, Run};

/// How many times that writes were lost are told apart.
const LISTED: usize = 100;

/// How many lost writes of one time are listed by number.
const NUMBERED: usize = 1_000;

/// Judges a run. Nothing but these values goes in.
pub fn make(run: &Run, history: &History, logs: &Logs) -> Report {
    let asked = &run.objectives;
    let allowed = asked.lost_writes.unwrap_or(0);
    let (durability_check, durability) = checker::durability(history, allowed);
    let (rollback_check, rolled_back) = checker::rollback(history, allowed);
    let (elections_check, elections) = checker::elections(history, logs);
    let (availability_check, availability) = checker::availability(history, &elections.elections);
    let (reads_check, reads) = checker::reads(history, asked.stale_reads);
    let checks = vec![
        checker::completeness(history, run.schedule.len()),
        durability_check,
        rollback_check,
        reads_check,
        elections_check,
        checker::convergence(history),
        checker::healing(history),
        availability_check,
    ];
    let measured = Measured {
        history,
        durability: &durability,
        rolled_back: &rolled_back,
        availability: &availability,
        elections: &elections,
        reads: &reads,
    };
    let objectives = objectives::judge(asked, &measured);
    let verdicts = objectives.iter().map(|objective| objective.verdict).chain(checks.iter().map(|check| check.verdict));
    Report {
        format: FORMAT,
        verdict: verdicts.max().unwrap_or(Verdict::Unknown),
        run: about(run, history),
        numbers: numbers(history, &durability, &rolled_back, &availability, &elections, &reads),
        kinds: kinds(&availability),
        faults: faults(history, &availability),
        lost: lost(history, &durability),
        timeline: timeline(history, &availability),
        objectives,
        checks,
    }
}

fn about(run: &Run, history: &History) -> About {
    let begin = history.begin.clone();
    let mut about = About {
        name: run.name.clone(),
        topology: run.topology.clone(),
        object: run.object.clone(),
        label: run.label.clone(),
        options: run.options.clone(),
        seed: run.seed,
        distctl: run.distctl.clone(),
        began_wall_ms: history.clock.wall_ms(history.span.from),
        seconds: (history.span.until - history.span.from) as f64 / 1e6,
        ..About::default()
    };
    if let Some(begin) = begin {
        about.workload = begin.workload;
        about.write_concern = begin.write_concern;
        about.read_concern = begin.read_concern;
        about.read_preference = begin.read_preference;
        about.retry_writes = begin.retry_writes;
        about.clients = begin.clients;
        about.rate = begin.rate;
        about.container = begin.container;
        about.hosts = begin.hosts;
    }
    about
}

fn numbers(
    history: &History,
    durability: &Durability,
    rolled_back: &RolledBack,
    availability: &Availability,
    elections: &Elections,
    reads: &Reads,
) -> Numbers {
    let mut numbers = Numbers {
        operations: operations(history),
        rolled_back: rolled_back.documents(),
        rolled_back_acknowledged: rolled_back.acknowledged.len() as u64,
        rollback_files: rolled_back.files.clone(),
        stale_reads: reads.stale,
        non_monotonic_reads: reads.non_monotonic,
        lost_updates: reads.lost_updates,
        read_violations: reads.examples.clone(),
        terms: elections.terms,
        calm_writes: availability.calm_writes,
        write_gaps: Gaps::of(availability.of_faults(None, false)),
        read_gaps: Gaps::of(availability.of_faults(None, true)),
        threshold_ms: availability.threshold_ms,
        ..Numbers::default()
    };
    numbers.durable(durability);
    numbers
}

fn operations(history: &History) -> BTreeMap<String, Outcomes> {
    let mut counts: BTreeMap<&str, Outcomes> = BTreeMap::new();
    for operation in &history.operations {
        let name = match operation.call {
            Call::Insert => "insert",
            Call::Read { .. } => "read",
            Call::Swap { .. } => "swap",
        };
        let count = counts.entry(name).or_default();
        match operation.outcome() {
            Outcome::Ok => count.acknowledged += 1,
            Outcome::Fail => count.failed += 1,
            Outcome::Unknown => count.unknown += 1,
        }
    }
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn kinds(availability: &Availability) -> Vec<KindRow> {
    let kinds = availability.kinds().into_iter();
    let rows = kinds.map(|(fault, (write_gaps, read_gaps))| {
        let count = availability.faults.iter().filter(|row| row.kind == fault).count() as u64;
        KindRow { fault, count, write_gaps, read_gaps }
    });
    rows.collect()
}

fn faults(history: &History, availability: &Availability) -> Vec<FaultRow> {
    history.faults.iter().zip(&availability.faults).map(|(fault, cost)| row(history, fault, cost)).collect()
}

fn row(history: &History, fault: &Fault, cost: &FaultGap) -> FaultRow {
    let since = |at: u64| since(history, at);
    let amiss = checker::amiss(fault);
    let gap = |gap: Gap| GapRow { from_ms: since(gap.from), ms: gap.millis(), is_open: gap.is_open };
    FaultRow {
        round: fault.round,
        fault: fault.kind,
        targets: fault.targets.clone(),
        from_ms: since(fault.injecting.unwrap_or(fault.begun)),
        healing_ms: fault.healing.or(fault.healed).map(since),
        healthy_ms: fault.healthy.map(since),
        write_gap: cost.write.map(gap),
        read_gap: cost.read.map(gap),
        split: cost.split.clone(),
        verdict: amiss.as_ref().map_or(Verdict::Pass, |(verdict, _)| *verdict),
        note: amiss.map(|(_, text)| text).or_else(|| fault.note.clone()),
    }
}

/// Milliseconds from the first record of a history.
pub(super) fn since(history: &History, at: u64) -> u64 {
    at.saturating_sub(history.span.from) / 1_000
}

/// Lost inserts that follow each other, as long as the same member acknowledged them in the same term.
fn lost(history: &History, durability: &Durability) -> Vec<LostWrites> {
    let taken_back: BTreeSet<u64> = history.rollbacks.iter().flat_map(|file| file.inserts.iter().copied()).collect();
    let mut runs: Vec<LostWrites> = Vec::new();
    for op in &durability.lost {
        let Some(ended) = history.operation(*op).and_then(|operation| operation.ended) else { continue };
        let node = ended.node.map(|node| history.names.text(node));
        let (at_ms, is_rolled_back) = (since(history, ended.at), taken_back.contains(op));
        let goes_on = |run: &&mut LostWrites| {
            run.node.as_deref() == node && run.term == ended.term && run.is_rolled_back == is_rolled_back
        };
        if let Some(run) = runs.last_mut().filter(goes_on) {
            run.count += 1;
            (run.from_ms, run.until_ms) = (run.from_ms.min(at_ms), run.until_ms.max(at_ms));
            if run.ops.len() < NUMBERED {
                run.ops.push(*op);
            }
        } else if runs.len() < LISTED {
            let node = node.map(str::to_owned);
            let (from_ms, until_ms, term) = (at_ms, at_ms, ended.term);
            runs.push(LostWrites { ops: vec![*op], count: 1, from_ms, until_ms, node, term, is_rolled_back });
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use protocol::{FaultKind, Phase};

    use super::*;
    use crate::drill::history::story::Story;
    use crate::drill::run::{Objectives, Planned};

    fn run(objectives: Objectives) -> Run {
        let schedule = vec![Planned { round: 0, fault: FaultKind::Kill, target: "primary".to_owned(), hold_ms: 500 }];
        Run { name: "a-run".to_owned(), topology: "products".to_owned(), schedule, objectives, ..Run::default() }
    }

    fn good() -> Story {
        let story =
            Story::new().primary(0, 1).inserts_ok(1..50).kill(0, 800).primary(1, 2).inserts_ok(50..90).healed(0);
        story.inserts_ok(90..95).end()
    }

    fn hashed(story: Story) -> Story {
        story.hash(0, Some("a")).hash(1, Some("a")).hash(2, Some("a"))
    }

    fn report(story: &Story, objectives: Objectives) -> Report {
        make(&run(objectives), &story.history(), &Logs::new())
    }

    #[test]
    fn a_good_run_passes_and_its_report_is_json() {
        let objectives = Objectives { max_write_gap_ms: Some(1_000), lost_writes: Some(0), ..Objectives::default() };
        let report = report(&hashed(good().finds(&[(1, 94)])), objectives);
        assert_eq!(report.verdict, Verdict::Pass, "{:?} {:?}", report.objectives, report.checks);
        assert_eq!(report.faults[0].write_gap.unwrap().ms, 810);
        assert_eq!(report.numbers.all(), Outcomes { acknowledged: 94, failed: 0, unknown: 0 });
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn the_worst_of_all_decides() {
        let objectives = Objectives { max_write_gap_ms: Some(500), ..Objectives::default() };
        assert_eq!(report(&hashed(good().finds(&[(1, 94)])), objectives).verdict, Verdict::Fail, "too slow");
        assert_eq!(report(&good().finds(&[(1, 94)]), Objectives::default()).verdict, Verdict::Unknown, "no hashes");
        let lost = report(&good().finds(&[(1, 40), (43, 94)]), Objectives::default());
        assert_eq!((lost.verdict, lost.lost.len()), (Verdict::Fail, 1));
        assert_eq!((&lost.lost[0].ops[..], lost.lost[0].count, lost.lost[0].term), (&[41, 42][..], 2, Some(1)));
    }

    #[test]
    fn what_was_lost_is_told_by_who_acknowledged_it() {
        let story = good().finds(&[(1, 47), (53, 94)]).rolls_back(0, &[48, 49], None);
        let runs: Vec<_> = report(&story, Objectives::default())
            .lost
            .into_iter()
            .map(|run| (run.ops, run.term, run.is_rolled_back, run.until_ms - run.from_ms))
            .collect();
        assert_eq!(runs, [(vec![48, 49], Some(1), true, 10), (vec![50, 51, 52], Some(2), false, 20)]);
    }

    #[test]
    fn an_empty_history_is_unknown() {
        let report = make(&run(Objectives::default()), &History::default(), &Logs::new());
        assert_eq!(report.verdict, Verdict::Unknown);
        assert!(report.checks.iter().all(|check| check.verdict != Verdict::Fail), "{:?}", report.checks);
    }

    #[test]
    fn a_fault_that_could_not_be_injected_says_so() {
        let story = good().fault_with(1, FaultKind::Clock, Phase::Failed, Some("no libfaketime"));
        let report = report(&story, Objectives::default());
        assert_eq!(report.faults[1].note.as_deref(), Some("it could not be injected: no libfaketime"));
    }
}
