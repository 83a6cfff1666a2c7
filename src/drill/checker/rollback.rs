//! Rollback: which documents did members take back, and had they been acknowledged?
//!
//! What was acknowledged and taken back is lost, unless the final read has it: a driver that repeats a write may have
//! brought it to the new primary after the old one, which then takes its own copy back.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Call, Outcome};
use serde::{Deserialize, Serialize};

use super::runs::Runs;
use super::{Check, Verdict, counted, grouped, listed};
use crate::drill::history::{History, Operation};

/// What members took back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RolledBack {
    /// The files that they wrote, each with its member: `10.10.10.12:27017 /var/lib/.../removed.bson`.
    pub files: Vec<String>,
    /// Inserts that had been acknowledged, and are not there.
    pub acknowledged: Vec<u64>,
    /// How many inserts are there all the same: the new primary has them, too.
    pub repeated: u64,
    /// How many inserts had not been acknowledged.
    pub unacknowledged: u64,
    /// Inserts that were never sent.
    pub unexpected: Vec<u64>,
    /// How many other documents of workloads and of MongoDB itself are in the files.
    pub others: u64,
    /// How many documents are in them that others wrote, by database and collection.
    pub foreign: BTreeMap<String, u64>,
}

impl RolledBack {
    /// How many documents are in the files.
    pub fn documents(&self) -> u64 {
        let foreign = self.foreign.values().sum::<u64>();
        (self.acknowledged.len() + self.unexpected.len()) as u64
            + self.repeated
            + self.unacknowledged
            + self.others
            + foreign
    }
}

/// Judges what was taken back. So many acknowledged writes may be lost.
pub fn rollback(history: &History, allowed: u64) -> (Check, RolledBack) {
    let mut check = Check::new("rollback");
    let found = collect(history, &mut check);
    let hosts = history.begin.iter().flat_map(|begin| &begin.hosts);
    let unsearched: Vec<&str> = hosts.filter(|host| !history.searched.contains(*host)).map(String::as_str).collect();
    if !unsearched.is_empty() {
        check.note(Verdict::Unknown, format!("nobody looked what {} took back", unsearched.join(", ")));
    }
    if found.acknowledged.is_empty() {
        let text = match found.files.len() as u64 {
            0 => "no member took anything back".to_owned(),
            files => format!("{} of rolled back documents, no acknowledged insert of this run", counted(files, "file")),
        };
        check.note(Verdict::Pass, text);
    } else {
        let count = found.acknowledged.len() as u64;
        let verdict = match count <= allowed {
            true => Verdict::Pass,
            false if is_proven(history) => Verdict::Fail,
            false => Verdict::Unknown,
        };
        let text = format!("{} rolled back: {}", counted(count, "acknowledged insert"), listed(&found.acknowledged));
        check.note(verdict, text);
    }
    if !found.foreign.is_empty() {
        let count = counted(found.foreign.values().sum(), "document");
        let places: Vec<String> =
            found.foreign.iter().map(|(name, count)| format!("{} in {name}", grouped(*count))).collect();
        let text = format!(
            "{count} rolled back that others wrote ({}): nobody here knows whether they had been acknowledged",
            places.join(", ")
        );
        check.note(Verdict::Unknown, text);
    }
    if !found.unexpected.is_empty() {
        let text = format!("rolled back, and never sent: {}", listed(&found.unexpected));
        check.note(if history.is_whole() { Verdict::Fail } else { Verdict::Unknown }, text);
    }
    (check, found)
}

/// Whether what was taken back is lost for sure: it was looked for, or no driver has repeated it.
fn is_proven(history: &History) -> bool {
    let has_read = history.read_back.as_ref().is_some_and(|read| read.error.is_none());
    has_read || history.begin.as_ref().is_some_and(|begin| !begin.retry_writes)
}

/// Whether a collection is the workload's, whose registers are judged by their values, or MongoDB's own record of sessions
/// and transactions.
fn is_own(collection: &str) -> bool {
    ["distctl_drill.", "config."].iter().any(|database| collection.starts_with(database))
}

fn collect(history: &History, check: &mut Check) -> RolledBack {
    let mut found = RolledBack::default();
    let mut numbers = BTreeSet::new();
    for file in &history.rollbacks {
        if let Some(error) = &file.error {
            check.note(Verdict::Unknown, format!("{} {} can't be read whole: {error}", file.host, file.file));
        }
        found.files.push(format!("{} {}", file.host, file.file));
        match file.others {
            0 => {}
            others if is_own(&file.collection) => found.others += others,
            others => *found.foreign.entry(file.collection.clone()).or_default() += others,
        }
        numbers.extend(&file.inserts);
    }
    let read = history.read_back.as_ref().filter(|read| read.error.is_none());
    let there = read.map(|read| Runs::of(&read.found));
    for number in numbers {
        let insert = history.operation(number).filter(|operation| operation.call == Call::Insert);
        let is_there = there.as_ref().is_some_and(|there| there.holds(number));
        match insert.map(Operation::outcome) {
            Some(_) if is_there => found.repeated += 1,
            Some(Outcome::Ok) => found.acknowledged.push(number),
            Some(Outcome::Unknown | Outcome::Fail) => found.unacknowledged += 1,
            None => found.unexpected.push(number),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::Story;

    #[test]
    fn nothing_taken_back_passes() {
        let (check, found) = rollback(&Story::new().insert_ok(1).history(), 0);
        assert_eq!((check.verdict, found), (Verdict::Pass, RolledBack::default()));
    }

    #[test]
    fn a_member_at_which_nobody_looked_is_no_pass() {
        let story = Story::new().insert_ok(1).unsearched(2);
        let (check, _) = rollback(&story.history(), 0);
        assert_eq!(check.verdict, Verdict::Unknown);
        assert_eq!(check.reasons().collect::<Vec<_>>(), ["nobody looked what 10.0.0.3:27017 took back"]);
    }

    #[test]
    fn an_acknowledged_insert_that_was_taken_back_is_named() {
        let story =
            Story::with("1", "local").inserts_ok(1..4).rolls_back(0, &[2, 3], None).rolls_back(1, &[3], None).end();
        let (check, found) = rollback(&story.history(), 0);
        assert_eq!((check.verdict, &found.acknowledged[..]), (Verdict::Fail, &[2, 3][..]));
        assert_eq!((found.files.len(), found.documents()), (2, 2));
        assert_eq!(rollback(&story.history(), 2).0.verdict, Verdict::Pass);
    }

    #[test]
    fn what_was_not_acknowledged_may_be_taken_back() {
        let story = Story::new().insert_unknown(1).insert_fail(2).rolls_back(0, &[1, 2], None).end();
        let (check, found) = rollback(&story.history(), 0);
        assert_eq!((check.verdict, found.unacknowledged), (Verdict::Pass, 2));
    }

    #[test]
    fn what_the_new_primary_has_too_is_not_lost() {
        let story = Story::new().inserts_ok(1..4).rolls_back(0, &[2], None).end();
        let (check, found) = rollback(&story.clone().finds(&[(1, 3)]).history(), 0);
        assert_eq!((check.verdict, found.repeated, found.documents()), (Verdict::Pass, 1, 1));
        // Nobody looked, and the driver may have repeated it.
        let mut history = story.history();
        assert_eq!(rollback(&history, 0).0.verdict, Verdict::Fail);
        history.begin.as_mut().unwrap().retry_writes = true;
        assert_eq!(rollback(&history, 0).0.verdict, Verdict::Unknown);
    }

    #[test]
    fn what_was_never_sent_must_not_be_there() {
        let story = Story::new().insert_ok(1).rolls_back(0, &[77], None).end();
        let (check, found) = rollback(&story.history(), 0);
        assert_eq!((check.verdict, found.unexpected), (Verdict::Fail, vec![77]));
        assert_eq!(rollback(&story.cut_history(), 0).0.verdict, Verdict::Unknown);
    }

    /// A writer of its own lost 1,304 acknowledged writes, and the report said "none of them acknowledged".
    #[test]
    fn what_others_wrote_is_counted_and_never_called_unacknowledged() {
        let story = Story::with("1", "local").insert_ok(1).rolls_back_others(0, "shop.orders", 1_304);
        let story =
            story.rolls_back_others(0, "distctl_drill.registers", 8).rolls_back_others(0, "config.transactions", 2);
        let (check, found) = rollback(&story.end().history(), 0);
        assert_eq!((check.verdict, found.others, found.documents()), (Verdict::Unknown, 10, 1_314));
        assert_eq!(
            check.reasons().collect::<Vec<_>>(),
            [
                "1,304 documents rolled back that others wrote (1,304 in shop.orders): nobody here knows whether they had been \
              acknowledged"
            ]
        );
        assert!(check.notes.iter().all(|note| !note.text.contains("none of them")), "{check:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_pass() {
        let story = Story::new().insert_ok(1).rolls_back(0, &[], Some("permission denied")).end();
        assert_eq!(rollback(&story.history(), 0).0.verdict, Verdict::Unknown);
    }
}
