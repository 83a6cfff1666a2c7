//! Members of a set that run and do not do their part: some are waited for, some need a restart.

use super::mongod::{self, State};
use super::order::Draft;
use super::replica_set::object;
use super::{Action, Cause, resync};
use crate::desired::{Mongod, ReplicaSet, SecretName};

/// Why a member is restarted that the others may not understand.
pub(super) const ANOTHER_KEYFILE: &str = "it may run with another keyfile";

/// A member that answers and does not do its part.
#[derive(Clone)]
pub(super) struct Sick<'s> {
    pub member: &'s Mongod,
    /// What the primary says of it.
    state: String,
    /// Whether neither the primary reaches it nor it the primary, while distctl reaches both: it was started with
    /// another keyfile, for instance. Only a restart mends that.
    lost: bool,
}

/// Members that answer, belong to the set, and are neither PRIMARY nor SECONDARY. One that does not answer is a finding
/// of its own: waiting for it would help nobody.
pub(super) fn sick_members<'s>(draft: &Draft<'_>, set: &'s ReplicaSet, primary: &protocol::Mongod) -> Vec<Sick<'s>> {
    let judge = |member: &'s Mongod| {
        let State::Up(seen) = mongod::state(draft, member) else { return None };
        if seen.writable || seen.secondary && seen.primary.is_some() {
            return None;
        }
        let known = primary.members.iter().find(|known| known.host == member.host)?;
        if matches!(known.state.as_str(), "PRIMARY" | "SECONDARY" | "ARBITER") {
            return None;
        }
        let lost = !known.healthy && seen.set_name.is_some() && seen.primary.is_none();
        Some(Sick { member, state: known.state.clone(), lost })
    };
    set.members.iter().filter_map(judge).collect()
}

/// Restarts what only a restart mends and waits for the rest; changes come when all are healthy.
pub(super) fn put_off(draft: &mut Draft<'_>, set: &ReplicaSet, through: &Mongod, sick: &[Sick<'_>], changes: bool) {
    if changes {
        draft.find(
            object(set),
            "changes of its configuration wait until all members are healthy",
            "run `distctl up` again when they are",
        );
    }
    // One that is too stale never catches up by itself: it is told, and not waited for.
    let sick = &resync::find_stale(draft, set, sick);
    if sick.is_empty() {
        return;
    }
    let mut after: Vec<usize> = draft.tail(&through.container).into_iter().collect();
    let lost: Vec<&Sick<'_>> = sick.iter().filter(|sick| sick.lost).collect();
    // More of them may have the wrong keyfile than the right one; then those that are lost are the others.
    let wrong = if lost.is_empty() { Vec::new() } else { with_another_keyfile(draft, set, &through.host) };
    for member in &wrong {
        after = vec![revive(draft, member, ANOTHER_KEYFILE, after)];
    }
    for Sick { member, state, .. } in lost.iter().filter(|_| wrong.is_empty()) {
        let before = draft.tail(&member.container);
        after.push(revive(draft, member, &format!("it runs, and its set finds it {state}"), before));
    }
    let states: Vec<_> = sick.iter().map(|sick| format!("{} is {}", sick.member.host, sick.state)).collect();
    let members = sick.iter().map(|sick| sick.member.host.clone()).collect();
    let action = Action::WaitReplicaSet { container: through.container.clone(), set: set.address(), members };
    draft.add(action, Cause::State(states.join(", ")), after);
    draft.plan.look_again = true;
}

/// Restarts a member that does no part in its set and waits until it answers.
pub(super) fn revive(
    draft: &mut Draft<'_>,
    member: &Mongod,
    why: &str,
    after: impl IntoIterator<Item = usize>,
) -> usize {
    let before: Vec<usize> = draft.tail(&member.container).into_iter().chain(after).collect();
    let restarted = mongod::restart(draft, member, Cause::State(why.to_owned()), before);
    draft.add(Action::WaitMongod(member.clone()), Cause::Follows, [restarted])
}

/// Members that answer and may run with another keyfile than the declared one.
pub(super) fn without_keyfile<'s>(draft: &Draft<'_>, set: &'s ReplicaSet) -> Vec<&'s Mongod> {
    let keyfile = SecretName::keyfile(&set.name).use_path();
    let may_lack =
        |member: &Mongod| draft.writes(&member.container, &keyfile) || has_read_another(draft, member, &keyfile);
    set.members.iter().filter(|member| answers(draft, member) && may_lack(member)).collect()
}

/// Members that must be restarted in a set that is split while it has a primary, that one the last of them.
fn with_another_keyfile<'s>(draft: &Draft<'_>, set: &'s ReplicaSet, primary: &str) -> Vec<&'s Mongod> {
    let keyfile = SecretName::keyfile(&set.name).use_path();
    let is_wrong = |member: &&Mongod| answers(draft, member) && has_read_another(draft, member, &keyfile);
    let mut members: Vec<&Mongod> = set.members.iter().filter(is_wrong).collect();
    members.sort_by_key(|member| member.host == primary);
    members
}

fn answers(draft: &Draft<'_>, member: &Mongod) -> bool {
    matches!(mongod::state(draft, member), State::Up(_))
}

/// Whether a mongod was started with another content of a file. Where what is there now is wrong, those have it that
/// were started since; where it is right, those may lack it that were started before.
fn has_read_another(draft: &Draft<'_>, member: &Mongod, path: &str) -> bool {
    let is_wrong_now = draft.writes(&member.container, path);
    let times = || {
        let guest = draft.guest(&member.container)?;
        let started = guest.units.get(&member.unit)?.started_ms?;
        // A clock that was put back makes files of the future; they tell nothing.
        let changed = guest.paths.get(path)?.changed_ms;
        (changed <= guest.clock_ms).then_some((changed, started))
    };
    times().map_or(is_wrong_now, |(changed, started)| (started >= changed) == is_wrong_now)
}
