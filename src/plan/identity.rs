//! Who is who: containers that were renamed, in the file or by hand, and copies that somebody made.
//!
//! Each container keeps the name that it was made under in a key ([`CONTAINER_KEY`]). A copy has that key from its
//! original, so a key with another name than the container's own tells of one of the two.

use std::collections::BTreeMap;

use super::order::Draft;
use super::{Action, Cause, guest};
use crate::desired::{CONTAINER_KEY, Container, Desired, OWNER_KEY, Other, Scope};
use crate::observed::{self, Observed, Part, Status};

/// What a container of the topology is that is not declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// What another container was once; that one is there, or was.
    Copy(&'a str),
    /// The declared container of this name, which is not there itself.
    Is(&'a str),
    /// One that was declared once.
    Undeclared,
}

/// Tells what a container of the topology is that is not declared.
pub(super) fn who<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    name: &str,
    seen: &'a observed::Container,
) -> Who<'a> {
    let made_as = seen.config.get(CONTAINER_KEY).map(String::as_str);
    let other = Other { name, made_as, address: seen.address() };
    let there = |name: &str| is_there(observed, name);
    if let Some(of) = made_as.filter(|made_as| *made_as != name && there(made_as)) {
        return Who::Copy(of);
    }
    let absent = desired.containers.values().filter(|wanted| !there(&wanted.name));
    if let Some(wanted) = absent.into_iter().find(|wanted| other.may_be(&wanted.name, wanted.ipv4, there)) {
        return Who::Is(&wanted.name);
    }
    if let Some(of) = made_as.filter(|made_as| *made_as != name) {
        // What it was copied from has another name now, or is gone.
        return Who::Copy(of);
    }
    // Two containers can't have the same address: one that has a declared one's is a copy of it.
    let original = desired.containers.values().find(|wanted| Some(wanted.ipv4) == other.address);
    original
        .filter(|wanted| is_ours_at(desired, observed, wanted))
        .map_or(Who::Undeclared, |wanted| Who::Copy(&wanted.name))
}

fn is_there(observed: &Observed, name: &str) -> bool {
    !matches!(observed.containers.get(name), None | Some(Part::Absent))
}

/// Whether a declared container is there, the topology's and at its address.
fn is_ours_at(desired: &Desired, observed: &Observed, wanted: &Container) -> bool {
    let seen = observed.containers.get(&wanted.name).and_then(Part::seen);
    seen.is_some_and(|seen| is_ours(desired, seen) && seen.address() == Some(wanted.ipv4))
}

fn is_ours(desired: &Desired, seen: &observed::Container) -> bool {
    seen.config.get(OWNER_KEY) == Some(&desired.name)
}

/// Whether a container is a copy of another that somebody made.
pub(super) fn is_a_copy(desired: &Desired, observed: &Observed, name: &str, seen: &observed::Container) -> bool {
    !desired.containers.contains_key(name) && matches!(who(desired, observed, name, seen), Who::Copy(_))
}

/// The topology's containers that are not declared, and what each is.
pub(super) fn others<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a String, &'a observed::Container, Who<'a>)> {
    let undeclared = observed.containers.iter().filter(|(name, _)| !desired.containers.contains_key(*name));
    let seen = undeclared.filter_map(|(name, part)| Some((name, part.seen()?)));
    let ours = seen.filter(|(_, seen)| is_ours(desired, seen));
    ours.map(|(name, seen)| (name, seen, who(desired, observed, name, seen)))
}

/// Containers that are to get another name: which, what it is called now, and why.
pub(super) struct Rename<'a> {
    pub wanted: &'a Container,
    pub from: &'a String,
    pub seen: &'a observed::Container,
}

/// Finds the containers that are to be renamed; refuses where one can't be told from another.
pub(super) fn renames<'a>(draft: &mut Draft<'a>, scope: &Scope) -> Vec<Rename<'a>> {
    let (desired, observed) = (draft.desired, draft.observed);
    refuse_exchanged(draft);
    let mut found = Vec::new();
    for wanted in desired.containers.values().filter(|wanted| scope.has_container(&wanted.name)) {
        let candidates: Vec<_> = others(desired, observed).filter(|(.., who)| *who == Who::Is(&wanted.name)).collect();
        // One that has kept its name is no copy of another candidate.
        let kept = |name: &String, seen: &observed::Container| seen.config.get(CONTAINER_KEY) == Some(name);
        let originals: Vec<_> = candidates.iter().filter(|(name, seen, _)| kept(name, seen)).collect();
        match (candidates.as_slice(), originals.as_slice()) {
            ([], _) => {}
            ([(from, seen, _)], _) | (_, [(from, seen, _)]) => found.push(Rename { wanted, from, seen }),
            (several, _) => {
                let names: Vec<&str> = several.iter().map(|(name, ..)| name.as_str()).collect();
                draft.refuse(
                    format!("container {}", wanted.name),
                    format!("is not there, and may be any of {}: nobody can tell which has its data", names.join(", ")),
                    format!("name the one that has it: `incus rename NAME {}`", wanted.name),
                );
            }
        }
    }
    found
}

/// A declared container that was made as another declared one holds that one's data.
fn refuse_exchanged(draft: &mut Draft<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    for name in desired.containers.keys() {
        let Some(seen) = observed.containers.get(name).and_then(Part::seen).filter(|seen| is_ours(desired, seen))
        else {
            continue;
        };
        let Some(made_as) = seen.config.get(CONTAINER_KEY).filter(|key| *key != name) else { continue };
        if !desired.containers.contains_key(made_as) {
            continue;
        }
        let (message, hint) = match is_there(observed, made_as) {
            true => (
                format!("is a copy of {made_as}, made by hand, and holds its data"),
                format!("give the copy a name that the topology does not declare: `incus rename {name} {name}-copy`"),
            ),
            false => (
                format!("was made as {made_as}, which is not there: it holds the data of {made_as}"),
                format!("give it its name back: `incus rename {name} {made_as}`"),
            ),
        };
        draft.refuse(format!("container {name}"), message, hint);
    }
}

/// Plans renames, one container after the other: each has to be stopped for it. What comes next waits until the members in
/// it are well again, so that no set loses its majority.
pub(super) fn plan(draft: &mut Draft<'_>, renames: &[Rename<'_>]) {
    let mut before: Option<usize> = None;
    for (index, one) in renames.iter().enumerate() {
        let (from, to) = (one.from.clone(), one.wanted.name.clone());
        if let Some(before) = before {
            draft.wait_for(&to, before);
        }
        free_address(draft, one.wanted, one.from);
        let runs = one.seen.status != Status::Stopped;
        if one.seen.status == Status::Frozen {
            follow(draft, &to, Action::UnfreezeContainer { container: from.clone() });
        }
        if runs {
            follow(draft, &to, Action::StopContainer { container: from.clone() });
        }
        let after = draft.tail(&to);
        let rename = draft.add(Action::RenameContainer { from, to: to.clone() }, Cause::State(reason(one)), after);
        draft.wait_for(&to, rename);
        if runs {
            follow(draft, &to, Action::StartContainer { container: to.clone() });
            guest::wait(draft, one.wanted);
            if index + 1 < renames.len() {
                await_members(draft, &to);
            }
        }
        before = draft.tail(&to);
    }
    draft.plan.look_again |= !renames.is_empty();
}

/// Adds a step at the end of a lane, whatever lane its action is shown in.
fn follow(draft: &mut Draft<'_>, lane: &str, action: Action) {
    let after = draft.tail(lane);
    let step = draft.add(action, Cause::Follows, after);
    draft.wait_for(lane, step);
}

/// Waits for the members in a container whose sets have others elsewhere.
fn await_members(draft: &mut Draft<'_>, container: &str) {
    let desired = draft.desired;
    for set in desired.replica_sets.values() {
        let here = set.members.iter().filter(|member| member.container == container);
        let members: Vec<String> = here.map(|member| member.host.clone()).collect();
        if !members.is_empty() && members.len() < set.members.len() {
            let set = set.address();
            follow(draft, container, Action::WaitReplicaSet { container: container.to_owned(), set, members });
        }
    }
}

fn reason(one: &Rename<'_>) -> String {
    let made_as = one.seen.config.get(CONTAINER_KEY);
    match made_as {
        Some(made_as) if *made_as == one.wanted.name => format!("it was made as {made_as} and was renamed by hand"),
        _ => format!("it has the address {} and the data of {}", one.wanted.ipv4, one.wanted.name),
    }
}

/// The system as it will be when containers have their names: what else is wrong is told before one is touched.
pub(super) fn renamed(observed: &Observed, renames: &[Rename<'_>]) -> Observed {
    let mut after = observed.clone();
    for one in renames {
        if let Some(part) = after.containers.remove(one.from) {
            after.containers.insert(one.wanted.name.clone(), part);
        }
    }
    let holder = |name: &str| format!("/1.0/instances/{name}");
    after.taken.retain(|_, by| !renames.iter().any(|one| by.split('?').next() == Some(&holder(one.from))));
    after
}

/// Tells of copies, once each.
pub(super) fn tell_copies(draft: &mut Draft<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    for (name, seen, who) in others(desired, observed) {
        let Who::Copy(of) = who else { continue };
        let holds = desired.containers.get(of).is_some_and(|wanted| seen.address() == Some(wanted.ipv4));
        let hint = match holds {
            true => format!(
                "distctl leaves it alone; while it has the address of {of}, Incus does not start {of} anew: free it with \
                 `incus config device unset {name} {} ipv4.address`",
                crate::desired::INTERFACE
            ),
            false => "distctl leaves it alone".to_owned(),
        };
        draft.note(format!("container {name}"), format!("is a copy of {of} that somebody made"), hint);
    }
}

/// Whether an address is held by a copy that does not run: it is the original's all the same.
pub(super) fn is_held_by_a_copy(draft: &Draft<'_>, holder: &str) -> bool {
    let path = holder.split('?').next().unwrap_or_default();
    let name = path.strip_prefix("/1.0/instances/");
    others(draft.desired, draft.observed).any(|(other, _, who)| Some(other.as_str()) == name && who != Who::Undeclared)
}

/// Frees the address of a container that is to be started from copies that stand: Incus starts neither of two with one
/// address. `own` is what the container is called in Incus.
pub(super) fn free_address(draft: &mut Draft<'_>, wanted: &Container, own: &str) {
    let (desired, observed) = (draft.desired, draft.observed);
    for (name, seen, _) in others(desired, observed) {
        if name == own || seen.address() != Some(wanted.ipv4) || seen.status != Status::Stopped {
            continue;
        }
        let held = seen.devices.iter().filter(|(_, device)| device.contains_key("ipv4.address"));
        let devices = held.map(|(device, settings)| {
            let free = settings.iter().filter(|(key, _)| *key != "ipv4.address");
            (device.clone(), free.map(|(key, value)| (key.clone(), value.clone())).collect())
        });
        let action = Action::UpdateContainer {
            container: name.clone(),
            config: BTreeMap::new(),
            devices: devices.collect(),
            remove: Vec::new(),
        };
        let cause =
            Cause::State(format!("a copy with the address of {}, which could not start beside it", wanted.name));
        let after = [draft.tail(name), draft.tail(&wanted.name)];
        let step = draft.add(action, cause, after.into_iter().flatten());
        draft.wait_for(&wanted.name, step);
    }
}
