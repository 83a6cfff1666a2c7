//! A replica set that begins: empty, or with the data of the one member that has some.

use protocol::{Access, SetConfig, SetMember};

use super::homes::{self, Home};
use super::mongod::{self, State};
use super::order::Draft;
use super::replica_set::{ensure_users, object, wait_healthy};
use super::{Action, Cause};
use crate::desired::{Holds, Mongod, ReplicaSet};

/// Plans a set of which no member that was seen belongs to a set.
pub(super) fn plan(draft: &mut Draft<'_>, set: &ReplicaSet, states: &[State<'_>]) {
    if is_withheld(draft, set, states) {
        return;
    }
    // What was a single mongod has the data, also where a mongod that waits for its set does not tell what it has.
    let homes = homes::of(draft, &set.name);
    let was_single = |member: &Mongod| {
        let is_its = |home: &&Home<'_>| home.container == member.container && home.lodging.path() == member.data;
        let home = homes.iter().find(is_its);
        home.is_some_and(|home| home.lodging.holds == Holds::Standalone && home.may_have_data())
    };
    let with_data: Vec<&Mongod> = set
        .members
        .iter()
        .zip(states)
        .filter(|(member, state)| was_single(member) || matches!(state, State::Up(seen) if has_data(seen)))
        .map(|(member, _)| member)
        .collect();
    match with_data[..] {
        [] => begin_empty(draft, set, states),
        [member] => begin_with(draft, set, member),
        [one, other, ..] => draft.refuse(
            object(set),
            format!("can't begin with the data of two: {} and {} have databases of their own", one.host, other.host),
            "declare one of the two elsewhere, or move its data: `distctl export --kind data`, then `distctl import`",
        ),
    }
}

/// Whether a mongod that is in no set has been used as a database.
fn has_data(seen: &protocol::Mongod) -> bool {
    let has_users = seen.users.as_ref().is_some_and(|users| !users.is_empty());
    has_users || !seen.databases.is_empty() || matches!(seen.access, Access::Refused(_))
}

/// Does not begin empty where a folder has data of the set that no mongod answers for: waits for it, or refuses.
fn is_withheld(draft: &mut Draft<'_>, set: &ReplicaSet, states: &[State<'_>]) -> bool {
    let answers = |home: &Home<'_>| {
        let mut members = set.members.iter().zip(states);
        members.any(|(member, state)| {
            member.container == home.container
                && member.data == home.lodging.path()
                && matches!(state, State::Up(_) | State::New)
        })
    };
    let homes = homes::of(draft, &set.name);
    let Some(home) = homes.iter().find(|home| home.may_have_data() && home.mongod.is_none() && !answers(home)) else {
        return false;
    };
    if let Some(process) = home.process().filter(|_| home.lodging.is_live() && home.has_unit == Some(true)) {
        // It is on its way up, or its log says why not.
        let after = draft.tail(home.container);
        let cause = Cause::State(format!("{} has data of {}", home.place(), set.name));
        draft.add(Action::WaitMongod(process), cause, after);
        draft.plan.look_again = true;
        return true;
    }
    let (place, container) = (home.place(), home.container.to_owned());
    let hint = match home.used {
        None => format!("start it, so that distctl can look into it: `incus start {container}`; or declare it again"),
        Some(_) if home.lodging.is_live() => {
            format!(
                "declare its member in {container} again, or start its mongod there; `distctl status` shows the rest"
            )
        }
        Some(_) => format!(
            "bring the set back from a snapshot or a bundle (`distctl snapshot list`, `distctl import`); where this data is \
             not wanted any more, move the folder away in {container}"
        ),
    };
    draft.refuse(object(set), format!("would begin empty, and there is data of it in {place}"), hint);
    true
}

fn begin_empty(draft: &mut Draft<'_>, set: &ReplicaSet, states: &[State<'_>]) {
    let mut ready = Vec::new();
    for (member, state) in set.members.iter().zip(states) {
        match state {
            State::Up(_) => ready.extend(mongod::renew(draft, member)),
            _ => ready.push(mongod::wait(draft, member)),
        }
    }
    let preferred = set
        .members
        .iter()
        .zip(&set.config.members)
        .max_by(|(_, a), (_, b)| a.priority.total_cmp(&b.priority).then(b.id.cmp(&a.id)));
    let Some((first, _)) = preferred else { return };
    let action = Action::InitiateReplicaSet { first: first.clone(), config: set.config.clone(), admin: None };
    let initiated = draft.add(action, Cause::Missing, ready);
    let users = ensure_users(draft, set, first, Cause::Missing, initiated);
    wait_healthy(draft, set, first, Cause::Follows, users);
}

/// The member that has data is the whole set at first. The others are added at the next look, and copy from it.
fn begin_with(draft: &mut Draft<'_>, set: &ReplicaSet, first: &Mongod) {
    let Some(member) = set.config.members.iter().find(|member| member.host == first.host) else { return };
    // It leads, whatever it is to be later.
    let (priority, votes) = (member.priority.max(1.0), 1);
    let alone = SetMember { priority, votes, hidden: false, secondary_delay_secs: 0, ..member.clone() };
    let config = SetConfig { members: vec![alone], ..set.config.clone() };
    let admin = set.access.as_ref().map(|access| access.admin.clone());
    let ready = mongod::renew(draft, first);
    let action = Action::InitiateReplicaSet { first: first.clone(), config, admin };
    let step = draft.add(action, Cause::State(format!("{} has data and is in no set yet", first.host)), ready);
    draft.wait_for(&set.name, step);
    draft.plan.look_again = true;
}
