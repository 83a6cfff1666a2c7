//! One container as Incus sees it; what is inside is planned by [`guest`].

use std::collections::BTreeMap;

use super::diff::compare_config;
use super::order::Draft;
use super::{Action, Cause, Change, Effect, PushSource, departed, disk, guest, homes, identity, secrets};
use crate::desired::{BUNDLE_KEY, Container, Content, DATA_KEY, EXPOSED, Holds, INTERFACE, OWNER_KEY};
use crate::observed::{self, Part, Status};

/// Configuration keys that are distctl's to unset when the topology does not name them any more.
const OUR_KEYS: &[&str] = &["limits.cpu", "limits.memory", "limits.processes", AUTOSTART, BUNDLE_KEY];

/// Whether a container starts with its host.
pub(super) const AUTOSTART: &str = "boot.autostart";

/// Plans all of one container, but for restarts that a replica set has to roll.
pub(super) fn plan(draft: &mut Draft<'_>, wanted: &Container, adopt: bool) {
    let taken = draft.observed.taken.get(&wanted.ipv4);
    if let Some(holder) = taken.filter(|holder| !identity::is_held_by_a_copy(draft, holder)) {
        return draft.refuse(
            format!("container {}", wanted.name),
            format!("its address {} is held by {holder}", wanted.ipv4),
            "give one of the two another address",
        );
    }
    match draft.observed.containers.get(&wanted.name) {
        None | Some(Part::Absent) if !disk::can_be_made(draft, wanted) => {}
        None | Some(Part::Absent) => create(draft, wanted),
        Some(Part::Unreachable(why)) => unseen(draft, &wanted.name, why),
        Some(Part::Present(seen)) => compare(draft, wanted, seen, adopt),
    }
}

fn unseen(draft: &mut Draft<'_>, name: &str, why: &str) {
    draft.find(format!("container {name}"), format!("can't be looked into: {why}"), "run `distctl doctor`");
}

fn create(draft: &mut Draft<'_>, wanted: &Container) {
    let container = wanted.name.clone();
    draft.chain(Action::CreateContainer(Box::new(wanted.clone())), Cause::Missing);
    // The network file and the agent go in before the first start, so that the container comes up with its
    // address and can be worked in at once.
    for (path, file) in &wanted.files {
        let early = match &file.content {
            Content::Bytes(bytes) if path.starts_with("/etc/systemd/network/") => PushSource::Bytes(bytes.clone()),
            Content::Agent { .. } => PushSource::Agent,
            _ => continue,
        };
        let (container, to) = (container.clone(), path.clone());
        draft.chain(Action::PushFile { container, to, mode: file.mode, source: early }, Cause::Missing);
    }
    draft.chain(Action::StartContainer { container: container.clone() }, Cause::Follows);
    guest::stage_artifacts(draft, wanted, &wanted.files);
    guest::wait(draft, wanted);
    if !wanted.packages.is_empty() {
        let packages = wanted.packages.clone();
        draft.chain(Action::InstallPackages { container: container.clone(), packages }, Cause::Missing);
    }
    let files: BTreeMap<_, _> = wanted
        .files
        .iter()
        .filter(|(_, file)| !matches!(file.content, Content::Agent { .. }))
        .filter_map(|(path, file)| Some((path.clone(), draft.for_now(&wanted.name, path, file, false)?.clone())))
        .collect();
    for file in files.values() {
        if let Content::Secret(name) = &file.content {
            secrets::truth(draft, name);
        }
    }
    guest::write(draft, wanted, files, Cause::Missing);
    guest::start_units(draft, wanted, wanted.units.keys().cloned().collect(), &[], true, Cause::Missing);
}

fn compare(draft: &mut Draft<'_>, wanted: &Container, seen: &observed::Container, adopt: bool) {
    let owner = seen.config.get(OWNER_KEY);
    if owner != Some(&draft.desired.name) && !adopt {
        let whose = owner.map_or("is not distctl's".to_string(), |name| format!("belongs to topology {name}"));
        return draft.refuse(
            format!("container {}", wanted.name),
            format!("exists already and {whose}"),
            "name another container in the topology, or take this one over with `--adopt`",
        );
    }
    if !disk::can_become(draft, wanted, seen) {
        return;
    }
    departed::make_way(draft, wanted, seen);
    if !compare_incus(draft, wanted, seen) {
        return;
    }
    let container = wanted.name.clone();
    let state = Cause::State(seen.status.to_string());
    match (&seen.status, &seen.guest) {
        (Status::Running, Part::Present(guest)) => guest::compare(draft, wanted, guest),
        (Status::Running, Part::Unreachable(why)) => unseen(draft, &container, why),
        (Status::Running, Part::Absent) => unseen(draft, &container, "no agent answered"),
        (Status::Frozen, _) => {
            draft.chain(Action::UnfreezeContainer { container }, state);
            guest::wait(draft, wanted);
            draft.plan.look_again = true;
        }
        (Status::Stopped, _) => {
            identity::free_address(draft, wanted, &wanted.name);
            if was_put_down(wanted, seen) {
                draft.chain(Action::Autostart { container: container.clone(), on: true }, Cause::Follows);
            }
            draft.chain(Action::StartContainer { container }, state);
            guest::wait(draft, wanted);
            draft.plan.look_again = true;
        }
        (Status::Other(word), _) => unseen(draft, &container, &format!("Incus says that it is {word}")),
    }
}

/// Compares the container in Incus; `false` where nothing further may be planned for it.
fn compare_incus(draft: &mut Draft<'_>, wanted: &Container, seen: &observed::Container) -> bool {
    let mut keys = wanted.config.clone();
    // Nothing is said of folders that nobody has looked at.
    if seen.guest.seen().is_none() && homes::ledger(seen).is_none() {
        keys.remove(DATA_KEY);
    } else if keys.contains_key(DATA_KEY) {
        keys.insert(DATA_KEY.to_owned(), homes::wanted_ledger(draft, wanted, seen).to_string());
    }
    let (mut changes, mut config) = compare_config(&keys, &seen.config, OUR_KEYS);
    if was_put_down(wanted, seen) {
        changes.retain(|change| change.field != AUTOSTART);
        config.remove(AUTOSTART);
    }
    let mut devices = BTreeMap::new();
    for (name, device) in &wanted.devices {
        let before = seen.devices.get(name);
        if before == Some(device) {
            continue;
        }
        if name == INTERFACE && hosts_set_members(draft, wanted) {
            draft.refuse(
                format!("container {}", wanted.name),
                "its address or network can't change while members of a replica set live in it",
                "keep the address, or bring the system up there beside this one: `distctl export FILE`, then `distctl \
                 import FILE --subnet NETWORK`",
            );
            return false;
        }
        changes.push(Change {
            field: format!("device {name}"),
            from: before.map_or("unset".into(), show_device),
            to: show_device(device),
            effect: Effect::Live,
        });
        devices.insert(name.clone(), device.clone());
    }
    let gone = |name: &&String| name.starts_with(EXPOSED) && !wanted.devices.contains_key(*name);
    let remove: Vec<String> = seen.devices.keys().filter(gone).cloned().collect();
    changes.extend(remove.iter().map(|name| Change {
        field: format!("device {name}"),
        from: seen.devices.get(name).map_or_else(String::new, show_device),
        to: "unset".into(),
        effect: Effect::Live,
    }));
    if !changes.is_empty() {
        let action = Action::UpdateContainer { container: wanted.name.clone(), config, devices, remove };
        draft.chain(action, Cause::Changed(changes));
    }
    true
}

/// Whether a container stands as `down` leaves it: it doesn't start with its host either.
fn was_put_down(wanted: &Container, seen: &observed::Container) -> bool {
    let off = |value: Option<&String>| value.is_some_and(|value| value == "false");
    seen.status == Status::Stopped && off(seen.config.get(AUTOSTART)) && !off(wanted.config.get(AUTOSTART))
}

fn hosts_set_members(draft: &Draft<'_>, wanted: &Container) -> bool {
    let seen = draft.observed.containers.get(&wanted.name).and_then(Part::seen);
    let told = seen.and_then(homes::ledger).unwrap_or_default();
    let is_told = |port: Option<u16>| {
        let members = told.0.iter().filter(|one| one.is_live() && one.holds == Holds::Member);
        members.map(|one| one.port).any(|of| port.is_none_or(|port| port == of))
    };
    // One that does not answer may be a member as well: what a container says of itself counts then.
    draft.guest(&wanted.name).map_or(is_told(None), |guest| {
        guest.mongods.iter().any(|(port, mongod)| match mongod {
            Ok(mongod) => mongod.set_name.is_some(),
            Err(_) => is_told(Some(*port)),
        })
    })
}

fn show_device(device: &BTreeMap<String, String>) -> String {
    device.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}
