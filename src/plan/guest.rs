//! What is inside a container: packages, files, units.

use std::collections::BTreeMap;

use protocol::{Inspection, PathState, UnitState};

use super::action::staging_path;
use super::order::Draft;
use super::{Action, Cause, Change, Effect, PushSource, departed, secrets, storage};
use crate::desired::{Container, Content, File, INTERFACE};

/// Plans what differs inside a running container.
pub(super) fn compare(draft: &mut Draft<'_>, wanted: &Container, guest: &Inspection) {
    if guest.systemd.is_none() {
        return draft.refuse(
            format!("container {}", wanted.name),
            "has no systemd, which distctl runs everything with",
            "make it from an image whose init is systemd, `images:debian/12` for instance",
        );
    }
    storage::find(draft, wanted, guest);
    let missing: Vec<_> = wanted.packages.iter().filter(|name| !guest.packages.contains_key(*name)).cloned().collect();
    if !missing.is_empty() {
        draft.chain(Action::InstallPackages { container: wanted.name.clone(), packages: missing }, Cause::Missing);
    }
    let written = compare_files(draft, wanted, guest);
    storage::own(draft, wanted, guest);
    let restart = services_to_restart(draft, wanted, guest, &written);
    compare_units(draft, wanted, guest, &written, &restart);
}

/// Plans the files that differ and gives their paths.
fn compare_files(draft: &mut Draft<'_>, wanted: &Container, guest: &Inspection) -> Vec<String> {
    let mut changes = Vec::new();
    let mut files = BTreeMap::new();
    let held = departed::held_files(draft, wanted);
    for (path, file) in wanted.files.iter().filter(|(path, _)| !held.contains(*path)) {
        let is_there = guest.paths.contains_key(path);
        let Some(file) = draft.for_now(&wanted.name, path, file, is_there).cloned() else { continue };
        if let Some(change) = compare_file(draft, path, &file, guest) {
            changes.push(change);
            files.insert(path.clone(), file);
        }
    }
    let written: Vec<String> = files.keys().cloned().collect();
    for directory in &wanted.directories {
        let wants = (directory.mode, &directory.owner, &directory.group);
        changes.extend(compare_path(&directory.path, None, wants, guest));
    }
    if !changes.is_empty() {
        stage_artifacts(draft, wanted, &wanted.files);
        write(draft, wanted, files, Cause::Changed(changes));
    }
    written
}

/// Compares one file, its content included.
pub(super) fn compare_file(draft: &mut Draft<'_>, path: &str, file: &File, guest: &Inspection) -> Option<Change> {
    let sha256 = match &file.content {
        Content::Bytes(bytes) => Some(crate::desired::sha256_hex(bytes)),
        Content::Artifact { sha256, .. } | Content::Agent { sha256 } => Some(sha256.clone()),
        Content::Secret(name) => secrets::truth(draft, name),
        Content::Filled(_) => match guest.filled.get(path) {
            Some(sha256) => Some(sha256.clone()),
            // What is there was filled with a secret that has gone.
            None => {
                let from = guest.paths.get(path).and_then(|seen| seen.sha256.as_deref());
                let from = from.map_or("missing".into(), |sha256| format!("sha256 {}", short(sha256)));
                return Some(Change { field: path.into(), from, to: "filled anew".into(), effect: Effect::Live });
            }
        },
    };
    compare_path(path, sha256, (file.mode, &file.owner, &file.group), guest)
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
        if draft.held.contains(&(wanted.name.clone(), name.clone())) {
            continue;
        }
        let seen = guest.units.get(name).unwrap_or(&unknown);
        reload |= seen.needs_reload;
        if draft.stopped.contains(&(wanted.name.clone(), name.clone())) {
            start.push(name.clone());
        } else if let Some(state) = amiss(seen) {
            states.push(format!("{} is {state}", name.trim_end_matches(".service")));
            start.push(name.clone());
        } else if unit.revision.is_some()
            && !draft.is_for_later(&wanted.name, name)
            && (seen.revision != unit.revision || unit.reads.iter().any(|path| written.contains(path)))
        {
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
pub(super) fn amiss(unit: &UnitState) -> Option<String> {
    match unit.active.as_str() {
        "active" if unit.enabled == "enabled" => None,
        "active" => Some(if unit.enabled.is_empty() { "not enabled".into() } else { unit.enabled.clone() }),
        "" => Some("missing".into()),
        "failed" => Some(format!("failed ({})", unit.result)),
        other if unit.load == "not-found" => Some(format!("missing ({other})")),
        other => Some(other.to_string()),
    }
}

/// Pushes artifacts that a container does not have yet to their staging places, for the agent to check and move.
pub(super) fn stage_artifacts(draft: &mut Draft<'_>, wanted: &Container, files: &BTreeMap<String, File>) {
    let guest = draft.guest(&wanted.name);
    for (path, file) in files {
        let (sha256, source) = match &file.content {
            Content::Artifact { path, sha256, size } => (sha256, PushSource::Host { path: path.clone(), size: *size }),
            Content::Agent { sha256 } if guest.is_some() => (sha256, PushSource::Agent),
            _ => continue,
        };
        let cause = match guest {
            None => Cause::Missing,
            Some(guest) if guest.paths.get(path).is_some_and(|seen| seen.sha256.as_ref() == Some(sha256)) => continue,
            Some(_) => Cause::State(format!("{path} is missing or differs")),
        };
        let action = Action::PushFile { container: wanted.name.clone(), to: staging_path(sha256), mode: 0o600, source };
        draft.chain(action, cause);
    }
}

pub(super) fn wait(draft: &mut Draft<'_>, wanted: &Container) {
    let prefix = draft.desired.network.ipv4.prefix_len();
    let address = format!("{}/{prefix}", wanted.ipv4);
    draft.chain(Action::WaitContainer { container: wanted.name.clone(), address }, Cause::Follows);
}

pub(super) fn write(draft: &mut Draft<'_>, wanted: &Container, files: BTreeMap<String, File>, cause: Cause) {
    let action = Action::WriteFiles {
        container: wanted.name.clone(),
        system_users: wanted.system_users.clone(),
        directories: wanted.directories.clone(),
        files,
        remove: Vec::new(),
    };
    draft.chain(action, cause);
}

pub(super) fn start_units(
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
