//! Tests of the running system: faults that exist, a write concern that members can meet, times that can be kept.

use protocol::FaultKind;

use super::super::read::{listed, nearest};
use super::super::{At, Failover, Notes, Time, Topology, Workload};

/// A fault that is held no longer than this is over before anybody has noticed it, in milliseconds.
const LEAST_HOLD: u64 = 100;

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let Some(failover) = &topology.checks.failover else { return };
    faults(failover, notes);
    if let Some(concern) = &failover.write_concern {
        write_concern(concern, topology, notes);
    }
    if let Some(hold) = failover.hold.filter(|hold| hold.whole_millis() < LEAST_HOLD) {
        notes.error(hold.span, format!("a fault that is held for {} is over before anybody notices it", hold.value));
    }
    for limit in [failover.max_write_gap, failover.max_read_gap, failover.max_election].into_iter().flatten() {
        never_zero(limit, notes);
    }
    let drives_app = failover.workload.filter(|workload| workload.value == Workload::App);
    if let Some(workload) = drives_app.filter(|_| topology.services.is_empty()) {
        notes
            .error(workload.span, "the workload `app` needs a service")
            .instead("write `inserts`, `register` or `mixed`");
    }
    if topology.mongodb.replica_sets.is_empty() {
        notes.warning(failover.span, "there is no replica set, so there is nothing to fail over");
    }
}

fn faults(failover: &Failover, notes: &mut Notes) {
    let known = || FaultKind::ALL.iter().map(|kind| kind.name());
    for (at, fault) in failover.faults.iter().enumerate() {
        if !known().any(|name| name == fault.value) {
            let finding = notes.error(fault.span, format!("there is no fault `{}`", fault.value));
            match nearest(fault, known()) {
                Some(name) => finding.instead(format!("did you mean `{name}`?")),
                None => finding.instead(format!("there are {}", listed(known()))),
            };
        }
        if let Some(other) = failover.faults[..at].iter().find(|other| other.value == fault.value) {
            notes.error(fault.span, format!("`{}` stands here twice", fault.value)).also(other.span, "the first time");
        }
    }
}

/// A set with fewer members than a write waits for never acknowledges one.
fn write_concern(concern: &At<String>, topology: &Topology, notes: &mut Notes) {
    if concern.value == "majority" {
        return;
    }
    let Some(members) = concern.parse::<usize>().ok().filter(|members| *members > 0) else {
        notes
            .error(concern.span, format!("`{}` is not a write concern", concern.value))
            .instead("write `majority`, or a number of members");
        return;
    };
    let sets = topology.mongodb.replica_sets.iter().filter(|(_, set)| set.complete && set.members.len() < members);
    for (name, set) in sets {
        let has = set.members.len();
        notes.error(concern.span, format!("`{name}` has {has} members: no write to it can wait for {members}"));
    }
}

fn never_zero(limit: At<Time>, notes: &mut Notes) {
    if limit.whole_millis() == 0 {
        notes.error(limit.span, "no time at all can't be kept").instead("leave the key out where it doesn't matter");
    }
}
