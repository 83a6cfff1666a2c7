//! Elections and terms: who was primary when, and never two in one term.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Outcome, SeenState};
use serde::{Deserialize, Serialize};

use super::{Check, Verdict, counted};
use crate::drill::history::{History, Name, is_write};
use crate::drill::mongod_log::{EventKind, Logs, MongodLog};

/// Logs are kept from a little before the run to a little after it, in microseconds.
const MARGIN: u64 = 1_000_000;

/// So long a member may have been dead before it counts as silent: agents ask each every 50 ms and wait 300 ms.
const SILENCE: u64 = 400_000;

/// Who was primary when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Elections {
    /// The times in which members said that they are primary, in order.
    pub reigns: Vec<Reign>,
    /// The elections that members wrote of, in order.
    pub elections: Vec<Election>,
    /// How many terms had a primary.
    pub terms: u64,
}

/// How long a member said that it is primary, in microseconds of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reign {
    /// The member.
    pub host: String,
    /// When it was first seen.
    pub from: u64,
    /// Until when that was surely so: it was seen otherwise, or was silent not much later, or the history ended.
    pub until: u64,
    /// The term.
    pub term: Option<i64>,
}

/// An election as its winner wrote of it, in microseconds of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Election {
    /// The winner.
    pub host: String,
    /// The term.
    pub term: Option<i64>,
    /// Why it stood for election, in its words.
    pub reason: String,
    /// When it began to.
    pub started: u64,
    /// When it took writes.
    pub done: u64,
}

/// Judges that no term had two primaries, and collects who was primary when.
pub fn elections(history: &History, logs: &Logs) -> (Check, Elections) {
    let mut check = Check::new("elections");
    let reigns = reigns(history);
    let elections = won(history, logs);
    let owners = owners(history, logs);
    for (term, hosts) in owners.iter().filter(|(_, hosts)| hosts.len() > 1) {
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        check.note(Verdict::Fail, format!("term {term} had {} primaries: {}", hosts.len(), hosts.join(", ")));
    }
    overlaps(&reigns, &mut check);
    let terms = owners.len() as u64;
    if reigns.is_empty() && terms == 0 {
        check.note(Verdict::Unknown, "nobody saw a primary");
    } else if check.verdict == Verdict::Pass {
        check.note(Verdict::Pass, format!("{}, each with one primary", counted(terms, "term")));
    }
    (check, Elections { reigns, elections, terms })
}

/// Which members were primary in which term: as they said to clients, as they acknowledged writes, as they wrote in their
/// logs.
fn owners(history: &History, logs: &Logs) -> BTreeMap<i64, BTreeSet<String>> {
    let mut owners: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for (term, name) in writers(history) {
        owners.entry(term).or_default().insert(history.names.text(name).to_owned());
    }
    for sight in history.seen.iter().filter(|sight| sight.state == SeenState::Primary) {
        if let Some(term) = sight.term {
            owners.entry(term).or_default().insert(history.names.text(sight.host).to_owned());
        }
    }
    for (host, log) in logs {
        for (_, kind) in dated(history, log) {
            if let EventKind::Elected(Some(term)) = kind {
                owners.entry(*term).or_default().insert(host.clone());
            }
        }
    }
    owners
}

/// Who acknowledged writes in which term. A write that the driver repeated bears the term of its first try, so nothing is
/// said where drivers do that.
fn writers(history: &History) -> BTreeSet<(i64, Name)> {
    if history.begin.as_ref().is_none_or(|begin| begin.retry_writes) {
        return BTreeSet::new();
    }
    let writes = history.operations.iter().filter(|operation| is_write(&operation.call));
    let answers = writes.filter_map(|write| write.ended.filter(|ended| ended.outcome == Outcome::Ok));
    let mut writers: Vec<(i64, Name)> = answers.filter_map(|ended| Some((ended.term?, ended.node?))).collect();
    writers.dedup();
    writers.into_iter().collect()
}

/// The events of a log that lie within the run.
fn dated<'a>(history: &'a History, log: &'a MongodLog) -> impl Iterator<Item = (u64, &'a EventKind)> {
    let (from, until) = (history.span.from.saturating_sub(MARGIN), history.span.until.saturating_add(MARGIN));
    let moments = log.events.iter().filter_map(|event| Some((history.clock.moment(event.wall_ms)?, &event.kind)));
    moments.filter(move |(at, _)| (from..=until).contains(at))
}

fn reigns(history: &History) -> Vec<Reign> {
    let mut open: BTreeMap<Name, usize> = BTreeMap::new();
    let mut reigns: Vec<Reign> = Vec::new();
    for sight in &history.seen {
        let is_primary = sight.state == SeenState::Primary;
        let known = open.get(&sight.host).copied();
        if let Some(at) = known {
            let silence = if sight.state == SeenState::Silent { SILENCE } else { 0 };
            reigns[at].until = sight.at.saturating_sub(silence).max(reigns[at].from);
            if is_primary && reigns[at].term == sight.term {
                continue;
            }
            open.remove(&sight.host);
        }
        if is_primary {
            open.insert(sight.host, reigns.len());
            let host = history.names.text(sight.host).to_owned();
            reigns.push(Reign { host, from: sight.at, until: sight.at, term: sight.term });
        }
    }
    open.into_values().for_each(|at| reigns[at].until = history.span.until);
    reigns
}

/// Two primaries at once, in two terms: the old one does not know yet.
fn overlaps(reigns: &[Reign], check: &mut Check) {
    for (at, reign) in reigns.iter().enumerate() {
        let others = reigns[at + 1..].iter().filter(|other| other.host != reign.host && other.term != reign.term);
        for other in others.filter(|other| other.from < reign.until) {
            let millis = (reign.until.min(other.until) - other.from) / 1_000;
            let text = format!(
                "{} (term {}) and {} (term {}) both took themselves for primary for {millis} ms, as happens until the old one notices",
                reign.host,
                term(reign.term),
                other.host,
                term(other.term)
            );
            check.note(Verdict::Pass, text);
        }
    }
}

fn term(term: Option<i64>) -> String {
    term.map_or("unknown".to_owned(), |term| term.to_string())
}

/// What winners wrote: from their last candidacy until they took writes.
fn won(history: &History, logs: &Logs) -> Vec<Election> {
    let mut elections = Vec::new();
    for (host, log) in logs {
        let mut candidacy: Option<(u64, &str)> = None;
        let mut elected = None;
        for (at, kind) in dated(history, log) {
            match kind {
                EventKind::StepUpRequest => {}
                EventKind::Candidate(reason) => (candidacy, elected) = (Some((at, reason.as_str())), None),
                EventKind::Elected(term) => elected = Some(*term),
                EventKind::TakesWrites => {
                    if let (Some((started, reason)), Some(term)) = (candidacy.take(), elected.take()) {
                        let reason = reason.to_owned();
                        elections.push(Election { host: host.clone(), term, reason, started, done: at.max(started) });
                    }
                }
            }
        }
    }
    elections.sort_by_key(|election| election.done);
    elections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::Story;
    use crate::drill::mongod_log::tests::three_members;

    fn judged(story: &Story) -> (Check, Elections) {
        elections(&story.history(), &Logs::new())
    }

    #[test]
    fn a_change_of_primaries_passes() {
        let story = Story::new().primary(0, 1).wait_ms(500).sees(0, SeenState::Silent, None).wait_ms(900).primary(1, 2);
        let (check, found) = judged(&story.wait_ms(100).end());
        assert_eq!((check.verdict, found.terms), (Verdict::Pass, 2));
        let lengths: Vec<u64> = found.reigns.iter().map(|reign| (reign.until - reign.from) / 1_000).collect();
        assert_eq!(lengths, [100, 100], "it may have been dead for 400 ms before it was called silent");
    }

    #[test]
    fn two_primaries_in_one_term_fail() {
        let (check, _) = judged(&Story::new().primary(0, 7).primary(1, 7).end());
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.reasons().collect::<Vec<_>>(), ["term 7 had 2 primaries: 10.0.0.1:27017, 10.0.0.2:27017"]);
    }

    #[test]
    fn an_old_primary_that_does_not_know_yet_is_told_of() {
        let story = Story::new().primary(0, 1).wait_ms(100).primary(1, 2).wait_ms(400);
        let (check, _) = judged(&story.sees(0, SeenState::Secondary, None).end());
        assert_eq!(check.verdict, Verdict::Pass);
        assert!(check.notes[0].text.contains("both took themselves for primary for 400 ms"), "{check:?}");
    }

    #[test]
    fn a_dead_primary_is_none() {
        let story = Story::new().primary(0, 1).wait_ms(900).primary(1, 2).wait_ms(330).sees(0, SeenState::Silent, None);
        let (check, _) = judged(&story.wait_ms(100).end());
        assert!(check.notes.iter().all(|note| !note.text.contains("both")), "{check:?}");
    }

    #[test]
    fn writes_tell_who_was_primary_in_a_term() {
        let answers = |story: Story| story.primary(0, 7).insert_ok(1).primary(1, 8).insert_ok(2);
        let mut history = answers(Story::new()).end().history();
        assert_eq!(elections(&history, &Logs::new()).0.verdict, Verdict::Pass);
        history.operations[1].ended.as_mut().unwrap().term = Some(7);
        assert_eq!(elections(&history, &Logs::new()).0.verdict, Verdict::Fail);
        // One that was repeated bears the term of its first try.
        history.begin.as_mut().unwrap().retry_writes = true;
        assert_eq!(elections(&history, &Logs::new()).0.verdict, Verdict::Pass);
    }

    #[test]
    fn a_member_that_is_elected_again_reigns_twice() {
        let (_, found) = judged(&Story::new().primary(0, 1).wait_ms(100).primary(0, 2).wait_ms(100).end());
        assert_eq!(found.reigns.iter().map(|reign| reign.term).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }

    #[test]
    fn without_a_primary_nothing_is_known() {
        assert_eq!(judged(&Story::new().sees(0, SeenState::Other, None)).0.verdict, Verdict::Unknown);
    }

    #[test]
    fn the_logs_of_real_members_tell_how_long_elections_took() {
        // The story's clock is set to the day on which the logs were written.
        let story =
            Story::new().clock_jumps_ms(1_795_528_510_000 - 1_790_001_000_000).insert_unknown(1).wait_ms(60_000).end();
        let (check, found) = elections(&story.history(), &three_members());
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        let shown: Vec<String> = found
            .elections
            .iter()
            .map(|it| format!("{} term {:?} in {} ms: {}", it.host, it.term, (it.done - it.started) / 1_000, it.reason))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        127.0.0.1:37117 term Some(1) in 71 ms: no PRIMARY in election timeout period
        127.0.0.1:37119 term Some(2) in 6 ms: no PRIMARY in election timeout period
        127.0.0.1:37117 term Some(3) in 6 ms: step up request
        127.0.0.1:37118 term Some(4) in 10 ms: step up request
        ");
    }
}
