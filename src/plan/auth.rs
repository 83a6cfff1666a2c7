//! From no passwords to passwords and back, in a system that runs.
//!
//! Members of a set that ask for passwords and members that don't don't understand each other. So every member first
//! changes to what understands both (a *transition*), one by one; only then all change to what is declared, as they
//! would for any other change. A member runs again what is on its disk: while any member is of the other kind, the
//! declared files are held back, and each member gets its transition just before it is restarted. So a run may end at
//! any moment, and a container may start again at any moment.

use protocol::Security;

use super::mongod::{self, State};
use super::order::Draft;
use super::{Action, Cause, homes, users};
use crate::desired::{Access, File, Mongod, ReplicaSet, Service, Standalone, keepers};

mod roll;

/// A set's members and what their running processes ask for.
struct View<'s, 'a> {
    set: &'s ReplicaSet,
    wanted: Security,
    members: Vec<(&'s Mongod, &'a protocol::Mongod)>,
}

impl<'s, 'a> View<'s, 'a> {
    fn of(draft: &Draft<'a>, set: &'s ReplicaSet) -> Self {
        let seen = |member: &'s Mongod| Some((member, running(draft, member)?));
        let members = set.members.iter().filter_map(seen).collect();
        Self { set, wanted: wanted(set.access.as_ref()), members }
    }

    fn is_initiated(&self) -> bool {
        self.members.iter().any(|(_, seen)| seen.set_name.is_some())
    }

    fn is_whole(&self) -> bool {
        self.members.len() == self.set.members.len()
    }

    fn with(&self, security: Security) -> impl Iterator<Item = &'s Mongod> {
        self.members.iter().filter(move |(_, seen)| seen.security == Some(security)).map(|(member, _)| *member)
    }

    /// Members of the kind that does not understand what is declared.
    fn strangers(&self) -> Vec<&'s Mongod> {
        self.with(opposite(self.wanted)).collect()
    }

    fn is_split(&self) -> bool {
        self.with(Security::Open).next().is_some() && self.with(Security::Enforced).next().is_some()
    }

    fn primary(&self) -> Option<(&'s Mongod, &'a protocol::Mongod)> {
        self.members.iter().find(|(_, seen)| seen.writable).copied()
    }

    /// Members that run and have no part in their set.
    fn lost(&self) -> Vec<&'s Mongod> {
        let primary = self.primary();
        let reached = |host: &str| {
            let known = primary.and_then(|(_, seen)| seen.members.iter().find(|known| known.host == host));
            known.is_none_or(|known| known.healthy)
        };
        let serves = |seen: &protocol::Mongod| seen.writable || seen.secondary && seen.primary.is_some();
        let members = self.members.iter().filter(|(_, seen)| seen.set_name.is_some() || self.is_split());
        members.filter(|(member, seen)| !serves(seen) || !reached(&member.host)).map(|(member, _)| *member).collect()
    }

    /// Whether the declared files wait: for members of the other kind, those that don't run among them, and for
    /// services that don't know their passwords yet.
    fn is_held(&self, draft: &Draft<'_>) -> bool {
        let between = self.with(Security::Transition).next().is_some();
        let waits = || !self.is_whole() || !waiting(draft, self.set.access.as_ref()).is_empty();
        self.is_initiated() && (!self.strangers().is_empty() || between && waits())
    }
}

fn wanted(access: Option<&Access>) -> Security {
    if access.is_some() { Security::Enforced } else { Security::Open }
}

fn opposite(security: Security) -> Security {
    if security == Security::Open { Security::Enforced } else { Security::Open }
}

fn running<'a>(draft: &Draft<'a>, mongod: &Mongod) -> Option<&'a protocol::Mongod> {
    draft.guest(&mongod.container)?.mongods.get(&mongod.port)?.as_ref().ok()
}

/// Services that run with what they had before there were passwords, and the containers.
fn waiting(draft: &Draft<'_>, access: Option<&Access>) -> Vec<(String, String)> {
    let users = access.into_iter().flat_map(|access| &access.users).map(|user| &user.credential.user);
    let services = users.filter_map(|user| draft.desired.services.get(user));
    let places = services.flat_map(|service| service.containers.iter().map(move |container| (service, container)));
    places
        .filter(|(service, container)| is_older(draft, &service.name, container) == Some(true))
        .map(|(service, container)| (service.name.clone(), container.clone()))
        .collect()
}

/// Whether a service runs in a container with another release than the declared one.
fn is_older(draft: &Draft<'_>, service: &str, container: &str) -> Option<bool> {
    let release = draft.desired.containers.get(container)?.releases.get(service)?;
    let guest = draft.guest(container)?;
    let runs = guest.units.get(&release.unit)?.revision.as_ref()?;
    Some(guest.deployed.iter().any(|name| name == service) && *runs != release.revision)
}

/// Whether a new release of a service must wait: it may have a password that nobody knows yet, or lack one that it is
/// still asked for.
pub(super) fn must_wait(draft: &Draft<'_>, service: &Service) -> bool {
    let desired = draft.desired;
    let members = desired.replica_sets.values().flat_map(|set| &set.members);
    let mut mongods = members.chain(desired.standalones.values().map(|single| &single.mongod));
    let is_later = |mongod: &Mongod| matches!(mongod::state(draft, mongod), State::Later);
    let is_older = |container: &String| is_older(draft, &service.name, container) == Some(true);
    service.containers.iter().any(is_older) && (draft.unready || mongods.any(is_later))
}

/// Decides which files are written later than all others, before containers are planned.
pub(super) fn hold_back(draft: &mut Draft<'_>) {
    let desired = draft.desired;
    desired.replica_sets.values().for_each(|set| refuse_with_a_move(draft, set));
    let sets = desired.replica_sets.values().filter(|set| View::of(draft, set).is_held(draft));
    let mut held: Vec<&Mongod> = sets.flat_map(|set| &set.members).collect();
    held.extend(desired.standalones.values().filter(|single| must_prepare(draft, single)).map(|single| &single.mongod));
    for mongod in held {
        let files = files(draft, mongod).into_iter().flatten();
        let files = files.map(|(path, file)| ((mongod.container.clone(), path.clone()), file.clone()));
        draft.instead.extend(files.collect::<Vec<_>>());
    }
}

/// Members that live elsewhere than declared have no transition: one change comes after the other.
fn refuse_with_a_move(draft: &mut Draft<'_>, set: &ReplicaSet) {
    let other = opposite(wanted(set.access.as_ref()));
    let residents = homes::residents(draft, &set.name);
    let strangers: Vec<&str> = residents
        .iter()
        .filter(|(_, seen)| seen.security == Some(other))
        .map(|(member, _)| member.host.as_str())
        .collect();
    if !strangers.is_empty() {
        let message = format!("`auth:` changes while {} leave their places", strangers.join(", "));
        let hint =
            "keep `auth:` as it was and run `distctl up`; change `auth:` when all members are in their new places";
        draft.refuse(super::replica_set::object(set), message, hint);
    }
}

fn files<'a>(draft: &Draft<'a>, mongod: &Mongod) -> Option<impl Iterator<Item = (&'a String, &'a File)>> {
    let transition = draft.desired.containers.get(&mongod.container)?.transitions.get(&mongod.unit)?;
    Some(transition.files.iter())
}

/// Plans the change of a set to what understands both; `true` where nothing else of it may be planned.
pub(super) fn plan_transition(draft: &mut Draft<'_>, set: &ReplicaSet) -> bool {
    let view = View::of(draft, set);
    if !view.is_initiated() {
        return false;
    }
    let object = super::replica_set::object(set);
    find_silent(draft, &object, view.members.iter().copied());
    let strangers = view.strangers();
    let waiting = waiting(draft, set.access.as_ref());
    if strangers.is_empty() && view.is_whole() && !waiting.is_empty() && view.is_held(draft) {
        wait_for_services(draft, object, &waiting);
        return true;
    }
    if strangers.is_empty() || !view.is_whole() {
        draft.unready |= view.is_held(draft);
        let between = view.with(Security::Transition);
        draft.outdated.extend(between.map(|member| (member.container.clone(), member.unit.clone())));
        return false;
    }
    if roll::is_refused(draft, &view) {
        draft.unready = true;
        return true;
    }
    let lost = view.lost();
    if view.is_split() && !lost.is_empty() {
        roll::bring_back(draft, &view, &lost);
    } else if lost.is_empty() && view.primary().is_some() {
        roll::all(draft, &view, &strangers);
    } else if let Some((through, _)) = view.members.first() {
        let members = set.hosts();
        let action = Action::WaitReplicaSet { container: through.container.clone(), set: set.address(), members };
        let after = draft.tail(&through.container);
        draft.unready = true;
        draft.add(action, Cause::State("not all of its members do their part".into()), after);
    }
    draft.plan.look_again = true;
    true
}

/// Plans what must be done before a single mongod asks for passwords; `true` where nothing else of it may be planned.
pub(super) fn plan_single(draft: &mut Draft<'_>, single: &Standalone) -> bool {
    let State::Up(seen) = mongod::state(draft, &single.mongod) else { return false };
    find_silent(draft, &format!("mongod {}", single.name), [(&single.mongod, seen)]);
    let differs = seen.security.is_some_and(|security| security != wanted(single.access.as_ref()));
    let after: Vec<usize> = draft.tail(&single.mongod.container).into_iter().collect();
    let Some(access) = &single.access else {
        if differs {
            let cause = Cause::State("asks for passwords, and is to ask nobody".into());
            let restarted = mongod::restart(draft, &single.mongod, cause, after);
            let up = draft.add(Action::WaitMongod(single.mongod.clone()), Cause::Follows, [restarted]);
            draft.changing.push(up);
        }
        return differs;
    };
    if differs {
        draft.outdated.insert((single.mongod.container.clone(), single.mongod.unit.clone()));
    }
    if !must_prepare(draft, single) {
        return false;
    }
    if let Some(cause) = lacks_users(draft, &single.name, access, seen) {
        let (owner, through, access) = (single.name.clone(), single.mongod.clone(), access.clone());
        let written = draft.add(Action::EnsureUsers { owner, through, set: None, access }, cause, after);
        draft.changing.push(written);
    }
    let waiting = waiting(draft, Some(access));
    wait_for_services(draft, format!("mongod {}", single.name), &waiting);
    true
}

/// Whether a single mongod that asks nobody must go on so for now: users come first, then the services that use them.
fn must_prepare(draft: &Draft<'_>, single: &Standalone) -> bool {
    let (Some(access), Some(seen)) = (&single.access, running(draft, &single.mongod)) else { return false };
    let known = |user: &protocol::UserSpec| {
        seen.users.as_ref().is_some_and(|users| users.contains_key(&format!("admin.{}", user.credential.user)))
    };
    let ready = seen.knows_us && access.users.iter().all(known) && waiting(draft, Some(access)).is_empty();
    seen.security == Some(Security::Open) && !ready
}

/// Why users must be written where nobody is asked for a password yet, if they must.
fn lacks_users(draft: &mut Draft<'_>, owner: &str, access: &Access, seen: &protocol::Mongod) -> Option<Cause> {
    let cause = users::cause(draft, owner, access, seen);
    let stale = || Cause::State(format!("{} is not known by the password that is kept", access.agent.user));
    cause.or_else(|| (!seen.knows_us).then(stale))
}

fn wait_for_services(draft: &mut Draft<'_>, object: String, waiting: &[(String, String)]) {
    let left_out: Vec<&str> = waiting
        .iter()
        .filter(|(_, container)| !draft.scope.has_container(container))
        .map(|(service, _)| service.as_str())
        .collect();
    if left_out.is_empty() {
        draft.plan.look_again = true;
        return;
    }
    let message = format!("asks nobody for passwords before {} have theirs", left_out.join(", "));
    draft.find(object, message, "run `distctl up` without `--only`");
}

/// Tells members of which nobody knows whether they ask for passwords.
fn find_silent<'m>(
    draft: &mut Draft<'_>,
    object: &str,
    members: impl IntoIterator<Item = (&'m Mongod, &'m protocol::Mongod)>,
) {
    let silent = members.into_iter().filter(|(_, seen)| seen.security.is_none());
    let hosts: Vec<&str> = silent.map(|(member, _)| member.host.as_str()).collect();
    if !hosts.is_empty() {
        let message = format!("{} did not say whether it asks for passwords", hosts.join(", "));
        draft.find(object, message, "look at its log with `distctl logs`, then run `distctl plan` again");
    }
}

/// What refuses a restart on request, if anything does: a member would come back and not be understood.
pub(super) fn in_between(draft: &Draft<'_>, set: &ReplicaSet) -> bool {
    let view = View::of(draft, set);
    view.is_initiated() && !view.strangers().is_empty()
}
