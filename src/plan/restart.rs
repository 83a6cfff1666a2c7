//! Restarting on request: sets and services one by one, standalones at once, containers whole.

use super::order::Draft;
use super::{Action, Cause, Plan, auth, identity, mongod, replica_set, service};
use crate::desired::{Container, Desired, Mongod, ReplicaSet};
use crate::observed::Observed;

/// Plans the restart of replica sets, standalones, services and containers by name; of all but the containers without
/// names.
pub fn restart(desired: &Desired, observed: &Observed, names: &[String]) -> Plan {
    let mut draft = Draft::new(desired, observed);
    let all = names.is_empty();
    for set in desired.replica_sets.values().filter(|set| all || names.contains(&set.name)) {
        restart_set(&mut draft, set);
    }
    for standalone in desired.standalones.values().filter(|standalone| all || names.contains(&standalone.name)) {
        let restarted = mongod::restart(&mut draft, &standalone.mongod, Cause::Asked, Vec::new());
        draft.add(Action::WaitMongod(standalone.mongod.clone()), Cause::Follows, [restarted]);
    }
    // A container of the same name is restarted with all that is in it.
    let alone = |name: &String| names.contains(name) && !desired.containers.contains_key(name);
    for service in desired.services.values().filter(|service| all || alone(&service.name)) {
        service::roll(&mut draft, service);
    }
    for container in desired.containers.values().filter(|container| names.contains(&container.name)) {
        restart_container(&mut draft, container);
    }
    draft.plan
}

fn restart_set(draft: &mut Draft<'_>, set: &ReplicaSet) {
    let object = format!("replica set {}", set.name);
    if auth::in_between(draft, set) {
        let message = "runs with another `auth:` than is declared: a member that restarts might not be understood";
        return draft.refuse(object, message, "run `distctl up`: it changes the members one by one");
    }
    let seen = |member: &Mongod| -> Option<&protocol::Mongod> {
        draft.guest(&member.container)?.mongods.get(&member.port)?.as_ref().ok()
    };
    let sick: Vec<&str> = set
        .members
        .iter()
        .filter(|member| !seen(member).is_some_and(|mongod| mongod.writable || mongod.secondary))
        .map(|member| member.host.as_str())
        .collect();
    let primary = set.members.iter().find(|member| seen(member).is_some_and(|mongod| mongod.writable));
    match primary {
        Some(primary) if sick.is_empty() => {
            let members: Vec<&Mongod> = set.members.iter().collect();
            replica_set::roll(draft, set, primary, &members, None, &Cause::Asked);
        }
        _ => {
            let what = if sick.is_empty() { "it has no primary".into() } else { format!("{} is not", sick.join(", ")) };
            draft.refuse(
                object,
                format!("is restarted only when all of it is healthy; {what}"),
                "run `distctl up` to mend it first",
            );
        }
    }
}

fn restart_container(draft: &mut Draft<'_>, wanted: &Container) {
    let container = wanted.name.clone();
    if draft.guest(&container).is_none() {
        return draft.refuse(
            format!("container {container}"),
            "does not run, or can't be looked into",
            "run `distctl up` to bring it back",
        );
    }
    identity::free_address(draft, wanted, &wanted.name);
    draft.chain(Action::RestartContainer { container: container.clone() }, Cause::Asked);
    let address = format!("{}/{}", wanted.ipv4, draft.desired.network.ipv4.prefix_len());
    draft.chain(Action::WaitContainer { container: container.clone(), address }, Cause::Follows);
    let desired = draft.desired;
    let up: Vec<usize> = draft.tail(&container).into_iter().collect();
    for release in wanted.releases.values() {
        service::wait(draft, &container, release, up.clone());
    }
    for standalone in desired.standalones.values().filter(|standalone| standalone.mongod.container == container) {
        mongod::wait(draft, &standalone.mongod);
    }
    for set in desired.replica_sets.values() {
        let waits: Vec<usize> = set
            .members
            .iter()
            .filter(|member| member.container == container)
            .map(|member| mongod::wait(draft, member))
            .collect();
        if !waits.is_empty() {
            let members = set.members.iter().map(|member| member.host.clone()).collect();
            let (container, set) = (container.clone(), set.address());
            draft.add(Action::WaitReplicaSet { container, set, members }, Cause::Follows, waits);
        }
    }
}
