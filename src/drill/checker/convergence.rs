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
    let answers = last.into_values().filter(|hash| hash.error.is_none());
    let (delayed, prompt): (Vec<&Hash>, Vec<&Hash>) = answers.partition(|hash| hash.delay_s > 0);
    differences(&mut check, &prompt);
    for hash in &delayed {
        behind(&mut check, prompt.first().copied(), hash);
    }
    if check.verdict == Verdict::Pass {
        check.note(Verdict::Pass, format!("{} members hold the same data", prompt.len()));
    }
    check
}

/// What is said of a member that is behind the others by its set's configuration. Others write to other databases
/// meanwhile, so that the workload's alone can be compared.
fn behind(check: &mut Check, prompt: Option<&Hash>, hash: &Hash) {
    let who = format!("{}, whose delay is {} s,", hash.host, hash.delay_s);
    if hash.databases.is_empty() {
        return check.note(Verdict::Pass, format!("{who} was left out: nobody waited for that long"));
    }
    let Some(prompt) = prompt else {
        return check.note(Verdict::Unknown, format!("{who} can be compared with nobody"));
    };
    let differs = |(name, one): &(&String, &String)| prompt.databases.get(*name) != Some(one);
    let apart: Vec<&str> = hash.databases.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    match &apart[..] {
        [] => {
            let names = hash.databases.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            check.note(Verdict::Pass, format!("{who} holds the same in {names}, looked at after its delay"));
        }
        _ => check.note(Verdict::Fail, format!("{who} and {} differ in {}", prompt.host, apart.join(", "))),
    }
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

    /// With `delay: 30s` in the topology each test failed once.
    #[test]
    fn a_member_with_a_delay_is_compared_after_it_or_left_out_and_said() {
        let story = Story::new().hash(0, Some("a")).hash(1, Some("a"));
        let told = |story: &Story| {
            let check = convergence(&story.history());
            (check.verdict, check.notes.into_iter().map(|note| note.text).collect::<Vec<_>>().join("; "))
        };
        let (verdict, text) = told(&story.clone().delayed_hash(2, 30, Some("a")));
        assert_eq!(verdict, Verdict::Pass);
        assert_eq!(
            text,
            "10.0.0.3:27017, whose delay is 30 s, holds the same in drill, looked at after its delay; 2 members hold the \
             same data"
        );
        let (verdict, text) = told(&story.clone().delayed_hash(2, 3600, None));
        assert!(verdict == Verdict::Pass && text.contains("whose delay is 3600 s, was left out"), "{text}");
        assert_eq!(told(&story.delayed_hash(2, 30, Some("b"))).0, Verdict::Fail);
        assert_eq!(told(&Story::new().delayed_hash(2, 30, Some("a"))).0, Verdict::Unknown);
    }

    #[test]
    fn silence_is_no_agreement() {
        let story = Story::new().hash(0, Some("a")).hash(1, Some("a"));
        assert_eq!(verdict(&story), Verdict::Unknown, "the third was not asked");
        assert_eq!(verdict(&story.hash(2, None)), Verdict::Unknown);
        assert_eq!(verdict(&Story::new()), Verdict::Unknown);
    }
}
