//! mongods that have to go: stopped when nobody counts on them any more, their data kept.

use std::collections::{BTreeMap, BTreeSet};

use protocol::Inspection;

use super::order::Draft;
use super::{Action, Cause, homes};
use crate::desired::{Container, DATA_KEY, Holds, INTERFACE, Ledger, Lodging, Mongod, Scope};
use crate::observed;

/// Where unit files are.
const UNITS: &str = "/etc/systemd/system";

/// A unit that is there and not declared.
struct Gone {
    unit: String,
    port: Option<u16>,
}

/// The units of mongods in a guest that are not declared.
fn gone(draft: &Draft<'_>, container: &str, guest: &Inspection) -> Vec<Gone> {
    let wanted = draft.desired.containers.get(container).map(|wanted| &wanted.units);
    let is_gone = |unit: &&String| {
        let departed = draft.departed.contains(&(container.to_owned(), (*unit).clone()));
        !wanted.is_some_and(|units| units.contains_key(*unit)) && !departed
    };
    let port = |unit: &str| unit.strip_prefix("mongod-")?.strip_suffix(".service")?.parse().ok();
    guest.unit_files.iter().filter(is_gone).map(|unit| Gone { unit: unit.clone(), port: port(unit) }).collect()
}

/// `address:port` of a mongod in a container, as its set knows it.
fn host(seen: &observed::Container, port: u16) -> Option<String> {
    let declared = seen.devices.get(INTERFACE).and_then(|nic| nic.get("ipv4.address")).cloned();
    let inside = || {
        let addresses = seen.guest.seen()?.addresses.get(INTERFACE)?;
        addresses.first()?.split('/').next().map(str::to_owned)
    };
    declared.or_else(inside).map(|address| format!("{address}:{port}"))
}

/// Whether a declared set counts on the mongod of a port, or may.
fn is_counted(draft: &Draft<'_>, seen: &observed::Container, port: Option<u16>) -> bool {
    let host = port.and_then(|port| host(seen, port));
    let ledger = homes::ledger(seen).unwrap_or_default();
    let lodging = port.and_then(|port| ledger.at(port));
    homes::is_counted(draft, lodging, host.as_deref())
}

/// The mongods that are declared in a container.
fn declared<'a>(draft: &Draft<'a>, container: &str) -> Vec<&'a Mongod> {
    let here = homes::processes(draft).into_iter().map(|(_, _, mongod)| mongod);
    here.filter(|mongod| mongod.container == container).collect()
}

/// The files of mongods whose port is held by others: nothing of them is written yet.
pub(super) fn held_files(draft: &Draft<'_>, wanted: &Container) -> BTreeSet<String> {
    let held = |mongod: &&Mongod| draft.held.contains(&(wanted.name.clone(), mongod.unit.clone()));
    declared(draft, &wanted.name).into_iter().filter(held).flat_map(Mongod::own_files).collect()
}

/// Stops what uses the data folder or the port of a declared mongod and is another, before that is written down anywhere:
/// a run that is killed leaves nothing that would start with the wrong data. Declared units among them start again later.
pub(super) fn make_way(draft: &mut Draft<'_>, wanted: &Container, seen: &observed::Container) {
    let (Some(known), Some(guest)) = (homes::ledger(seen), seen.guest.seen()) else { return };
    let here = declared(draft, &wanted.name);
    let folders: BTreeSet<&str> = here.iter().map(|mongod| mongod.data.as_str()).collect();
    let in_the_way = |one: &Gone| {
        let lodging = one.port.and_then(|port| known.at(port));
        !is_counted(draft, seen, one.port) && lodging.is_none_or(|lodging| folders.contains(lodging.path().as_str()))
    };
    let gone: Vec<String> =
        gone(draft, &wanted.name, guest).into_iter().filter(in_the_way).map(|one| one.unit).collect();
    let is_other = |mongod: &&Mongod| {
        let is_own = |one: &Lodging| one.is_live() && one.port == mongod.port && one.path() == mongod.data;
        guest.unit_files.contains(&mongod.unit) && !known.0.iter().any(is_own)
    };
    let free = |mongod: &&Mongod| !draft.held.contains(&(wanted.name.clone(), mongod.unit.clone()));
    let other: Vec<&Mongod> = here.iter().copied().filter(free).filter(is_other).collect();
    let stop: Vec<String> = gone.iter().chain(other.iter().map(|mongod| &mongod.unit)).cloned().collect();
    if stop.is_empty() {
        return;
    }
    draft.chain(change(&wanted.name, stop), Cause::State("its data folder or port is another's now".into()));
    if !gone.is_empty() {
        draft.chain(remove(&wanted.name, &gone), Cause::Undeclared);
    }
    // Where the other is declared with another port, it takes its folder along.
    let is_left = |one: &&Lodging| {
        let moved = folders.contains(one.path().as_str());
        is_outdated_copy(draft, one) && other.iter().any(|mongod| mongod.port == one.port) && !moved
    };
    let left = known.0.iter().filter(is_left).map(|one| (wanted.name.clone(), one.folder.clone()));
    draft.left.extend(left.collect::<Vec<_>>());
    draft.stopped.extend(other.iter().map(|mongod| (wanted.name.clone(), mongod.unit.clone())));
    draft.departed.extend(gone.into_iter().map(|unit| (wanted.name.clone(), unit)));
}

/// Stops the mongods that are not declared any more, each once no set counts on it. Their data stays.
pub(super) fn remove_undeclared_units(draft: &mut Draft<'_>, scope: &Scope) {
    if !draft.plan.refusals.is_empty() {
        return;
    }
    let desired = draft.desired;
    let ours: Vec<_> = homes::ours(draft).collect();
    for (container, seen) in ours {
        let Some(guest) = seen.guest.seen() else { continue };
        let in_scope = match desired.containers.contains_key(container) {
            true => scope.has_container(container),
            false => scope.is_whole(),
        };
        let gone: Vec<Gone> = gone(draft, container, guest)
            .into_iter()
            .filter(|one| !is_counted(draft, seen, one.port) || leaves(draft, seen, one.port).is_some())
            .collect();
        if in_scope && !gone.is_empty() {
            stop(draft, container, seen, &gone);
        }
    }
}

/// The step of the plan that takes a member out of its set.
fn leaves(draft: &Draft<'_>, seen: &observed::Container, port: Option<u16>) -> Option<usize> {
    draft.leaving.get(&host(seen, port?)?).copied()
}

fn stop(draft: &mut Draft<'_>, container: &str, seen: &observed::Container, gone: &[Gone]) {
    let desired = draft.desired;
    let wanted = desired.containers.get(container);
    let sets = desired.replica_sets.keys().filter_map(|set| draft.tail(set));
    let mut after: Vec<usize> = sets.chain(draft.tail(container)).collect();
    after.extend(gone.iter().filter_map(|one| leaves(draft, seen, one.port)));
    let before = wanted.map_or_else(|| homes::ledger(seen), |wanted| Some(homes::wanted_ledger(draft, wanted, seen)));
    if let (Some(before), Some(_)) = (before, homes::ledger(seen)) {
        let lodgings = gone.iter().filter_map(|one| before.at(one.port?));
        let folders: Vec<String> =
            lodgings.filter(|lodging| is_outdated_copy(draft, lodging)).map(|lodging| lodging.folder.clone()).collect();
        let ledger = folders.iter().fold(before.clone(), |ledger, folder| ledger.without(folder));
        let kept = left(&before, &ledger);
        if !kept.is_empty() {
            after = vec![draft.add(keep(container, &ledger), kept_as(&kept), after)];
        }
    }
    let units: Vec<String> = gone.iter().map(|one| one.unit.clone()).collect();
    let stopped = draft.add(change(container, units.clone()), Cause::Undeclared, after);
    draft.add(remove(container, &units), Cause::Undeclared, [stopped]);
}

/// Whether a folder will only be a copy that gets old: its set goes on without it. What a database that is not declared any
/// more has is all that there is of it, and what it begins with when it is declared again.
fn is_outdated_copy(draft: &Draft<'_>, lodging: &Lodging) -> bool {
    lodging.holds == Holds::Member && draft.desired.replica_sets.contains_key(&lodging.owner)
}

/// The folders that are left behind between two ledgers.
fn left(before: &Ledger, after: &Ledger) -> Vec<String> {
    let is_new = |one: &&Lodging| !one.is_live() && !before.0.contains(one);
    after.0.iter().filter(is_new).map(Lodging::path).collect()
}

fn kept_as(folders: &[String]) -> Cause {
    Cause::State(format!("the data in {} stays, and is not used any more", folders.join(", ")))
}

fn keep(container: &str, ledger: &Ledger) -> Action {
    Action::UpdateContainer {
        container: container.to_owned(),
        config: [(DATA_KEY.to_owned(), Some(ledger.to_string()))].into(),
        devices: BTreeMap::new(),
        remove: Vec::new(),
    }
}

fn change(container: &str, stop: Vec<String>) -> Action {
    Action::ChangeUnits {
        container: container.to_owned(),
        reload: false,
        start: Vec::new(),
        restart: Vec::new(),
        stop,
        logs: BTreeMap::new(),
    }
}

/// The file of a unit, and what belongs to it alone.
fn remains(unit: &str) -> Vec<String> {
    let port = unit.strip_prefix("mongod-").and_then(|rest| rest.strip_suffix(".service"));
    let own = port.map(|port| [format!("{UNITS}/handover-{port}.service"), format!("/etc/distctl/mongod-{port}.conf")]);
    [format!("{UNITS}/{unit}")].into_iter().chain(own.into_iter().flatten()).collect()
}

fn remove(container: &str, units: &[String]) -> Action {
    Action::WriteFiles {
        container: container.to_owned(),
        system_users: Vec::new(),
        directories: Vec::new(),
        files: BTreeMap::new(),
        remove: units.iter().flat_map(|unit| remains(unit)).collect(),
    }
}
