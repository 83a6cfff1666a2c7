//! Votes of replica sets: how many, and where.

use std::collections::BTreeMap;

use super::super::mongodb::ReplicaSet;
use super::super::{Notes, Topology};

/// MongoDB's own limits (the manual, "Replica Set Limits").
const MAX_MEMBERS: usize = 50;
const MAX_VOTES: usize = 7;

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let sets = &topology.mongodb.replica_sets;
    for (name, set) in sets.iter() {
        if let Some(extra) = set.members.get(MAX_MEMBERS) {
            notes
                .error(extra.span, format!("`{name}` has {} members, {MAX_MEMBERS} are the most", set.members.len()))
                .instead("remove some members");
        }
        if set.complete {
            count(name, set, notes);
        }
    }
    majorities(topology, notes);
}

fn count(name: &str, set: &ReplicaSet, notes: &mut Notes) {
    let voters: Vec<_> = set.members.iter().filter(|member| member.votes() > 0).collect();
    match (set.members.first(), voters.get(MAX_VOTES), voters.last()) {
        (Some(first), _, None) => {
            notes.error(first.span, format!("no member of `{name}` votes")).instead("remove `votes: 0` from some");
        }
        (_, Some(extra), _) => {
            notes
                .error(extra.span, format!("`{name}` has {} votes, {MAX_VOTES} are the most", voters.len()))
                .instead("write `votes: 0` for this member and all after it");
        }
        (_, None, Some(last)) if voters.len() % 2 == 0 => {
            let fewer = voters.len() - 1;
            notes
                .warning(
                    last.span,
                    format!("`{name}` has {} votes: it survives no more failures than with {fewer}", voters.len()),
                )
                .instead("add a member, remove one, or write `votes: 0` for one");
        }
        _ => {}
    }
}

/// One warning for all sets of which one container holds a majority: it is a choice more often than a mistake.
fn majorities(topology: &Topology, notes: &mut Notes) {
    let sets = &topology.mongodb.replica_sets;
    let risky: Vec<_> = sets
        .iter()
        .filter_map(|(name, set)| majority(set).map(|container| (name, container, sets.span(name))))
        .collect();
    let Some((_, _, span)) = risky.iter().min_by_key(|(_, _, span)| *span) else {
        return;
    };
    let list: Vec<_> = risky.iter().map(|(name, container, _)| format!("`{name}` in `{container}`")).collect();
    let finding = notes.warning(
        *span,
        format!("one container holds most votes ({}): while it is down, the set takes no writes", list.join(", ")),
    );
    for (name, _, other) in risky.iter().filter(|(_, _, other)| other != span) {
        finding.also(*other, format!("`{name}` too"));
    }
    finding.instead("spread the members over three containers where that matters");
}

/// The container that holds a majority of a set's votes. A set of one member has no choice.
fn majority(set: &ReplicaSet) -> Option<&str> {
    if !set.complete {
        return None;
    }
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for member in set.members.iter().filter(|member| member.votes() > 0) {
        *votes.entry(&member.container).or_default() += 1;
    }
    let all: usize = votes.values().sum();
    votes.into_iter().find(|(_, here)| all > 1 && *here * 2 > all).map(|(container, _)| container)
}
