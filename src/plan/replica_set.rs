//! One replica set: initiation, users, configuration, and restarts that roll through it.
//!
//! First comes what is down, then another look, then changes: a set is only ever changed when all of it is healthy.

use protocol::SetConfig;

use super::mongod::{self, State};
use super::order::Draft;
use super::reconfigure::{self, Move};
use super::recovery::{ANOTHER_KEYFILE, put_off, revive, sick_members, without_keyfile};
use super::{Action, Cause};
use crate::desired::{Mongod, ReplicaSet};

/// Plans all of one set. Its containers are planned before.
pub(super) fn plan(draft: &mut Draft<'_>, set: &ReplicaSet) {
    let states: Vec<State<'_>> = set.members.iter().map(|member| mongod::state(draft, member)).collect();
    let initiated: Vec<(&Mongod, &protocol::Mongod)> =
        up(set, &states).filter(|(_, seen)| seen.set_name.is_some()).collect();
    let starting = states.iter().any(|state| matches!(state, State::Starting | State::Later));
    let mut unseen: Vec<&str> = states
        .iter()
        .filter_map(|state| match state {
            State::Unseen(why) => Some(why.as_str()),
            _ => None,
        })
        .collect();
    unseen.dedup();

    if initiated.is_empty() && unseen.is_empty() && !starting {
        return initiate(draft, set, &states);
    }
    if !unseen.is_empty() {
        draft.find(object(set), unseen.join("; "), "mend that first; changes of the set wait for it");
    }
    if initiated.is_empty() || starting || states.iter().any(|state| matches!(state, State::New)) {
        return bring_back(draft, set, &states, initiated.first().map(|(member, _)| *member));
    }
    if !unseen.is_empty() && initiated.len() * 2 <= set.members.len() {
        draft.find(object(set), "has no majority and takes no writes", "start the missing members");
        return;
    }
    compare(draft, set, &initiated, unseen.is_empty());
}

pub(super) fn object(set: &ReplicaSet) -> String {
    format!("replica set {}", set.name)
}

fn up<'s, 'a>(
    set: &'s ReplicaSet,
    states: &'s [State<'a>],
) -> impl Iterator<Item = (&'s Mongod, &'a protocol::Mongod)> {
    set.members.iter().zip(states).filter_map(|(member, state)| match state {
        State::Up(seen) => Some((member, *seen)),
        _ => None,
    })
}

fn initiate(draft: &mut Draft<'_>, set: &ReplicaSet, states: &[State<'_>]) {
    let mut ready = Vec::new();
    for (member, state) in set.members.iter().zip(states) {
        match state {
            State::Up(_) => ready.extend(draft.tail(&member.container)),
            _ => ready.push(mongod::wait(draft, member)),
        }
    }
    let favourite = set
        .members
        .iter()
        .zip(&set.config.members)
        .max_by(|(_, a), (_, b)| a.priority.total_cmp(&b.priority).then(b.id.cmp(&a.id)));
    let Some((first, _)) = favourite else { return };
    let action = Action::InitiateReplicaSet { first: first.clone(), config: set.config.clone() };
    let initiated = draft.add(action, Cause::Missing, ready);
    let users = ensure_users(draft, set, first, Cause::Missing, initiated);
    wait_healthy(draft, set, first, Cause::Follows, users);
}

fn ensure_users(draft: &mut Draft<'_>, set: &ReplicaSet, through: &Mongod, cause: Cause, after: usize) -> usize {
    let Some(access) = set.access.clone() else { return after };
    let (owner, through) = (set.name.clone(), through.clone());
    draft.add(Action::EnsureUsers { owner, through, set: Some(set.address()), access }, cause, [after])
}

fn wait_healthy(draft: &mut Draft<'_>, set: &ReplicaSet, through: &Mongod, cause: Cause, after: usize) -> usize {
    let action =
        Action::WaitReplicaSet { container: through.container.clone(), set: set.address(), members: set.hosts() };
    let step = draft.add(action, cause, [after]);
    draft.wait_for(&set.name, step);
    step
}

/// Waits for members that this plan starts; everything else shows at the next look.
fn bring_back(draft: &mut Draft<'_>, set: &ReplicaSet, states: &[State<'_>], known: Option<&Mongod>) {
    let mut waits = Vec::new();
    for (member, state) in set.members.iter().zip(states) {
        if matches!(state, State::New | State::Starting) {
            waits.push(mongod::wait(draft, member));
        }
    }
    // Members that the set knows already come back by themselves; one that it does not know is added at the next look.
    let config = known.and_then(|member| configuration(draft, member));
    let later = states.iter().any(|state| matches!(state, State::Later));
    // One that may not understand the others is restarted at the next look: it would be waited for in vain.
    let knows_all = !later
        && without_keyfile(draft, set).is_empty()
        && config.is_some_and(|config| {
            set.members.iter().all(|member| config.members.iter().any(|known| known.host == member.host))
        });
    if let (Some(through), true) = (known, knows_all) {
        let action =
            Action::WaitReplicaSet { container: through.container.clone(), set: set.address(), members: set.hosts() };
        draft.add(action, Cause::Follows, waits);
    }
    draft.plan.look_again = true;
}

fn configuration<'a>(draft: &Draft<'a>, member: &Mongod) -> Option<&'a SetConfig> {
    draft.guest(&member.container)?.mongods.get(&member.port)?.as_ref().ok()?.config.as_ref()
}

fn compare(draft: &mut Draft<'_>, set: &ReplicaSet, initiated: &[(&Mongod, &protocol::Mongod)], whole: bool) {
    let Some((through, primary)) = initiated.iter().find(|(_, seen)| seen.writable).copied() else {
        return await_primary(draft, set, initiated);
    };
    if let Some(access) = &set.access
        && let Some(cause) = mongod::users_cause(draft, &set.name, access, primary)
    {
        let after: Vec<usize> = draft.tail(&through.container).into_iter().collect();
        let (owner, member) = (set.name.clone(), through.clone());
        draft.add(
            Action::EnsureUsers { owner, through: member, set: Some(set.address()), access: access.clone() },
            cause,
            after,
        );
        draft.plan.look_again = true;
        return;
    }
    let Some(current) = &primary.config else { return };
    let sick = sick_members(draft, set, primary);
    let moves = reconfigure::moves(current, &set.config);
    let outdated = outdated_members(draft, set);
    if !whole || !sick.is_empty() {
        return put_off(draft, set, through, &sick, !moves.is_empty() || !outdated.is_empty());
    }
    let last = apply_moves(draft, set, through, primary, moves);
    roll(draft, set, through, &outdated, last, &Cause::State("runs with an older configuration".into()));
}

fn await_primary(draft: &mut Draft<'_>, set: &ReplicaSet, initiated: &[(&Mongod, &protocol::Mongod)]) {
    let Some((through, seen)) = initiated.first().copied() else {
        return;
    };
    if let Some(access) = &set.access
        && matches!(seen.access, protocol::Access::Refused(_))
    {
        mongod::users_cause(draft, &set.name, access, seen);
        return;
    }
    let mut after: Vec<usize> = draft.tail(&through.container).into_iter().collect();
    for member in without_keyfile(draft, set) {
        after.push(revive(draft, member, ANOTHER_KEYFILE, None));
    }
    let members = set.hosts();
    let action = Action::WaitReplicaSet { container: through.container.clone(), set: set.address(), members };
    draft.add(action, Cause::State("has no primary".into()), after);
    draft.plan.look_again = true;
}

fn outdated_members<'s>(draft: &Draft<'_>, set: &'s ReplicaSet) -> Vec<&'s Mongod> {
    set.members
        .iter()
        .filter(|member| draft.outdated.contains(&(member.container.clone(), member.unit.clone())))
        .collect()
}

/// Plans the moves one behind the other and gives the last step.
fn apply_moves(
    draft: &mut Draft<'_>,
    set: &ReplicaSet,
    through: &Mongod,
    primary: &protocol::Mongod,
    moves: Vec<Move>,
) -> Option<usize> {
    let mut last: Option<usize> = None;
    let primary_host = primary.primary.as_deref().unwrap_or(&through.host).to_string();
    for step in moves {
        let container = through.container.clone();
        let before: Vec<usize> = last.into_iter().chain(draft.tail(&container)).collect();
        let action = match step {
            Move::Reconfigure { config, what, changes } => {
                let action = Action::ReconfigureReplicaSet { container, set: set.address(), config, what };
                last = Some(draft.add(action, Cause::Changed(changes), before));
                continue;
            }
            Move::StepDown(host) if host != primary_host => continue,
            Move::StepDown(host) => Action::StepDown { container, set: set.address(), host },
            Move::Await(host) => Action::WaitReplicaSet { container, set: set.address(), members: vec![host] },
        };
        last = Some(draft.add(action, Cause::Follows, before));
    }
    if let Some(step) = last {
        draft.wait_for(&set.name, step);
    }
    last
}

/// Restarts members one by one: those that are not primary first, the primary after it has handed over.
pub(super) fn roll(
    draft: &mut Draft<'_>,
    set: &ReplicaSet,
    through: &Mongod,
    members: &[&Mongod],
    last: Option<usize>,
    cause: &Cause,
) {
    let mut order: Vec<&Mongod> = members.to_vec();
    order.sort_by_key(|member| member.host == through.host);
    let mut last: Vec<usize> = last.into_iter().collect();
    for member in order {
        last.extend(draft.tail(&member.container));
        let container = member.container.clone();
        if member.host == through.host && set.members.len() > 1 {
            let (container, host) = (container.clone(), member.host.clone());
            let action = Action::StepDown { container, set: set.address(), host };
            last = vec![draft.add(action, cause.clone(), last)];
        }
        last = vec![mongod::restart(draft, member, cause.clone(), last)];
        // Names a mongod that dies, with its log, long before the set would be given up.
        last = vec![draft.add(Action::WaitMongod(member.clone()), Cause::Follows, last)];
        let action = Action::WaitReplicaSet { container, set: set.address(), members: set.hosts() };
        let healthy = draft.add(action, Cause::Follows, last);
        draft.wait_for(&set.name, healthy);
        last = vec![healthy];
    }
    let back = members.iter().any(|member| member.host == through.host)
        && set.favourite().is_some_and(|member| member.host == through.host);
    if back && set.members.len() > 1 {
        let (container, host) = (through.container.clone(), through.host.clone());
        draft.add(Action::HandBack { container, set: set.address(), host }, Cause::Follows, last);
    }
}
