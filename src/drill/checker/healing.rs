//! Healing: was every fault undone, and the set healthy again?

use super::{Check, Verdict, counted};
use crate::drill::history::{Fault, History};

/// Judges whether every fault that was injected was healed, and the set got over it.
pub fn healing(history: &History) -> Check {
    let mut check = Check::new("healing");
    for fault in &history.faults {
        if let Some((verdict, text)) = amiss(fault) {
            check.note(verdict, format!("{}: {text}", fault.title()));
        }
    }
    let injected = history.faults.iter().filter(|fault| fault.was_injected()).count();
    match (injected, check.verdict) {
        (0, Verdict::Pass) => check.note(Verdict::Unknown, "no fault was injected"),
        (_, Verdict::Pass) => {
            check.note(
                Verdict::Pass,
                format!("{} undone, and the set healthy each time", counted(injected as u64, "fault")),
            );
        }
        _ => {}
    }
    check
}

/// What is amiss with a fault, and what that proves.
pub fn amiss(fault: &Fault) -> Option<(Verdict, String)> {
    let why = fault.failed.as_ref().map(|(_, why)| why.as_str());
    match (why, fault.was_injected(), fault.healed, fault.healthy) {
        // What was got over in the end is healed, whatever was tried before.
        (_, true, _, Some(_)) => None,
        (Some(why), false, _, _) => Some((Verdict::Unknown, format!("it could not be injected: {why}"))),
        (Some(why), true, None, None) => Some((Verdict::Fail, format!("it could not be healed: {why}"))),
        (Some(why), true, Some(_), None) => Some((Verdict::Fail, format!("the set did not get over it: {why}"))),
        (None, false, _, _) => Some((Verdict::Unknown, "nobody wrote down that it was injected".to_owned())),
        (None, true, None, None) => Some((Verdict::Unknown, "nobody wrote down that it was healed".to_owned())),
        (None, true, Some(_), None) => {
            Some((Verdict::Unknown, "nobody wrote down that the set was healthy again".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{FaultKind, Phase};

    use super::*;
    use crate::drill::history::story::Story;

    fn judged(story: &Story) -> (Verdict, String) {
        let check = healing(&story.history());
        (check.verdict, check.reasons().collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_fault_that_was_got_over_passes() {
        assert_eq!(judged(&Story::new().kill(0, 100).healed(0).kill(1, 100).healed(1)).0, Verdict::Pass);
        // The first attempt to heal failed, the guest's own did not.
        let late = Story::new().kill(0, 1).fault_with(0, FaultKind::Kill, Phase::Failed, Some("timeout")).healed(0);
        assert_eq!(judged(&late).0, Verdict::Pass);
    }

    #[test]
    fn a_fault_that_stays_fails() {
        let stays = Story::new().kill(0, 1).fault_with(0, FaultKind::Kill, Phase::Failed, Some("no such unit"));
        let (verdict, reason) = judged(&stays);
        assert_eq!(verdict, Verdict::Fail);
        assert_eq!(reason, "kill of 10.0.0.1:27017 (round 1): it could not be healed: no such unit");
        let ill = Story::new().kill(0, 1).fault(0, FaultKind::Kill, Phase::Healed).fault_with(
            0,
            FaultKind::Kill,
            Phase::Failed,
            Some("10.0.0.1:27017 is RECOVERING"),
        );
        assert!(judged(&ill).1.contains("the set did not get over it"));
    }

    #[test]
    fn what_nobody_wrote_down_is_unknown() {
        assert_eq!(judged(&Story::new()).0, Verdict::Unknown);
        assert_eq!(judged(&Story::new().kill(0, 1)).0, Verdict::Unknown);
        assert_eq!(judged(&Story::new().kill(0, 1).fault(0, FaultKind::Kill, Phase::Healed)).0, Verdict::Unknown);
        let refused = Story::new().fault_with(0, FaultKind::Clock, Phase::Failed, Some("no libfaketime"));
        assert!(judged(&refused).1.contains("could not be injected: no libfaketime"));
    }
}
