//! Objectives: what was asked, beside what was measured.

use super::Objective;
use crate::drill::checker::{Availability, Durability, Elections, Gap, Reads, RolledBack, Verdict, grouped};
use crate::drill::history::History;
use crate::drill::run::Objectives;

/// What checkers measured.
pub(super) struct Measured<'a> {
    pub history: &'a History,
    pub durability: &'a Durability,
    pub rolled_back: &'a RolledBack,
    pub availability: &'a Availability,
    pub elections: &'a Elections,
    pub reads: &'a Reads,
}

/// Judges all that was asked. That nothing is lost is always asked.
pub(super) fn judge(asked: &Objectives, measured: &Measured<'_>) -> Vec<Objective> {
    let mut objectives = vec![lost_writes(asked.lost_writes.unwrap_or(0), measured)];
    objectives.extend(asked.stale_reads.map(|limit| stale_reads(limit, measured)));
    objectives.extend(asked.max_write_gap_ms.map(|limit| gap("max_write_gap", limit, measured, false)));
    objectives.extend(asked.max_read_gap_ms.map(|limit| gap("max_read_gap", limit, measured, true)));
    objectives.extend(asked.max_election_ms.map(|limit| election(limit, measured)));
    objectives
}

fn lost_writes(limit: u64, measured: &Measured<'_>) -> Objective {
    let taken_back = measured.rolled_back.acknowledged.len() as u64;
    let (count, unknown) = match measured.durability.is_known {
        true => (measured.durability.lost_writes(), None),
        false => (taken_back, Some("there is no final read")),
    };
    let shown = if unknown.is_some() && taken_back == 0 { "nothing known".to_owned() } else { grouped(count) };
    // What was taken back is a part of what is lost, so it may prove that too much is.
    at_most("lost_writes", limit, count, "", shown, unknown)
}

fn stale_reads(limit: u64, measured: &Measured<'_>) -> Objective {
    let reads = measured.reads;
    let unknown = if reads.answered == 0 { Some("no read was answered") } else { incomplete(measured.history) };
    at_most("stale_reads", limit, reads.stale, "", grouped(reads.stale), unknown)
}

fn gap(name: &str, limit: u64, measured: &Measured<'_>, reads: bool) -> Objective {
    let longest = measured.availability.of_faults(None, reads).max_by_key(|gap| gap.millis());
    let ms = longest.map_or(0, Gap::millis);
    let shown = match longest {
        None => "nothing measured".to_owned(),
        Some(gap) if gap.is_open => format!("{} ms or more", grouped(ms)),
        Some(_) => format!("{} ms", grouped(ms)),
    };
    let is_injected = measured.availability.faults.iter().any(|fault| fault.is_injected);
    // Acknowledgements that come a second apart can't show that no gap is longer than half of one.
    let rhythm_ms = measured.availability.rhythm_us / 1_000;
    let unknown = match longest {
        None => Some("there were no operations that a fault could have held up"),
        Some(_) if !is_injected => Some("no fault was injected"),
        Some(gap) if gap.is_open && ms > rhythm_ms.max(measured.availability.threshold_ms) => {
            Some("none was acknowledged any more until the end")
        }
        Some(_) if rhythm_ms > limit => Some("the workload is too slow to tell: raise its rate"),
        Some(_) => incomplete(measured.history),
    };
    at_most(name, limit, ms, " ms", shown, unknown)
}

fn election(limit: u64, measured: &Measured<'_>) -> Objective {
    let longest = measured.elections.elections.iter().map(|election| (election.done - election.started) / 1_000).max();
    let shown = longest.map_or("nothing measured".to_owned(), |ms| format!("{} ms", grouped(ms)));
    let unknown = if longest.is_none() { Some("no log tells of an election") } else { incomplete(measured.history) };
    at_most("max_election", limit, longest.unwrap_or(0), " ms", shown, unknown)
}

fn incomplete(history: &History) -> Option<&'static str> {
    (!history.is_whole()).then_some("the history is not whole")
}

/// What exceeds a limit is proven, whatever is missing; what doesn't is only where nothing is.
fn at_most(name: &str, limit: u64, value: u64, unit: &str, measured: String, unknown: Option<&str>) -> Objective {
    let verdict = match unknown {
        _ if value > limit => Verdict::Fail,
        Some(_) => Verdict::Unknown,
        None => Verdict::Pass,
    };
    let why = unknown.filter(|_| verdict == Verdict::Unknown).map(str::to_owned);
    Objective { name: name.to_owned(), wanted: format!("at most {}{unit}", grouped(limit)), measured, verdict, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::checker;
    use crate::drill::history::story::Story;
    use crate::drill::mongod_log::Logs;

    fn judged(asked: Objectives, history: &History) -> Vec<String> {
        let (_, elections) = checker::elections(history, &Logs::new());
        let measured = Measured {
            history,
            durability: &checker::durability(history, 0).1,
            rolled_back: &checker::rollback(history, 0).1,
            availability: &checker::availability(history, &elections.elections).1,
            elections: &elections,
            reads: &checker::reads(history, None).1,
        };
        let objectives = judge(&asked, &measured);
        let lines = objectives.iter().map(|it| {
            let why = it.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("{} {} {}, {}{why}", it.verdict, it.name, it.wanted, it.measured)
        });
        lines.collect()
    }

    fn story() -> Story {
        Story::new().inserts_ok(1..20).kill(0, 900).inserts_ok(20..30).healed(0).inserts_ok(30..32)
    }

    fn gaps(limit: u64) -> Objectives {
        Objectives { max_write_gap_ms: Some(limit), ..Objectives::default() }
    }

    #[test]
    fn what_was_measured_is_held_against_what_was_asked() {
        let history = story().end().finds(&[(1, 31)]).history();
        assert_eq!(
            judged(gaps(1_000), &history),
            ["pass lost_writes at most 0, 0", "pass max_write_gap at most 1,000 ms, 910 ms"]
        );
        assert_eq!(judged(gaps(909), &history)[1], "fail max_write_gap at most 909 ms, 910 ms");
    }

    #[test]
    fn what_is_missing_is_no_pass_but_hides_no_fail() {
        let cut = story().history();
        assert_eq!(judged(gaps(909), &cut)[1], "fail max_write_gap at most 909 ms, 910 ms");
        assert_eq!(
            judged(gaps(1_000), &cut),
            [
                "unknown lost_writes at most 0, nothing known: there is no final read",
                "unknown max_write_gap at most 1,000 ms, 910 ms: the history is not whole"
            ]
        );
    }

    #[test]
    fn a_workload_that_is_too_slow_can_not_tell() {
        let mut history = story().end().history();
        history.begin.as_mut().unwrap().rate = 1;
        assert!(judged(gaps(950), &history)[1].ends_with("the workload is too slow to tell: raise its rate"));
    }

    #[test]
    fn without_faults_reads_or_logs_nothing_is_known() {
        let asked = Objectives {
            max_write_gap_ms: Some(1),
            max_read_gap_ms: Some(1),
            max_election_ms: Some(1),
            stale_reads: Some(0),
            lost_writes: None,
        };
        let quiet = Story::new().inserts_ok(1..5).end().finds(&[(1, 4)]).history();
        let lines = judged(asked, &quiet);
        assert_eq!(lines.iter().filter(|line| line.starts_with("unknown")).count(), 4, "{lines:?}");
    }

    #[test]
    fn what_was_taken_back_proves_a_loss_without_a_final_read() {
        let history = story().rolls_back(0, &[3, 4], None).end().history();
        assert_eq!(judged(Objectives::default(), &history), ["fail lost_writes at most 0, 2"]);
    }
}
