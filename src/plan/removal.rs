//! Taking a system down: the line with nothing desired.

use super::container::AUTOSTART;
use super::identity::is_a_copy;
use super::order::Draft;
use super::{Action, Cause, Plan, incus_ui};
use crate::desired::{BUNDLE_KEY, CONTAINER_KEY, Desired, OWNER_KEY};
use crate::observed::{Container, Observed, Part, Status};

/// Plans to stop every container of the topology, and to keep it down when the host starts. All data stays.
pub fn down(desired: &Desired, observed: &Observed) -> Plan {
    let mut draft = Draft::new(desired, observed);
    for (name, seen) in ours(&mut draft, is_a_copy) {
        // Before it is stopped: a host that dies in between must not start it again.
        if seen.config.get(AUTOSTART).is_none_or(|value| value != "false") {
            draft.chain(Action::Autostart { container: name.clone(), on: false }, Cause::Asked);
        }
        halt(&mut draft, &name, &seen.status);
    }
    tell_spared(&mut draft, "is left as it is", is_a_copy);
    draft.plan
}

/// Plans to stop every container of the topology for a moment: a host that starts meanwhile starts it again.
pub fn stop(desired: &Desired, observed: &Observed) -> Plan {
    let mut draft = Draft::new(desired, observed);
    for (name, seen) in ours(&mut draft, is_a_copy) {
        halt(&mut draft, &name, &seen.status);
    }
    draft.plan
}

/// Plans to remove containers of the topology with their data: those named, or all of them and the network too if it
/// is the topology's and nobody else uses it.
pub fn removal(desired: &Desired, observed: &Observed, only: &[String]) -> anyhow::Result<Plan> {
    let mut draft = Draft::new(desired, observed);
    let ours = ours(&mut draft, was_changed_by_hand);
    if let Some(stranger) = only.iter().find(|name| !ours.iter().any(|(ours, _)| ours == *name)) {
        let seen = observed.containers.get(stranger).and_then(Part::seen);
        if seen.is_some_and(|seen| is_ours(desired, observed, stranger, seen)) {
            anyhow::bail!(
                "{stranger} was copied or renamed by hand: only you can delete it, with `incus delete {stranger}`"
            );
        }
        let names: Vec<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
        anyhow::bail!("{} has no container {stranger}; it has {}", desired.name, names.join(", "));
    }
    let mut gone = Vec::new();
    for (name, seen) in ours.iter().filter(|(name, _)| only.is_empty() || only.contains(name)) {
        halt(&mut draft, name, &seen.status);
        gone.push(draft.chain(Action::DeleteContainer { container: name.clone() }, Cause::Asked));
    }
    if only.is_empty() {
        remove_network(&mut draft, &ours, gone);
        incus_ui::remove(&mut draft);
        tell_spared(&mut draft, "stays", was_changed_by_hand);
    }
    Ok(draft.plan)
}

fn remove_network(draft: &mut Draft<'_>, ours: &[(String, &Container)], gone: Vec<usize>) {
    let Part::Present(network) = &draft.observed.network else { return };
    if network.config.get(OWNER_KEY) != Some(&draft.desired.name) {
        return;
    }
    let name = draft.desired.network.name.clone();
    let is_gone = |path: &&String| {
        let used_by = path.split('?').next().unwrap_or_default();
        used_by.strip_prefix("/1.0/instances/").is_some_and(|user| ours.iter().any(|(name, _)| name == user))
    };
    let others: Vec<&str> = network.used_by.iter().filter(|path| !is_gone(path)).map(|path| last(path)).collect();
    if others.is_empty() {
        draft.add(Action::DeleteNetwork { network: name }, Cause::Asked, gone);
        return;
    }
    draft.note(
        format!("network {name}"),
        format!("stays: {} use{} it", others.join(", "), if others.len() == 1 { "s" } else { "" }),
        format!("remove it when nobody does any more: `incus network delete {name}`"),
    );
}

/// What a path of Incus ends with: the name.
fn last(path: &str) -> &str {
    path.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}

/// The topology's containers, declared or not; those that can't be seen are findings. `spared` are not among them.
fn ours<'a>(
    draft: &mut Draft<'a>,
    spared: impl Fn(&Desired, &Observed, &str, &Container) -> bool,
) -> Vec<(String, &'a Container)> {
    let (desired, observed) = (draft.desired, draft.observed);
    let mut containers = Vec::new();
    for (name, part) in &observed.containers {
        match part {
            Part::Present(seen) if is_ours(desired, observed, name, seen) && !spared(desired, observed, name, seen) => {
                containers.push((name.clone(), seen));
            }
            Part::Unreachable(why) => {
                draft.find(format!("container {name}"), format!("can't be seen: {why}"), "run `distctl doctor`");
            }
            Part::Present(_) | Part::Absent => {}
        }
    }
    containers
}

fn is_ours(desired: &Desired, observed: &Observed, name: &str, seen: &Container) -> bool {
    seen.config.get(OWNER_KEY) == Some(&desired.name) || is_of_the_import(desired, observed, name, seen)
}

/// Whether somebody copied it, or gave it a name that the file does not tell: only he may delete it.
fn was_changed_by_hand(desired: &Desired, observed: &Observed, name: &str, seen: &Container) -> bool {
    let made_as = seen.config.get(CONTAINER_KEY).filter(|made_as| *made_as != name);
    match desired.containers.contains_key(name) {
        true => made_as.is_some_and(|made_as| desired.containers.contains_key(made_as)),
        false => made_as.is_some() || is_a_copy(desired, observed, name, seen),
    }
}

/// Whether it came out of the bundle whose import into this folder was not finished, and is nobody's yet.
fn is_of_the_import(desired: &Desired, observed: &Observed, name: &str, seen: &Container) -> bool {
    let id = seen.config.get(BUNDLE_KEY).and_then(|mark| mark.split(' ').next_back());
    let begun = observed.import.as_ref().map(|begun| begun.id.as_str());
    id.is_some() && id == begun && desired.containers.contains_key(name) && !seen.config.contains_key(OWNER_KEY)
}

/// Tells of those that are spared.
fn tell_spared(draft: &mut Draft<'_>, what: &str, spared: impl Fn(&Desired, &Observed, &str, &Container) -> bool) {
    let (desired, observed) = (draft.desired, draft.observed);
    for (name, part) in &observed.containers {
        let seen = part.seen().filter(|seen| is_ours(desired, observed, name, seen));
        if seen.is_some_and(|seen| spared(desired, observed, name, seen)) {
            draft.note(
                format!("container {name}"),
                format!("was copied or renamed by hand, and {what}"),
                format!("stop or delete it yourself: `incus stop {name}`, `incus delete {name}`"),
            );
        }
    }
}

fn halt(draft: &mut Draft<'_>, name: &str, status: &Status) {
    let container = name.to_string();
    if *status == Status::Frozen {
        draft.chain(Action::UnfreezeContainer { container: container.clone() }, Cause::Follows);
    }
    if *status != Status::Stopped {
        draft.chain(Action::StopContainer { container }, Cause::Asked);
    }
}
