//! Where the time of a failover goes: until it is noticed, until a primary is elected, until the driver has found it.

use protocol::SeenState;
use serde::{Deserialize, Serialize};

use super::{Election, Gap};
use crate::drill::history::History;

/// A gap in parts, in milliseconds. Detection and election are known where mongods' logs tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// From the last acknowledged write until the winner stood for election.
    pub detection_ms: Option<u64>,
    /// From then until it took writes.
    pub election_ms: Option<u64>,
    /// The part of that in which it was elected already, and caught up with the others.
    pub catch_up_ms: Option<u64>,
    /// From the last acknowledged write until there was a primary: both together.
    pub primary_ms: u64,
    /// From then until a write was acknowledged: the driver has found it, and a majority has the write.
    pub driver_ms: u64,
    /// The new primary.
    pub primary: String,
    /// Why it stood for election, in its words.
    pub reason: Option<String>,
    /// What this is known from.
    pub source: Source,
}

/// What a split is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The logs of mongods.
    Logs,
    /// What members said to clients.
    Hello,
}

/// How long before the last acknowledged write an election may have begun: a handover prepares it under way.
const AHEAD: u64 = 2_000_000;

/// How long before the last acknowledged write it may have been over: the old primary's last answers are under way, or
/// pass through an application.
const LATE: u64 = 100_000;

/// Splits a gap; `None` where no member became primary in it, or writes did not come back.
pub fn split(gap: &Gap, elections: &[Election], history: &History) -> Option<Split> {
    if gap.is_open {
        return None;
    }
    let within = |at: u64| gap.from <= at && at <= gap.until;
    let ended = |election: &&Election| within(election.done.max(gap.from)) && election.done + LATE >= gap.from;
    let last = elections.iter().rev().find(|election| ended(election) && election.started + AHEAD >= gap.from);
    if let Some(election) = last {
        // What went before the last acknowledged write cost nothing.
        let [started, elected, done] = [election.started, election.elected, election.done].map(|at| at.max(gap.from));
        return Some(Split {
            detection_ms: Some(millis(started - gap.from)),
            election_ms: Some(millis(done - started)),
            catch_up_ms: Some(millis(done - elected)),
            primary_ms: millis(done - gap.from),
            driver_ms: millis(gap.until - done),
            primary: election.host.clone(),
            reason: Some(election.reason.clone()),
            source: Source::Logs,
        });
    }
    let sight = history.seen.iter().find(|sight| sight.state == SeenState::Primary && within(sight.at))?;
    Some(Split {
        detection_ms: None,
        election_ms: None,
        catch_up_ms: None,
        primary_ms: millis(sight.at - gap.from),
        driver_ms: millis(gap.until - sight.at),
        primary: history.names.text(sight.host).to_owned(),
        reason: None,
        source: Source::Hello,
    })
}

/// Whole milliseconds, the nearest ones.
fn millis(us: u64) -> u64 {
    (us + 500) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::{HOSTS, Story};

    fn election(started: u64, done: u64) -> Election {
        let (host, reason, elected) = (HOSTS[1].to_owned(), "step up request".to_owned(), done - 2_000);
        Election { host, term: Some(2), reason, started, elected, done }
    }

    #[test]
    fn the_parts_make_up_the_gap() {
        let gap = Gap { from: 10_000_000, until: 13_000_000, is_open: false };
        let parts = split(&gap, &[election(12_000_000, 12_010_000)], &History::default()).unwrap();
        assert_eq!((parts.detection_ms, parts.election_ms, parts.driver_ms), (Some(2_000), Some(10), 990));
        assert_eq!((parts.primary_ms + parts.driver_ms, parts.source), (gap.millis(), Source::Logs));
        // A handover stands for election while the old primary still takes writes.
        let handed = split(&gap, &[election(9_999_000, 10_004_000)], &History::default()).unwrap();
        assert_eq!((handed.detection_ms, handed.election_ms, handed.catch_up_ms), (Some(0), Some(4), Some(2)));
        // An application passes the old primary's last answer on when the new one reigns already.
        let late = split(&gap, &[election(9_970_000, 9_980_000)], &History::default()).unwrap();
        assert_eq!((late.detection_ms, late.election_ms, late.driver_ms), (Some(0), Some(0), 3_000));
        assert_eq!(split(&gap, &[election(9_700_000, 9_800_000)], &History::default()), None);
    }

    #[test]
    fn the_election_that_ended_the_gap_counts() {
        let gap = Gap { from: 10_000_000, until: 13_000_000, is_open: false };
        let both = [election(11_000_000, 11_005_000), election(12_000_000, 12_010_000)];
        assert_eq!(split(&gap, &both, &History::default()).unwrap().driver_ms, 990);
        assert_eq!(split(&gap, &[election(14_000_000, 14_010_000)], &History::default()), None);
    }

    #[test]
    fn without_logs_what_clients_saw_tells_less() {
        let history = Story::new().insert_ok(1).wait_ms(1_000).primary(1, 2).wait_ms(500).insert_ok(2).history();
        let moments = history.acknowledged(|_| true);
        let gap = Gap { from: moments[0], until: moments[1], is_open: false };
        let parts = split(&gap, &[], &history).unwrap();
        assert_eq!((parts.detection_ms, parts.primary_ms, parts.driver_ms), (None, 1_000, 510));
        assert_eq!((parts.source, parts.primary.as_str()), (Source::Hello, HOSTS[1]));
        assert_eq!(split(&Gap { is_open: true, ..gap }, &[], &history), None);
    }
}
