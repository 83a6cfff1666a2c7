//! Members change to what understands both kinds, one by one.

use std::collections::BTreeMap;

use protocol::{Access as Seen, Security, SetAddress};

use super::{View, files, keepers, lacks_users};
use crate::desired::{Content, Mongod};
use crate::plan::order::Draft;
use crate::plan::replica_set::object;
use crate::plan::{Action, Cause};

/// Refuses what can't be done, or tells who must help; `true` where that is so.
pub(super) fn is_refused(draft: &mut Draft<'_>, view: &View<'_, '_>) -> bool {
    let object = object(view.set);
    let changes = |member: &&Mongod| {
        let text = |content: &Content| match content {
            Content::Bytes(bytes) => String::from_utf8_lossy(bytes).contains("transitionToAuth"),
            _ => false,
        };
        files(draft, member).into_iter().flatten().any(|(_, file)| text(&file.content))
    };
    if !view.set.members.iter().all(|member| changes(&member)) {
        draft.refuse(
            object,
            "can't begin or cease to ask for passwords member by member: its own templates/mongod.conf has no \
             `transitionToAuth`",
            "where `transition` is true, write `transitionToAuth: true` in it instead of `authorization: enabled`",
        );
        return true;
    }
    let keyless: Vec<&str> = view.with(Security::Enforced).filter(|member| !has_key(draft, member)).map(host).collect();
    if view.wanted == Security::Open && !keyless.is_empty() {
        draft.refuse(
            object,
            format!("{} still ask for passwords, and their keyfile is gone from the disk", keyless.join(", ")),
            "write `auth: keyfile` again and run `distctl up`, which writes the keyfile; then change it again",
        );
        return true;
    }
    let refusal = view.primary().and_then(|(_, seen)| match &seen.access {
        Seen::Refused(why) if view.wanted == Security::Open => Some(why.clone()),
        _ => None,
    });
    if let Some(why) = &refusal {
        let (admin, agent) = keepers(&view.set.name);
        draft.find(
            object,
            format!("still asks for passwords, and refuses the user {}: {why}", agent.user),
            format!(
                "compare the password in {} with the user in the database `admin`, or restore that user with the \
                 administrator's password in {}",
                agent.password_file, admin.password_file
            ),
        );
    }
    refusal.is_some()
}

fn host(member: &Mongod) -> &str {
    &member.host
}

fn has_key(draft: &Draft<'_>, member: &Mongod) -> bool {
    let container = draft.desired.containers.get(&member.container);
    let transition = container.and_then(|container| container.transitions.get(&member.unit));
    let guest = draft.guest(&member.container);
    transition.zip(guest).is_some_and(|(transition, guest)| guest.paths.contains_key(&transition.keyfile))
}

/// Brings members back that their set does not understand: their restart costs it nothing.
pub(super) fn bring_back(draft: &mut Draft<'_>, view: &View<'_, '_>, lost: &[&Mongod]) {
    let set = view.set;
    let mut ready = Vec::new();
    for member in lost {
        let cause = Cause::State("does not understand the other members: they differ in asking for passwords".into());
        let written = write(draft, member, cause, Vec::new());
        ready.push(restart(draft, member, written));
    }
    let Some(first) = lost.first() else { return };
    let action =
        Action::WaitReplicaSet { container: first.container.clone(), set: set.address(), members: set.hosts() };
    let healthy = draft.add(action, Cause::Follows, ready);
    draft.wait_for(&set.name, healthy);
    draft.changing.push(healthy);
}

/// Changes members one by one, the primary last.
pub(super) fn all(draft: &mut Draft<'_>, view: &View<'_, '_>, strangers: &[&Mongod]) {
    let (set, Some((through, seen))) = (view.set, view.primary()) else { return };
    let mut last: Vec<usize> = draft.tail(&through.container).into_iter().collect();
    if let Some(access) = &set.access
        && let Some(cause) = lacks_users(draft, &set.name, access, seen)
    {
        let (owner, through, access) = (set.name.clone(), through.clone(), access.clone());
        last = vec![draft.add(Action::EnsureUsers { owner, through, set: Some(set.address()), access }, cause, last)];
    }
    // Also members that ask nobody know the administrator by now.
    let known = seen.knows_us || set.access.is_some();
    let address = SetAddress { credential: known.then(|| keepers(&set.name).0), ..set.address() };
    let why = match view.wanted {
        Security::Open => "asks for passwords, and is to ask nobody",
        _ => "asks nobody, and is to ask for passwords",
    };
    let mut order: Vec<&Mongod> = strangers.to_vec();
    order.sort_by_key(|member| member.host == through.host);
    for member in order {
        let mut step = write(draft, member, Cause::State(why.into()), last);
        let (container, host) = (member.container.clone(), member.host.clone());
        if member.host == through.host && set.members.len() > 1 && known {
            let action = Action::StepDown { container: container.clone(), set: address.clone(), host };
            step = draft.add(action, Cause::Follows, [step]);
        }
        let up = restart(draft, member, step);
        let action = Action::WaitReplicaSet { container, set: address.clone(), members: set.hosts() };
        last = vec![draft.add(action, Cause::Follows, [up])];
    }
    let is_through = |member: &&Mongod| member.host == through.host;
    if strangers.iter().any(is_through) && set.favourite().as_ref().is_some_and(is_through) && set.members.len() > 1 {
        let (container, host) = (through.container.clone(), through.host.clone());
        last = vec![draft.add(Action::HandBack { container, set: address, host }, Cause::Follows, last)];
    }
    last.iter().for_each(|step| draft.wait_for(&set.name, *step));
    draft.changing.extend(last);
}

/// Writes what a member runs with from its next start on.
fn write(draft: &mut Draft<'_>, member: &Mongod, cause: Cause, mut after: Vec<usize>) -> usize {
    let files = files(draft, member).into_iter().flatten();
    let files: BTreeMap<_, _> = files.map(|(path, file)| (path.clone(), file.clone())).collect();
    after.extend(draft.tail(&member.container));
    let action = Action::WriteFiles {
        container: member.container.clone(),
        system_users: Vec::new(),
        directories: Vec::new(),
        files,
        remove: Vec::new(),
    };
    draft.add(action, cause, after)
}

fn restart(draft: &mut Draft<'_>, member: &Mongod, after: usize) -> usize {
    let action = Action::ChangeUnits {
        container: member.container.clone(),
        reload: true,
        start: Vec::new(),
        restart: vec![member.unit.clone()],
        stop: Vec::new(),
        logs: [(member.unit.clone(), member.log.clone())].into(),
    };
    let restarted = draft.add(action, Cause::Follows, [after]);
    // Names a mongod that dies, with its log, long before the set would be given up.
    draft.add(Action::WaitMongod(member.clone()), Cause::Follows, [restarted])
}
