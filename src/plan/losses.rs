//! Edits of the file that would lose sight of data: refused before anything is touched, with the way to do them.

use std::collections::BTreeSet;

use super::homes::{self, Home};
use super::order::Draft;
use crate::desired::{DATA_KEY, Holds, ReplicaSet, Standalone};

/// Refuses what would put an empty database in the place of one that has data.
pub(super) fn refuse(draft: &mut Draft<'_>) {
    let desired = draft.desired;
    refuse_older(draft);
    for standalone in desired.standalones.values() {
        check_standalone(draft, standalone);
    }
    for set in desired.replica_sets.values() {
        check_set(draft, set);
    }
    refuse_other_names(draft);
    hold_ports(draft);
}

/// A container from before there was a ledger: what its mongods that are not declared any more hold can't be told.
fn refuse_older(draft: &mut Draft<'_>) {
    let desired = draft.desired;
    let older: Vec<(String, String)> = homes::ours(draft)
        .filter(|(_, seen)| homes::ledger(seen).is_none())
        .filter_map(|(name, seen)| {
            let units = desired.containers.get(name).map(|wanted| &wanted.units);
            let guest = seen.guest.seen()?;
            let gone = guest.unit_files.iter().find(|unit| !units.is_some_and(|units| units.contains_key(*unit)))?;
            Some((name.to_owned(), gone.trim_end_matches(".service").to_owned()))
        })
        .collect();
    refuse_lost_ledger(draft);
    for (container, unit) in older {
        draft.refuse(
            format!("container {container}"),
            format!("was built by an older distctl, and the file does not declare its {unit} any more"),
            "run `distctl up` once with the file as it was; then distctl knows where the data lies, and the change can be \
             made",
        );
    }
}

/// Without its ledger a container counts as an older one, whose folders are named after ports. Where there is none of that
/// name, somebody has taken the ledger away.
fn refuse_lost_ledger(draft: &mut Draft<'_>) {
    let lost: Vec<(String, String, u16)> = homes::ours(draft)
        .filter(|(_, seen)| homes::ledger(seen).is_none())
        .filter_map(|(name, seen)| {
            let guest = seen.guest.seen()?;
            let here = homes::processes(draft).into_iter().map(|(_, _, mongod)| mongod);
            let mut here = here.filter(|mongod| mongod.container == name && guest.unit_files.contains(&mongod.unit));
            let lost = here.find(|mongod| !guest.paths.contains_key(&mongod.data))?;
            Some((name.to_owned(), lost.data.clone(), lost.port))
        })
        .collect();
    for (container, folder, port) in lost {
        draft.refuse(
            format!("container {container}"),
            format!("does not say where its data lies (it has no key {DATA_KEY}), and {folder} is not there"),
            format!(
                "set the key again: `incus config set {container} {DATA_KEY}=...`, with the folder that `dbPath` names in \
                 /etc/distctl/mongod-{port}.conf there; docs/changes.md shows its form"
            ),
        );
    }
}

fn check_standalone(draft: &mut Draft<'_>, standalone: &Standalone) {
    let object = format!("database {}", standalone.name);
    let homes = homes::of(draft, &standalone.name);
    let data: Vec<&Home<'_>> = homes.iter().filter(|home| home.may_have_data()).collect();
    let here = |home: &&&Home<'_>| home.container == standalone.mongod.container;
    if let Some(member) = data.iter().find(|home| home.lodging.holds == Holds::Member) {
        return draft.refuse(
            object,
            format!("is a replica set with data in {}, and can't become a single mongod in place", member.place()),
            "keep the set (it may have one member), or move the data: `distctl export --kind data`, then `distctl import`",
        );
    }
    let live = |home: &&&Home<'_>| home.lodging.holds == Holds::Standalone;
    if data.iter().any(|home| here(&home) && live(&home)) {
        return;
    }
    let Some(elsewhere) = data.first() else { return };
    let (place, container) = (elsewhere.place(), elsewhere.container);
    draft.refuse(
        object,
        format!("has its data in {place}; a single mongod can't move to {} with it", standalone.mongod.container),
        format!(
            "leave it in {container}; or declare {name} under `replica_sets` with its member in {container}, run `distctl \
             up`, add a member in {to}, run `distctl up`, and take the first member out",
            name = standalone.name,
            to = standalone.mongod.container
        ),
    );
}

fn check_set(draft: &mut Draft<'_>, set: &ReplicaSet) {
    let homes = homes::of(draft, &set.name);
    let alone = homes.iter().find(|home| home.lodging.holds == Holds::Standalone && home.may_have_data());
    let Some(home) = alone else { return };
    let is_taken_over =
        |member: &crate::desired::Mongod| member.container == home.container && member.data == home.lodging.path();
    if set.members.iter().any(is_taken_over) {
        return;
    }
    draft.refuse(
        format!("replica set {}", set.name),
        format!("would begin empty: the data of {} is that of a single mongod in {}", set.name, home.place()),
        format!("declare a member in {}: the set begins with its data, and the others copy from it", home.container),
    );
}

/// A new database beside one that is not declared any more may be the same under another name.
fn refuse_other_names(draft: &mut Draft<'_>) {
    let desired = draft.desired;
    let names = || desired.replica_sets.keys().chain(desired.standalones.keys());
    let declared: BTreeSet<&String> = names().collect();
    let homes = homes::all(draft);
    // One whose mongod was taken out before is no candidate: it was not declared then either.
    let runs = |home: &Home<'_>| home.has_unit.unwrap_or_else(|| desired.containers.contains_key(home.container));
    let is_gone = |home: &&Home<'_>| {
        home.lodging.is_live() && home.may_have_data() && runs(home) && !declared.contains(&home.lodging.owner)
    };
    let gone = homes.iter().find(is_gone);

    let Some(gone) = gone else { return };
    let (place, before) = (gone.place(), gone.lodging.owner.clone());
    let is_new = |name: &&String| !homes.iter().any(|home| home.lodging.owner == **name);
    let new: Vec<&String> = names().filter(is_new).collect();
    for name in new {
        draft.refuse(
            format!("database {name}"),
            format!("would begin empty, while {before}, which has data in {place}, is not declared any more"),
            format!(
                "if {name} is another name for {before}, give it back the name {before}: a name changes only by `distctl \
                 export` and `distctl import --map {before}={name}`; if {before} is to go, take it out alone and run \
                 `distctl up` before {name} is added"
            ),
        );
    }
}

/// A mongod whose port a member of another set still has waits until that set does not count on it any more.
fn hold_ports(draft: &mut Draft<'_>) {
    let homes = homes::all(draft);
    let mut held = Vec::new();
    for (owner, _, mongod) in homes::processes(draft) {
        let other = homes.iter().find(|home| {
            home.container == mongod.container
                && home.lodging.port == mongod.port
                && home.lodging.is_live()
                && home.lodging.owner != owner
        });
        let Some(other) = other else { continue };
        if homes::is_counted(draft, Some(&other.lodging), other.host.as_deref()) {
            held.push((owner, other.lodging.owner.clone(), mongod));
        }
    }
    for (owner, other, mongod) in &held {
        if held.iter().any(|(waits, for_whom, _)| waits == other && for_whom == owner) {
            draft.refuse(
                format!("mongod {} in {}", mongod.port, mongod.container),
                format!("can't change hands: {owner} and {other} would wait for each other's ports"),
                "give one of the two a free port, run `distctl up`, then give it the port that it is to have",
            );
        }
        draft.held.insert((mongod.container.clone(), mongod.unit.clone()));
    }
}
