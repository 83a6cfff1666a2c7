//! mongods one by one: what is known of each, and the standalones.

use protocol::MongodAbsence;

use super::auth;
use super::order::Draft;
use super::{Action, Cause, users};
use crate::desired::{Mongod, Standalone};

/// How much is known of a mongod while the plan is made.
pub(super) enum State<'a> {
    /// It has never run; this plan starts it.
    New,
    /// It has run before and is on its way up.
    Starting,
    /// It comes into sight only when its container has been started.
    Later,
    /// It answered.
    Up(&'a protocol::Mongod),
    /// It can't be seen; the reason.
    Unseen(String),
}

/// What is known of a mongod. Containers are planned before, so what this plan starts is known.
pub(super) fn state<'a>(draft: &Draft<'a>, mongod: &Mongod) -> State<'a> {
    if draft.held.contains(&(mongod.container.clone(), mongod.unit.clone())) {
        return State::Later;
    }
    if draft.is_absent(&mongod.container) {
        return State::New;
    }
    let Some(guest) = draft.guest(&mongod.container) else {
        return match draft.tail(&mongod.container) {
            Some(_) => State::Later,
            None => State::Unseen(format!("container {} can't be looked into", mongod.container)),
        };
    };
    // What answers on the port is another's, and stopped by this plan.
    let is_other = draft.stopped.contains(&(mongod.container.clone(), mongod.unit.clone()));
    match guest.mongods.get(&mongod.port).filter(|_| !is_other) {
        Some(Ok(seen)) => State::Up(seen),
        _ if draft.started.contains(&(mongod.container.clone(), mongod.unit.clone())) => {
            if guest.paths.contains_key(&mongod.data) { State::Starting } else { State::New }
        }
        Some(Err(MongodAbsence::NotListening)) => State::Starting,
        Some(Err(MongodAbsence::NotAnswering(why))) => State::Unseen(format!("{} does not answer: {why}", mongod.host)),
        None => State::Unseen(format!("{} was not asked", mongod.host)),
    }
}

/// Waits for a mongod behind its container's steps.
pub(super) fn wait(draft: &mut Draft<'_>, mongod: &Mongod) -> usize {
    let mut after: Vec<usize> = draft.tail(&mongod.container).into_iter().collect();
    // One that does not answer yet and read what is no longer there would not be known as outdated at the next look.
    if draft.outdated.contains(&(mongod.container.clone(), mongod.unit.clone())) {
        after = vec![restart(draft, mongod, Cause::State("runs with an older configuration".into()), after)];
    }
    draft.add(Action::WaitMongod(mongod.clone()), Cause::Follows, after)
}

/// Restarts a mongod that answers if it runs with something older than what is declared; what to wait for then.
pub(super) fn renew(draft: &mut Draft<'_>, mongod: &Mongod) -> Vec<usize> {
    let after: Vec<usize> = draft.tail(&mongod.container).into_iter().collect();
    if !draft.outdated.contains(&(mongod.container.clone(), mongod.unit.clone())) {
        return after;
    }
    let restarted = restart(draft, mongod, Cause::State("runs with an older configuration".into()), after);
    vec![draft.add(Action::WaitMongod(mongod.clone()), Cause::Follows, [restarted])]
}

/// Plans a mongod that is in no set: start, restart, users.
pub(super) fn plan_standalone(draft: &mut Draft<'_>, standalone: &Standalone) {
    let mongod = &standalone.mongod;
    match state(draft, mongod) {
        State::New => {
            let up = wait(draft, mongod);
            ensure_users(draft, standalone, Cause::Missing, up);
        }
        State::Starting => {
            wait(draft, mongod);
            draft.plan.look_again = true;
        }
        State::Later => draft.plan.look_again = true,
        State::Unseen(why) => draft.find(
            format!("mongod {}", standalone.name),
            why,
            format!("look at its log: `distctl logs {}`", mongod.container),
        ),
        State::Up(seen) => compare_standalone(draft, standalone, seen),
    }
}

fn ensure_users(draft: &mut Draft<'_>, standalone: &Standalone, cause: Cause, after: usize) {
    if let Some(access) = standalone.access.clone() {
        let (owner, through) = (standalone.name.clone(), standalone.mongod.clone());
        draft.add(Action::EnsureUsers { owner, through, set: None, access }, cause, [after]);
    }
}

fn compare_standalone(draft: &mut Draft<'_>, standalone: &Standalone, seen: &protocol::Mongod) {
    if auth::plan_single(draft, standalone) {
        return;
    }
    let mongod = &standalone.mongod;
    let after = renew(draft, mongod);
    if let Some(access) = &standalone.access
        && let Some(cause) = users::cause(draft, &standalone.name, access, seen)
    {
        let (owner, through) = (standalone.name.clone(), mongod.clone());
        draft.add(Action::EnsureUsers { owner, through, set: None, access: access.clone() }, cause, after);
    }
}

/// Restarts the unit of a mongod.
pub(super) fn restart(draft: &mut Draft<'_>, mongod: &Mongod, cause: Cause, after: Vec<usize>) -> usize {
    let action = Action::ChangeUnits {
        container: mongod.container.clone(),
        reload: false,
        start: Vec::new(),
        restart: vec![mongod.unit.clone()],
        stop: Vec::new(),
        logs: [(mongod.unit.clone(), mongod.log.clone())].into(),
    };
    draft.add(action, cause, after)
}
