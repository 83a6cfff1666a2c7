//! Convergence: do all members hold the same data when all is healed?

use std::collections::BTreeMap;

use protocol::Hash;

use super::{Check, Verdict};
use crate::drill::history::History;

/// Judges whether all members answered with the same `dbHash` of every database.
pub fn convergence(history: &History) -> Check {
    let mut check = Check::new("convergence");
    // A later answer of a member takes the place of one before.
    let last: BTreeMap<&str, &Hash> = history.hashes.iter().map(|hash| (hash.host.as_str(), hash)).collect();
    if last.is_empty() {
        check.note(Verdict::Unknown, "no member was asked for its dbHash");
        return check;
    }
    let hosts = history.begin.iter().flat_map(|begin| &begin.hosts);
    for host in hosts.filter(|host| !last.contains_key(host.as_str())) {
        check.note(Verdict::Unknown, format!("{host} was not asked for its dbHash"));
    }
    for hash in last.values() {
        if let Some(error) = &hash.error {
            check.note(Verdict::Unknown, format!("{} did not tell its dbHash: {error}", hash.host));
        }
    }
    let answers: Vec<&Hash> = last.into_values().filter(|hash| hash.error.is_none()).collect();
    differences(&mut check, &answers);
    if check.notes.is_empty() {
        check.note(Verdict::Pass, format!("{} members hold the same data", answers.len()));
    }
    check
}

fn differences(check: &mut Check, answers: &[&Hash]) {
    let Some((first, others)) = answers.split_first() else { return };
    for other in others.iter().filter(|other| other.databases != first.databases) {
        let names = first.databases.keys().chain(other.databases.keys());
        let mut apart: Vec<&str> =
            names.filter(|name| first.databases.get(*name) != other.databases.get(*name)).map(String::as_str).collect();
        apart.sort_unstable();
        apart.dedup();
        check.note(Verdict::Fail, format!("{} and {} differ in {}", first.host, other.host, apart.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::history::story::Story;

    fn verdict(story: &Story) -> Verdict {
        convergence(&story.history()).verdict
    }

    #[test]
    fn members_that_hold_the_same_pass() {
        let story = Story::new().hash(0, Some("a")).hash(1, Some("a"));
        assert_eq!(verdict(&story.clone().hash(2, Some("a"))), Verdict::Pass);
        // Asked too early, and once more.
        assert_eq!(verdict(&story.hash(2, Some("b")).hash(2, Some("a"))), Verdict::Pass);
    }

    #[test]
    fn a_member_that_differs_fails_even_where_another_is_silent() {
        let story = Story::new().hash(0, Some("a")).hash(1, Some("b")).hash(2, None);
        let check = convergence(&story.history());
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(check.reasons().collect::<Vec<_>>(), ["10.0.0.1:27017 and 10.0.0.2:27017 differ in drill"]);
    }

    #[test]
    fn silence_is_no_agreement() {
        let story = Story::new().hash(0, Some("a")).hash(1, Some("a"));
        assert_eq!(verdict(&story), Verdict::Unknown, "the third was not asked");
        assert_eq!(verdict(&story.hash(2, None)), Verdict::Unknown);
        assert_eq!(verdict(&Story::new()), Verdict::Unknown);
    }
}
