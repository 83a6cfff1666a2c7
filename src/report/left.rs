//! Data that nothing uses any more: what members had when they left their sets.

use std::collections::BTreeSet;

use super::doctor::Check;
use crate::desired::{DATA, DATA_KEY, Holds, Ledger, Lodging, OWNER_KEY};
use crate::observed::{Observed, Part};

/// Names the data folders that are kept and not used, with the command that removes each.
pub fn data(topology: &str, declared: &BTreeSet<&str>, observed: &Observed) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, seen) in observed.containers.iter().filter_map(|(name, part)| Some((name, Part::seen(part)?))) {
        let Some(guest) = seen.guest.seen().filter(|_| seen.config.get(OWNER_KEY).is_some_and(|own| own == topology))
        else {
            continue;
        };
        let ledger = seen.config.get(DATA_KEY).map(|text| Ledger::parse(text)).unwrap_or_default();
        let is_there = |path: &String| guest.paths.contains_key(path);
        let put_out = |one: &&Lodging| one.is_live() && !declared.contains(one.owner.as_str()) && is_there(&one.path());
        for Lodging { owner, port, folder, .. } in ledger.0.iter().filter(put_out) {
            checks.push(Check::warning(
                format!("data in {name}"),
                format!("{DATA}/{folder} is the data of {owner}, which the file does not declare"),
                format!("to use it again, declare {owner} in {name} on port {port}"),
            ));
        }
        for lodging in ledger.0.iter().filter(|one| one.holds == Holds::Left && is_there(&one.path())) {
            let path = lodging.path();
            checks.push(Check::warning(
                format!("data in {name}"),
                format!("{path} is what a member of {} had when it left; nothing uses it", lodging.owner),
                format!("keep it, or remove it for good: `distctl exec {name} -- rm -r {path}`"),
            ));
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use protocol::{Inspection, PathState};

    use super::*;
    use crate::observed::{Container, Status};

    #[test]
    fn what_a_member_left_is_named_with_the_command_that_removes_it() {
        let state =
            PathState { sha256: None, mode: 0o700, owner: "m".into(), group: "m".into(), size: 1, changed_ms: 0 };
        let paths = ["rs.1", "rs.2"].map(|folder| (format!("/var/lib/mongodb/{folder}"), state.clone()));
        let guest = Part::Present(Box::new(Inspection { paths: paths.into(), ..Inspection::default() }));
        let ledger = "rs.1=left/rs:27017 rs.2=member/rs:27018 rs.3=left/rs:27019";
        let config = [(OWNER_KEY.to_owned(), "shop".to_owned()), (DATA_KEY.to_owned(), ledger.to_owned())].into();
        let db = Container { status: Status::Running, config, guest, ..Container::default() };
        let observed = Observed { containers: [("db".to_owned(), Part::Present(db))].into(), ..Observed::default() };
        let found = data("shop", &BTreeSet::from(["rs"]), &observed);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].hint.as_deref(),
            Some("keep it, or remove it for good: `distctl exec db -- rm -r /var/lib/mongodb/rs.1`")
        );
        assert!(data("other", &BTreeSet::from(["rs"]), &observed).is_empty());
        let put_out = data("shop", &BTreeSet::new(), &observed);
        assert!(put_out[0].text.contains("which the file does not declare"), "{put_out:?}");
    }
}
