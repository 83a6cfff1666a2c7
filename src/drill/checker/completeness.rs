//! Completeness: is there enough in the history to prove anything?

use super::{Check, Verdict, counted};
use crate::drill::history::History;

/// Judges whether the workload ran to its end, was answered, and met so many faults as were planned.
pub fn completeness(history: &History, planned: usize) -> Check {
    let mut check = Check::new("completeness");
    if history.begin.is_none() {
        check.note(Verdict::Unknown, "the workload never began");
    }
    if history.cut {
        check.note(Verdict::Unknown, "the history breaks off within a line");
    }
    if !history.ended {
        check.note(Verdict::Unknown, "the workload did not end as it was told: it died, or its end was not kept");
    }
    if let Some(missing) = &history.missing {
        check.note(Verdict::Unknown, format!("the history was edited or damaged: {missing}"));
    }
    let acknowledged = history.operations.iter().filter(|operation| operation.acknowledged_at().is_some()).count();
    if acknowledged == 0 {
        check.note(Verdict::Unknown, "no operation was acknowledged");
    }
    let injected = history.faults.iter().filter(|fault| fault.was_injected()).count();
    if injected == 0 {
        check.note(Verdict::Unknown, "no fault was injected");
    } else if injected < planned {
        check.note(Verdict::Unknown, format!("{injected} of {} injected", counted(planned as u64, "planned fault")));
    }
    if check.verdict == Verdict::Pass {
        let acknowledged = counted(acknowledged as u64, "acknowledged operation");
        check.note(Verdict::Pass, format!("{acknowledged}, {}", counted(injected as u64, "fault")));
    }
    if history.clock.jumps() > 0 {
        let jumps = counted(history.clock.jumps() as u64, "time");
        check.note(Verdict::Pass, format!("the wall clock jumped {jumps}; durations are of the monotonic clock"));
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::Story;

    fn whole() -> Story {
        Story::new().insert_ok(1).kill(0, 100).insert_ok(2).healed(0)
    }

    fn reason(story: &Story, planned: usize) -> String {
        let check = completeness(&story.history(), planned);
        assert_eq!(check.verdict, Verdict::Unknown);
        check.reasons().collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_whole_run_passes() {
        assert_eq!(completeness(&whole().end().history(), 1).verdict, Verdict::Pass);
        let jumped = whole().clock_jumps_ms(-3_600_000).insert_ok(3).end();
        let check = completeness(&jumped.history(), 1);
        assert!(check.verdict == Verdict::Pass && check.notes[1].text.contains("jumped 1 time"), "{check:?}");
    }

    #[test]
    fn what_is_missing_is_never_a_pass() {
        assert!(reason(&whole(), 1).contains("did not end"));
        let edited = whole().sent(3, protocol::Call::Insert).end();
        assert!(reason(&edited, 1).contains("edited or damaged: 1 operations have no end"));
        assert!(reason(&Story::without_begin().insert_ok(1).end(), 0).contains("never began"));
        assert!(reason(&Story::new().insert_ok(1).end(), 0).contains("no fault"));
        assert!(reason(&Story::new().insert_unknown(1).kill(0, 1).end(), 1).contains("no operation was acknowledged"));
        assert!(reason(&whole().end(), 3).contains("1 of 3 planned faults injected"));
        assert_eq!(completeness(&whole().end().cut_history(), 1).verdict, Verdict::Unknown);
        assert_eq!(completeness(&History::default(), 0).verdict, Verdict::Unknown);
    }
}
