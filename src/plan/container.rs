//! One container: the thing in Incus, then the files and units inside it.

use std::collections::BTreeMap;

use protocol::{Inspection, PathState, UnitState};

use super::action::staging_path;
use super::diff::compare_config;
use super::order::Draft;
use super::{Action, Cause, Change, Effect, PushSource, secrets};
use crate::desired::{Container, Content, File, INTERFACE, OWNER_KEY, Scope};
use crate::observed::{self, Part, Status};

/// Configuration keys that are distctl's to unset when the topology does not name them any more.
const OUR_KEYS: &[&str] = &["limits.cpu", "limits.memory", "limits.processes", "boot.autostart"];

/// Plans all of one container, but for restarts that a replica set has to roll.
pub(super) fn plan(draft: &mut Draft<'_>, wanted: &Container, adopt: bool) {
    if let Some(holder) = draft.observed.taken.get(&wanted.ipv4) {
        return draft.refuse(
            format!("container {}", wanted.name),
            format!("its address {} is held by {holder}", wanted.ipv4),
            "give one of the two another address",
        );
    }
    match draft.observed.containers.get(&wanted.name) {
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
    stage_artifacts(draft, wanted, |_| true);
    wait(draft, wanted);
    if !wanted.packages.is_empty() {
        let packages = wanted.packages.clone();
        draft.chain(Action::InstallPackages { container: container.clone(), packages }, Cause::Missing);
    }
    let files: BTreeMap<_, _> = wanted
        .files
        .iter()
        .filter(|(_, file)| !matches!(file.content, Content::Agent { .. }))
        .map(|(path, file)| (path.clone(), file.clone()))
        .collect();
    for file in files.values() {
        if let Content::Secret(name) = &file.content {
            secrets::truth(draft, name);
        }
    }
    write(draft, wanted, files, Cause::Missing);
    start_units(draft, wanted, wanted.units.keys().cloned().collect(), &[], true, Cause::Missing);
}

/// Pushes artifacts to their staging places, for the agent to check and move.
fn stage_artifacts(draft: &mut Draft<'_>, wanted: &Container, chosen: impl Fn(&str) -> bool) {
    for (path, file) in wanted.files.iter().filter(|(path, _)| chosen(path)) {
        let (sha256, source) = match &file.content {
            Content::Artifact { path, sha256, size } => (sha256, PushSource::Host { path: path.clone(), size: *size }),
            Content::Agent { sha256 } if draft.guest(&wanted.name).is_some() => (sha256, PushSource::Agent),
            _ => continue,
        };
        let action = Action::PushFile { container: wanted.name.clone(), to: staging_path(sha256), mode: 0o600, source };
        let field = path.clone();
        let cause = match draft.guest(&wanted.name) {
            None => Cause::Missing,
            Some(_) => Cause::State(format!("{field} is missing or differs")),
        };
        draft.chain(action, cause);
    }
}

fn wait(draft: &mut Draft<'_>, wanted: &Container) {
    let prefix = draft.desired.network.ipv4.prefix_len();
    let address = format!("{}/{prefix}", wanted.ipv4);
    draft.chain(Action::WaitContainer { container: wanted.name.clone(), address }, Cause::Follows);
}

fn write(draft: &mut Draft<'_>, wanted: &Container, files: BTreeMap<String, File>, cause: Cause) {
    let action = Action::WriteFiles {
        container: wanted.name.clone(),
        system_users: wanted.system_users.clone(),
        directories: wanted.directories.clone(),
        files,
        remove: Vec::new(),
    };
    draft.chain(action, cause);
}

fn start_units(
    draft: &mut Draft<'_>,
    wanted: &Container,
    start: Vec<String>,
    restart: &[String],
    reload: bool,
    cause: Cause,
) {
    if start.is_empty() && restart.is_empty() && !reload || wanted.units.is_empty() && restart.is_empty() {
        return;
    }
    let logs = start
        .iter()
        .filter_map(|unit| Some((unit.clone(), wanted.units.get(unit)?.log.clone()?)))
        .collect::<BTreeMap<_, _>>();
    for unit in &start {
        draft.started.insert((wanted.name.clone(), unit.clone()));
    }
    let action = Action::ChangeUnits {
        container: wanted.name.clone(),
        reload,
        start,
        restart: restart.to_vec(),
        stop: Vec::new(),
        logs,
    };
    draft.chain(action, cause);
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
    if !compare_incus(draft, wanted, seen) {
        return;
    }
    let container = wanted.name.clone();
    let state = Cause::State(seen.status.to_string());
    match (&seen.status, &seen.guest) {
        (Status::Running, Part::Present(guest)) => compare_guest(draft, wanted, guest),
        (Status::Running, Part::Unreachable(why)) => unseen(draft, &container, why),
        (Status::Running, Part::Absent) => unseen(draft, &container, "no agent answered"),
        (Status::Frozen, _) => {
            draft.chain(Action::UnfreezeContainer { container }, state);
            wait(draft, wanted);
            draft.plan.look_again = true;
        }
        (Status::Stopped, _) => {
            draft.chain(Action::StartContainer { container }, state);
            wait(draft, wanted);
            draft.plan.look_again = true;
        }
        (Status::Other(word), _) => unseen(draft, &container, &format!("Incus says that it is {word}")),
    }
}

/// Compares the container in Incus; `false` where nothing further may be planned for it.
fn compare_incus(draft: &mut Draft<'_>, wanted: &Container, seen: &observed::Container) -> bool {
    let (mut changes, config) = compare_config(&wanted.config, &seen.config, OUR_KEYS);
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
                "keep the address, or destroy the container and let the set fill it anew",
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
    if !changes.is_empty() {
        let action = Action::UpdateContainer { container: wanted.name.clone(), config, devices };
        draft.chain(action, Cause::Changed(changes));
    }
    true
}

fn hosts_set_members(draft: &Draft<'_>, wanted: &Container) -> bool {
    draft
        .guest(&wanted.name)
        .is_some_and(|guest| guest.mongods.values().flatten().any(|mongod| mongod.set_name.is_some()))
}

fn show_device(device: &BTreeMap<String, String>) -> String {
    device.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn compare_guest(draft: &mut Draft<'_>, wanted: &Container, guest: &Inspection) {
    if guest.systemd.is_none() {
        return draft.refuse(
            format!("container {}", wanted.name),
            "has no systemd, which distctl runs everything with",
            "make it from an image whose init is systemd, `images:debian/12` for instance",
        );
    }
    let missing: Vec<_> = wanted.packages.iter().filter(|name| !guest.packages.contains_key(*name)).cloned().collect();
    if !missing.is_empty() {
        draft.chain(Action::InstallPackages { container: wanted.name.clone(), packages: missing }, Cause::Missing);
    }
    let written = compare_files(draft, wanted, guest);
    let restart = services_to_restart(draft, wanted, guest, &written);
    compare_units(draft, wanted, guest, &written, &restart);
}

/// Plans the files that differ and gives their paths.
fn compare_files(draft: &mut Draft<'_>, wanted: &Container, guest: &Inspection) -> Vec<String> {
    let mut changes = Vec::new();
    let mut files = BTreeMap::new();
    for (path, file) in &wanted.files {
        let sha256 = match &file.content {
            Content::Bytes(bytes) => Some(crate::desired::sha256_hex(bytes)),
            Content::Artifact { sha256, .. } | Content::Agent { sha256 } => Some(sha256.clone()),
            Content::Secret(name) => secrets::truth(draft, name),
        };
        if let Some(change) = compare_path(path, sha256, (file.mode, &file.owner, &file.group), guest) {
            changes.push(change);
            files.insert(path.clone(), file.clone());
        }
    }
    let written: Vec<String> = files.keys().cloned().collect();
    for directory in &wanted.directories {
        let wants = (directory.mode, &directory.owner, &directory.group);
        changes.extend(compare_path(&directory.path, None, wants, guest));
    }
    if !changes.is_empty() {
        stage_artifacts(draft, wanted, |path| written.iter().any(|changed| changed == path));
        write(draft, wanted, files, Cause::Changed(changes));
    }
    written
}

/// Compares one path; without a hash only mode and owner count (a directory, or a secret that nobody has yet).
fn compare_path(
    path: &str,
    sha256: Option<String>,
    (mode, owner, group): (u32, &String, &String),
    guest: &Inspection,
) -> Option<Change> {
    let change = |from: String, to: String| Change { field: path.to_string(), from, to, effect: Effect::Live };
    let Some(PathState { sha256: found, mode: has_mode, owner: has_owner, group: has_group, .. }) =
        guest.paths.get(path)
    else {
        return Some(change("missing".into(), format!("{mode:04o} {owner}:{group}")));
    };
    if let Some(sha256) = sha256
        && found.as_ref() != Some(&sha256)
    {
        let found = found.as_deref().map_or("no file", short);
        return Some(change(format!("sha256 {found}"), format!("sha256 {}", short(&sha256))));
    }
    let same = *has_mode == mode && has_owner == owner && has_group == group;
    (!same).then(|| change(format!("{has_mode:04o} {has_owner}:{has_group}"), format!("{mode:04o} {owner}:{group}")))
}

fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// Units of the guest's own that must take up a written file, or bring the right address back.
fn services_to_restart(draft: &Draft<'_>, wanted: &Container, guest: &Inspection, written: &[String]) -> Vec<String> {
    let mut restart: Vec<String> = written.iter().filter_map(|path| wanted.files.get(path)?.restarts.clone()).collect();
    let address = format!("{}/{}", wanted.ipv4, draft.desired.network.ipv4.prefix_len());
    let right = guest.addresses.get(INTERFACE).is_some_and(|addresses| addresses.contains(&address));
    if !right {
        restart.push("systemd-networkd.service".into());
    }
    restart.sort();
    restart.dedup();
    restart
}

fn compare_units(
    draft: &mut Draft<'_>,
    wanted: &Container,
    guest: &Inspection,
    written: &[String],
    restart: &[String],
) {
    let unknown = UnitState::default();
    let mut start = Vec::new();
    let mut states = Vec::new();
    let mut reload = written.iter().any(|path| path.starts_with("/etc/systemd/system/"));
    for (name, unit) in &wanted.units {
        let seen = guest.units.get(name).unwrap_or(&unknown);
        reload |= seen.needs_reload;
        if let Some(state) = amiss(seen) {
            states.push(format!("{} is {state}", name.trim_end_matches(".service")));
            start.push(name.clone());
        } else if unit.revision.is_some() && seen.revision != unit.revision {
            draft.outdated.insert((wanted.name.clone(), name.clone()));
        }
    }
    if !restart.is_empty() {
        let address = guest.addresses.get(INTERFACE).map_or("none".into(), |seen| seen.join(", "));
        states.push(format!("{INTERFACE} has {address}"));
    }
    let cause = if states.is_empty() { Cause::Follows } else { Cause::State(states.join(", ")) };
    start_units(draft, wanted, start, restart, reload, cause);
    if !restart.is_empty() {
        wait(draft, wanted);
    }
}

/// What keeps a unit from being enabled and running, in a few words.
fn amiss(unit: &UnitState) -> Option<String> {
    match unit.active.as_str() {
        "active" if unit.enabled == "enabled" => None,
        "active" => Some(if unit.enabled.is_empty() { "not enabled".into() } else { unit.enabled.clone() }),
        "" => Some("missing".into()),
        "failed" => Some(format!("failed ({})", unit.result)),
        other if unit.load == "not-found" => Some(format!("missing ({other})")),
        other => Some(other.to_string()),
    }
}

/// Stops units that are distctl's and not declared any more, once no replica set counts on them.
pub(super) fn remove_undeclared_units(draft: &mut Draft<'_>, scope: &Scope) {
    let desired = draft.desired;
    for wanted in desired.containers.values().filter(|wanted| scope.has_container(&wanted.name)) {
        let Some(guest) = draft.guest(&wanted.name) else {
            continue;
        };
        let gone: Vec<String> =
            guest.unit_files.iter().filter(|unit| !wanted.units.contains_key(*unit)).cloned().collect();
        if gone.is_empty() || !draft.plan.refusals.is_empty() {
            continue;
        }
        let sets: Vec<usize> = desired.replica_sets.keys().filter_map(|set| draft.tail(set)).collect();
        let after = sets.into_iter().chain(draft.tail(&wanted.name));
        let container = wanted.name.clone();
        let stop = Action::ChangeUnits {
            container: container.clone(),
            reload: false,
            start: Vec::new(),
            restart: Vec::new(),
            stop: gone.clone(),
            logs: BTreeMap::new(),
        };
        let stopped = draft.add(stop, Cause::Undeclared, after);
        let remove = gone.iter().map(|unit| format!("/etc/systemd/system/{unit}")).collect();
        let write = Action::WriteFiles {
            container,
            system_users: Vec::new(),
            directories: Vec::new(),
            files: BTreeMap::new(),
            remove,
        };
        draft.add(write, Cause::Undeclared, [stopped]);
    }
}
