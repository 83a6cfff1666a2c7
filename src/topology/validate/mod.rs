//! What must be right before anything is touched, and what is risky.
//!
//! Each check takes the whole topology and notes what it finds. A value that could not be read is not looked at again:
//! things by name that are broken are still [declared](super::Named::declares), and what stands in for a value has no
//! place in the file ([`At::known`]).

pub(crate) mod cache;
mod checks;
mod commands;
pub(super) mod files;
mod fragmentation;
mod mongodb;
mod names;
mod network;
mod ports;
pub(crate) mod services;
mod sources;
pub(super) mod variables;
mod votes;

use std::collections::BTreeSet;

use super::finding::{Finding, Notes};
use super::named::Named;
use super::read::{listed, nearest};
use super::{At, Topology};

/// Notes all that is wrong or risky, but for the files that the topology names.
pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    names::check(topology, notes);
    network::check(topology, notes);
    mongodb::check(topology, notes);
    votes::check(topology, notes);
    sources::check(topology, notes);
    cache::check(topology, notes);
    ports::check(topology, notes);
    services::check(topology, notes);
    commands::check(topology, notes);
    fragmentation::check(topology, notes);
    checks::check(topology, notes);
    files::declared(topology, notes);
    variables::check(topology, notes);
}

/// Notes a name that is not among those of a section.
fn declared<T>(name: &At<String>, among: &Named<T>, what: &str, notes: &mut Notes) {
    if !among.declares(name) {
        let message = format!("there is no {what} `{}`", name.value);
        let finding = notes.error(name.span, message);
        suggest(finding, name, among.declared().map(|(name, _)| name));
    }
}

/// Says which of the known names was meant, or all of them.
fn suggest<'a>(finding: &mut Finding, wrong: &str, known: impl Iterator<Item = &'a str>) {
    let known: BTreeSet<_> = known.collect();
    match nearest(wrong, known.iter().copied()) {
        Some(name) => finding.instead(format!("did you mean `{name}`?")),
        None if known.is_empty() => finding.instead("declare it first"),
        None => finding.instead(format!("declared are {}", listed(known.into_iter()))),
    };
}
