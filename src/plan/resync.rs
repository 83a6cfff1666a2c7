//! A member that is filled anew by its set, on request.

use super::order::Draft;
use super::recovery::Sick;
use super::{Action, Cause, Plan};
use crate::desired::{Desired, Mongod, ReplicaSet};
use crate::observed::Observed;

/// Plans that a member of a set is emptied and filled anew by the others. Refuses where they do not hold all data.
pub fn resync(desired: &Desired, observed: &Observed, set: &ReplicaSet, member: &Mongod) -> Plan {
    let mut draft = Draft::new(desired, observed);
    if let Err((why, hint)) = can_do_without(&draft, set, member) {
        draft.refuse(format!("{} of replica set {}", member.host, set.name), why, hint);
        return draft.plan;
    }
    let container = || member.container.clone();
    let directories = desired.containers.get(&member.container).map(|wanted| wanted.directories.as_slice());
    let Some(data) = directories.unwrap_or_default().iter().find(|one| one.path == member.data).cloned() else {
        return draft.plan;
    };
    let emptied = Action::EmptyMember { member: member.clone(), set: set.address(), data };
    let emptied = draft.add(emptied, Cause::Asked, None);
    let start = Action::ChangeUnits {
        container: container(),
        reload: false,
        start: vec![member.unit.clone()],
        restart: Vec::new(),
        stop: Vec::new(),
        logs: [(member.unit.clone(), member.log.clone())].into(),
    };
    let started = draft.add(start, Cause::Follows, [emptied]);
    let answers = draft.add(Action::WaitMongod(member.clone()), Cause::Follows, [started]);
    let (set, members) = (set.address(), vec![member.host.clone()]);
    draft.add(Action::WaitReplicaSet { container: container(), set, members }, Cause::Follows, [answers]);
    draft.plan
}

/// Finds members that can't catch up any more, and gives the others.
pub(super) fn find_stale<'s>(draft: &mut Draft<'_>, set: &ReplicaSet, sick: &[Sick<'s>]) -> Vec<Sick<'s>> {
    let is_stale = |member: &Mongod| {
        let seen = draft.guest(&member.container).and_then(|guest| guest.mongods.get(&member.port)?.as_ref().ok());
        seen.is_some_and(|seen| seen.too_stale)
    };
    let (stale, others): (Vec<_>, Vec<_>) = sick.iter().cloned().partition(|sick| is_stale(sick.member));
    for Sick { member, .. } in stale {
        draft.find(
            format!("{} of replica set {}", member.host, set.name),
            "is too stale to catch up: its set has forgotten what comes next for it",
            format!("fill it anew from the other members: `distctl resync {}:{}`", member.container, member.port),
        );
    }
    others
}

type Refusal = (String, &'static str);

fn can_do_without(draft: &Draft<'_>, set: &ReplicaSet, member: &Mongod) -> Result<(), Refusal> {
    if draft.guest(&member.container).is_none() {
        let why = format!("container {} does not run, or can't be looked into", member.container);
        return Err((why, "run `distctl up` to bring it back"));
    }
    let seen = |one: &Mongod| draft.guest(&one.container)?.mongods.get(&one.port)?.as_ref().ok();
    let leads = |one: &&Mongod| seen(one).is_some_and(|seen| seen.writable);
    let Some(primary) = set.members.iter().find(leads) else {
        return Err(("its set has no primary to fill it anew".into(), "run `distctl up` to mend the set first"));
    };
    if primary.host == member.host {
        return Err(("is the primary: it has the newest data".into(), "name a member that is not primary"));
    }
    let Some((seen, config)) = seen(primary).and_then(|seen| Some((seen, seen.config.as_ref()?))) else {
        return Err(("the configuration of its set can't be read".into(), "see `distctl plan`"));
    };
    if !config.members.iter().any(|one| one.host == member.host) {
        return Err(("its set does not know it".into(), "run `distctl up` to add it to the set"));
    }
    let hint = "mend the other members first: only they can fill it anew";
    config.holds_without(&member.host, &seen.members).map_err(|why| (format!("is not emptied: {why}"), hint))
}
