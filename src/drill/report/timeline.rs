//! What happened when, in so few numbers that a page can draw them.

use std::collections::BTreeMap;

use protocol::{Outcome, SeenState};
use serde::{Deserialize, Serialize};

use super::GapRow;
use super::make::since;
use super::scale::round_up;
use crate::drill::checker::{Availability, Gap};
use crate::drill::history::{History, Name, Sight};

/// How many steps the time line has at most.
const STEPS: u64 = 400;

/// The shortest step, in milliseconds.
const LEAST_STEP: u64 = 50;

/// How many stays of one member, and how many gaps, are kept: the longest ones.
const KEPT: usize = 400;

/// What happened when. Times are milliseconds from the first record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// How long all of it is.
    pub length_ms: u64,
    /// How long one step is.
    pub step_ms: u64,
    /// Operations that were acknowledged in each step.
    pub acknowledged: Vec<u32>,
    /// Operations that failed in each step, but for those that a primary refused.
    pub failed: Vec<u32>,
    /// Operations that may have happened, by the step in which that was known, or they were sent.
    pub unknown: Vec<u32>,
    /// What members said of themselves.
    pub lanes: Vec<Lane>,
    /// Times without an acknowledged write, longer than the threshold.
    pub gaps: Vec<GapRow>,
}

/// What one member said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The member.
    pub host: String,
    /// Its states, in order.
    pub stays: Vec<Stay>,
}

/// How long a member stayed in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The state.
    pub state: SeenState,
    /// From when.
    pub from_ms: u64,
    /// Until when.
    pub until_ms: u64,
    /// The term, where it was primary.
    pub term: Option<i64>,
}

/// Draws what happened when.
pub(super) fn timeline(history: &History, availability: &Availability) -> Timeline {
    let length_ms = since(history, history.span.until);
    let step_ms = round_up((length_ms / STEPS).max(LEAST_STEP));
    let steps = usize::try_from(length_ms / step_ms).unwrap_or(0) + 1;
    let mut line = Timeline {
        length_ms,
        step_ms,
        acknowledged: vec![0; steps],
        failed: vec![0; steps],
        unknown: vec![0; steps],
        lanes: lanes(history),
        gaps: gaps(history, &availability.write_gaps),
    };
    for operation in &history.operations {
        let counts = match operation.outcome() {
            _ if operation.was_refused() => continue,
            Outcome::Ok => &mut line.acknowledged,
            Outcome::Fail => &mut line.failed,
            Outcome::Unknown => &mut line.unknown,
        };
        let at = operation.ended.map_or(operation.invoked, |ended| ended.at);
        let step = usize::try_from(since(history, at) / step_ms).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(step) {
            *count += 1;
        }
    }
    line
}

fn gaps(history: &History, gaps: &[Gap]) -> Vec<GapRow> {
    let mut longest: Vec<&Gap> = gaps.iter().collect();
    longest.sort_by_key(|gap| std::cmp::Reverse(gap.millis()));
    longest.truncate(KEPT);
    longest.sort_by_key(|gap| gap.from);
    let rows = longest.into_iter();
    rows.map(|gap| GapRow { from_ms: since(history, gap.from), ms: gap.millis(), is_open: gap.is_open }).collect()
}

/// One lane for each member of the set, and for whoever else was seen.
fn lanes(history: &History) -> Vec<Lane> {
    let mut sights: BTreeMap<Name, Vec<&Sight>> = BTreeMap::new();
    for sight in &history.seen {
        sights.entry(sight.host).or_default().push(sight);
    }
    let mut lanes: Vec<Lane> = sights
        .into_iter()
        .map(|(host, sights)| Lane { host: history.names.text(host).to_owned(), stays: stays(history, &sights) })
        .collect();
    let members = history.begin.iter().flat_map(|begin| &begin.hosts);
    for host in members {
        if !lanes.iter().any(|lane| lane.host == *host) {
            lanes.push(Lane { host: host.clone(), stays: Vec::new() });
        }
    }
    lanes.sort_by(|one, other| one.host.cmp(&other.host));
    lanes
}

fn stays(history: &History, sights: &[&Sight]) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    for sight in sights {
        let at = since(history, sight.at);
        let term = sight.term.filter(|_| sight.state == SeenState::Primary);
        if let Some(last) = stays.last_mut() {
            last.until_ms = at;
            if last.state == sight.state && last.term == term {
                continue;
            }
        }
        stays.push(Stay { state: sight.state, from_ms: at, until_ms: at, term });
    }
    if let Some(last) = stays.last_mut() {
        last.until_ms = since(history, history.span.until);
    }
    if stays.len() > KEPT {
        stays.sort_by_key(|stay| std::cmp::Reverse(stay.until_ms - stay.from_ms));
        stays.truncate(KEPT);
        stays.sort_by_key(|stay| stay.from_ms);
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::checker;
    use crate::drill::history::story::{HOSTS, Story};

    fn drawn(history: &History) -> Timeline {
        timeline(history, &checker::availability(history, &[]).1)
    }

    #[test]
    fn every_operation_is_in_one_step() {
        let story = Story::new().inserts_ok(1..31).insert_fail(31).insert_unknown(32).wait_ms(500).inserts_ok(33..40);
        let line = drawn(&story.end().history());
        let sum = |counts: &[u32]| counts.iter().sum::<u32>();
        assert_eq!((sum(&line.acknowledged), sum(&line.failed), sum(&line.unknown)), (37, 1, 1));
        assert_eq!((line.step_ms, line.gaps.len(), line.gaps[0].ms), (50, 1, 530));
    }

    #[test]
    fn a_long_run_has_no_more_steps_than_a_short_one() {
        let line = drawn(&Story::new().insert_ok(1).wait_ms(3_600_000).insert_ok(2).end().history());
        assert_eq!((line.step_ms, line.acknowledged.len()), (10_000, 361));
    }

    #[test]
    fn lanes_tell_who_was_what() {
        let story = Story::new().primary(0, 1).wait_ms(100).primary(0, 1).sees(1, SeenState::Secondary, None);
        let story = story.wait_ms(100).sees(0, SeenState::Silent, None).wait_ms(50).end();
        let line = drawn(&story.history());
        assert_eq!(line.lanes.iter().map(|lane| lane.host.as_str()).collect::<Vec<_>>(), HOSTS);
        let stays: Vec<_> = line.lanes[0].stays.iter().map(|stay| (stay.state, stay.until_ms - stay.from_ms)).collect();
        assert_eq!(stays, [(SeenState::Primary, 200), (SeenState::Silent, 50)]);
        assert!(line.lanes[2].stays.is_empty());
    }
}
