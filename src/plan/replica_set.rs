//! One replica set: initiation, users, configuration, and restarts that roll through it.
//!
//! First comes what is down, then another look, then changes: a set is only ever changed when all of it is healthy.

use protocol::{Access, SetAddress, SetConfig};

use super::auth;
use super::mongod::{self, State};
use super::order::Draft;
use super::reconfigure::{self, Move};
use super::recovery::{ANOTHER_KEYFILE, put_off, revive, sick_members, without_keyfile};
use super::{Action, Cause, birth, homes, users};
use crate::desired::{Mongod, ReplicaSet};

/// Plans all of one set. Its containers are planned before.
pub(super) fn plan(draft: &mut Draft<'_>, set: &ReplicaSet) {
    if auth::plan_transition(draft, set) {
        return;
    }
    let states: Vec<State<'_>> = set.members.iter().map(|member| mongod::state(draft, member)).collect();
    let residents = homes::residents(draft, &set.name);
    let mut initiated: Vec<(&Mongod, &protocol::Mongod)> =
        up(set, &states).filter(|(_, seen)| seen.set_name.is_some()).collect();
    initiated.extend(residents.iter().map(|(member, seen)| (member, *seen)));
    let starting = states.iter().any(|state| matches!(state, State::Starting | State::Later));
    let mut unseen: Vec<&str> = states
        .iter()
        .filter_map(|state| match state {
            State::Unseen(why) => Some(why.as_str()),
            _ => None,
        })
        .collect();
    unseen.dedup();

    if initiated.iter().filter(|(_, seen)| seen.writable).count() > 1 {
        // One of them has not heard yet that another was elected.
        return await_primary(draft, set, &initiated, "has two primaries at this moment");
    }
    if initiated.is_empty() && unseen.is_empty() && !starting {
        return birth::plan(draft, set, &states);
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

/// How to speak to a set: to those that are declared, and to those that it has.
fn address(set: &ReplicaSet, current: Option<&SetConfig>) -> SetAddress {
    let mut address = set.address();
    let known = current.into_iter().flat_map(|config| &config.members).map(|member| &member.host);
    let others: Vec<String> = known.filter(|host| !address.hosts.contains(host)).cloned().collect();
    address.hosts.extend(others);
    address
}

/// The container whose agent changes a set: that of a member, but not of one that is not declared any more.
fn changes_from<'s>(draft: &Draft<'_>, set: &'s ReplicaSet, through: &'s Mongod) -> &'s str {
    let is_declared = |member: &&Mongod| member.host == through.host;
    let seen = |member: &&Mongod| draft.guest(&member.container).is_some();
    let members = || set.members.iter();
    let at = members().find(is_declared).or_else(|| members().find(seen));
    at.map_or(&through.container, |member| &member.container)
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

pub(super) fn ensure_users(
    draft: &mut Draft<'_>,
    set: &ReplicaSet,
    through: &Mongod,
    cause: Cause,
    after: usize,
) -> usize {
    let Some(access) = set.access.clone() else { return after };
    let (owner, through) = (set.name.clone(), through.clone());
    draft.add(Action::EnsureUsers { owner, through, set: Some(set.address()), access }, cause, [after])
}

pub(super) fn wait_healthy(
    draft: &mut Draft<'_>,
    set: &ReplicaSet,
    through: &Mongod,
    cause: Cause,
    after: usize,
) -> usize {
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
        let (container, address) = (changes_from(draft, set, through).to_owned(), address(set, config));
        let action = Action::WaitReplicaSet { container, set: address, members: set.hosts() };
        draft.add(action, Cause::Follows, waits);
    }
    draft.plan.look_again = true;
}

fn configuration<'a>(draft: &Draft<'a>, member: &Mongod) -> Option<&'a SetConfig> {
    draft.guest(&member.container)?.mongods.get(&member.port)?.as_ref().ok()?.config.as_ref()
}

fn compare(draft: &mut Draft<'_>, set: &ReplicaSet, initiated: &[(&Mongod, &protocol::Mongod)], whole: bool) {
    let Some((through, primary)) = initiated.iter().find(|(_, seen)| seen.writable).copied() else {
        return await_primary(draft, set, initiated, "has no primary");
    };
    if let Some(access) = &set.access
        && let Some(cause) = users::cause(draft, &set.name, access, primary)
    {
        let after: Vec<usize> = draft.tail(&through.container).into_iter().collect();
        let (owner, member) = (set.name.clone(), through.clone());
        let address = address(set, primary.config.as_ref());
        draft.add(
            Action::EnsureUsers { owner, through: member, set: Some(address), access: access.clone() },
            cause,
            after,
        );
        draft.plan.look_again = true;
        return;
    }
    let Some(current) = &primary.config else { return unreadable(draft, set, primary) };
    let sick = sick_members(draft, set, primary);
    let leads = primary.primary.as_deref().unwrap_or(&through.host);
    let moves = reconfigure::moves(current, &set.config, leads);
    let outdated = outdated_members(draft, set);
    if !whole || !sick.is_empty() {
        return put_off(draft, set, through, &sick, !moves.is_empty() || !outdated.is_empty());
    }
    let hands_over = moves.iter().any(|one| matches!(one, Move::StepDown(_)));
    let last = apply_moves(draft, set, through, current, moves);
    if hands_over {
        // Who leads then shows at the next look.
        draft.plan.look_again = true;
        return;
    }
    roll(draft, set, through, &outdated, last, &Cause::State("runs with an older configuration".into()));
}

/// A set whose configuration nobody could read is never as declared.
fn unreadable(draft: &mut Draft<'_>, set: &ReplicaSet, primary: &protocol::Mongod) {
    // A refused user is a finding already.
    if set.access.is_some() && matches!(primary.access, Access::Refused(_)) {
        return;
    }
    let why = match &primary.access {
        Access::Refused(why) => why.as_str(),
        Access::NoUsers => "it has no users yet",
        Access::Granted => "its primary does not tell it",
    };
    draft.find(
        object(set),
        format!("has a configuration that can't be read: {why}"),
        "look at its members: `distctl status`, `distctl logs`",
    );
}

fn await_primary(draft: &mut Draft<'_>, set: &ReplicaSet, initiated: &[(&Mongod, &protocol::Mongod)], why: &str) {
    let Some((through, seen)) = initiated.first().copied() else {
        return;
    };
    if let Some(access) = &set.access
        && matches!(seen.access, Access::Refused(_))
    {
        users::cause(draft, &set.name, access, seen);
        return;
    }
    let mut after: Vec<usize> = draft.tail(&through.container).into_iter().collect();
    for member in without_keyfile(draft, set) {
        after.push(revive(draft, member, ANOTHER_KEYFILE, None));
    }
    // One that the set does not know yet would be waited for in vain.
    let config = initiated.iter().find_map(|(_, seen)| seen.config.as_ref());
    let is_known = |host: &String| config.is_none_or(|config| config.members.iter().any(|member| member.host == *host));
    let members = set.hosts().into_iter().filter(is_known).collect();
    let container = changes_from(draft, set, through).to_owned();
    let action = Action::WaitReplicaSet { container, set: address(set, config), members };
    draft.add(action, Cause::State(why.into()), after);
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
    current: &SetConfig,
    moves: Vec<Move>,
) -> Option<usize> {
    let mut last: Option<usize> = None;
    let at = changes_from(draft, set, through).to_owned();
    let address = address(set, Some(current));
    for step in moves {
        let (container, set) = (at.clone(), address.clone());
        let before: Vec<usize> = last.into_iter().chain(draft.tail(&container)).collect();
        let action = match step {
            Move::Reconfigure { config, what, changes, leaves } => {
                let action = Action::ReconfigureReplicaSet { container, set, config, what };
                let step = draft.add(action, Cause::Changed(changes), before);
                draft.leaving.extend(leaves.map(|host| (host, step)));
                last = Some(step);
                continue;
            }
            Move::StepDown(host) => Action::StepDown { container, set, host },
            Move::Await(host) => Action::WaitReplicaSet { container, set, members: vec![host] },
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
