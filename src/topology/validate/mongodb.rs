//! Replica sets, their members and settings, one by one.

use super::super::mongodb::{Auth, Member, ReplicaSet};
use super::super::{At, Notes, Time, Topology};
use super::declared;

/// Below this, a machine that is busy for a moment elects without need.
const SHORT_TIMEOUT: Time = Time::from_millis(1_000);

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let mongodb = &topology.mongodb;
    for (_, container, port) in mongodb.mongods() {
        declared(container, &topology.containers, "container", notes);
        if port.value < 1024 {
            notes
                .error(port.span, format!("port {} is reserved for the system", port.value))
                .instead("choose one from 1024 up; MongoDB's own is 27017");
        }
    }
    for (name, set) in mongodb.replica_sets.iter() {
        if set.members.is_empty() && set.complete {
            let span = mongodb.replica_sets.span(name);
            notes.error(span, format!("`{name}` has no members")).instead("list at least one under `members`");
        }
        set.members.iter().for_each(|place| member(place, notes));
        electable(name, set, notes);
    }
    binary(topology, notes);
    settings(topology, notes);
    if let Some(auth) = mongodb.auth.filter(|auth| auth.value == Auth::None) {
        notes
            .warning(auth.span, "everybody who reaches a port can read and change all data")
            .instead("leave `auth` out: a keyfile and passwords are made without asking");
    }
}

fn member(place: &At<Member>, notes: &mut Notes) {
    let member = &place.value;
    if let Some(priority) = member.priority {
        if !(0.0..=1000.0).contains(&priority.value) {
            notes
                .error(priority.span, format!("a priority of {} is outside 0 to 1000", priority.value))
                .instead("write a number from 0 (never primary) to 1000");
        } else if priority.value > 0.0 {
            let why = match member {
                _ if member.hidden() => "hidden",
                _ if member.delay.is_some() => "delayed",
                _ if member.votes() == 0 => "without a vote",
                _ => "",
            };
            if !why.is_empty() {
                notes
                    .error(priority.span, format!("a member that is {why} can't be primary"))
                    .instead("leave `priority` out, or write 0");
            }
        }
    }
    for time in member.delay.iter().filter(|time| time.millis() % 1000 != 0) {
        whole_seconds(time, notes);
    }
}

fn whole_seconds(time: &At<Time>, notes: &mut Notes) {
    notes
        .error(time.span, format!("MongoDB takes whole seconds here, not {}", time.value))
        .instead(format!("write `{}s`", time.get().as_secs() + 1));
}

/// Without a member that can be primary, a set is never initiated.
fn electable(name: &str, set: &ReplicaSet, notes: &mut Notes) {
    // A priority that is out of range is said already, and a set without votes too.
    let can = |member: &At<Member>| member.priority() != 0.0;
    let vote = |member: &At<Member>| member.votes() > 0;
    if !set.complete || !set.members.iter().any(vote) {
        return;
    }
    if let (Some(first), false) = (set.members.first(), set.members.iter().any(can)) {
        notes
            .error(first.span, format!("no member of `{name}` can become primary"))
            .instead("give at least one a priority above 0, and neither `hidden`, `delay` nor `votes: 0`");
    }
}

fn binary(topology: &Topology, notes: &mut Notes) {
    let mongodb = &topology.mongodb;
    match &mongodb.binary {
        Some(binary) if binary.starts_with('/') => {
            if binary.contains(|one: char| one.is_whitespace() || one == '%' || one == '"') {
                notes
                    .error(binary.span, "a path with spaces, quotes or `%` does not fit into a unit")
                    .instead("rename it");
            }
        }
        Some(binary) if topology.artifacts.declares(binary) => {}
        Some(binary) => {
            let finding = notes.error(binary.span, format!("there is no artifact `{}`", binary.value));
            finding.instead("declare it under `artifacts`, or write an absolute path in the image");
        }
        None => {
            let first =
                mongodb.replica_sets.declared().chain(mongodb.standalone.declared()).map(|(_, span)| span).min();
            if let Some(span) = first {
                notes
                    .error(span, "`mongodb.binary` is missing: which mongod runs here?")
                    .instead("add `binary: mongod` and `artifacts: { mongod: { path: artifacts/mongod } }`");
            }
        }
    }
}

fn settings(topology: &Topology, notes: &mut Notes) {
    let settings = &topology.mongodb.settings;
    let times = [settings.election_timeout, settings.heartbeat_interval, settings.heartbeat_timeout];
    for time in times.iter().flatten().filter(|time| time.millis() == 0) {
        notes.error(time.span, "this must be longer than nothing").instead("write a duration such as `2s`");
    }
    for time in settings.heartbeat_timeout.iter().filter(|time| time.millis() % 1000 != 0) {
        whole_seconds(time, notes);
    }
    if let Some(timeout) = settings.election_timeout.filter(|time| time.millis() > 0 && time.value < SHORT_TIMEOUT) {
        notes
            .warning(timeout.span, "with so short a timeout a machine that is busy for a moment elects without need")
            .instead("write `1s` or more; `fast_handover` makes a crash short in any case");
    }
}
