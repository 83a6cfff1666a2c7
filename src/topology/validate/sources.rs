//! Whom electable members copy from: one that copies from a member that is never primary learns late that there is none.

use super::super::mongodb::{Member, ReplicaSet};
use super::super::{At, Notes, Topology};

/// Warns where the one member that can take over may copy from a member that can't. With two heirs or more the other
/// takes over, so that nothing is said of larger sets.
pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let mongodb = &topology.mongodb;
    if mongodb.settings.chaining_allowed.is_some_and(|allowed| !allowed.value) {
        return;
    }
    for (name, set) in mongodb.replica_sets.iter().filter(|(_, set)| set.complete) {
        if let Some(source) = source(set) {
            let place = format!("{}:{}", source.container.value, source.port.value);
            let at = source.priority.map_or(source.span, |priority| priority.span);
            notes
                .warning(
                    at,
                    format!(
                        "`{name}` has one member that can take over, and it may copy from {place}, which is never \
                         primary: a failover then takes seconds longer"
                    ),
                )
                .instead(
                    "write `chaining_allowed: false` under `mongodb.settings`, or give this member a priority above 0",
                );
        }
    }
}

/// The member that a lone heir may copy from. MongoDB takes hidden ones, and those without a vote or with a longer
/// delay, only where it has no other (the manual, "Replica Set Data Synchronization").
fn source(set: &ReplicaSet) -> Option<&At<Member>> {
    let electable = set.members.iter().filter(|member| member.priority() > 0.0).count();
    let passive = |member: &&At<Member>| {
        member.priority() == 0.0 && member.votes() > 0 && !member.hidden() && member.delay.is_none()
    };
    set.members.iter().find(passive).filter(|_| electable == 2)
}
