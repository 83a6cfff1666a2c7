//! From `Desired` and `Observed` to a `Plan`.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{self, Who};
use super::order::Draft;
use super::{
    Action, Cause, Change, Effect, Finding, Plan, auth, container, departed, disk, fragments, homes, incus_ui, init,
    losses, mongod, remains, replica_set, service, under_way, unfinished,
};
use crate::desired::{Desired, OWNER_KEY, Scope};
use crate::observed::{Network, Observed, Part};

/// What the user asks for besides the topology.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Takes over a network or containers of the declared names that are not distctl's.
    pub adopt: bool,
    /// Plans only this part.
    pub scope: Scope,
    /// The bundle whose import plans this: what it has begun is its own.
    pub import: Option<String>,
}

/// Plans the steps that bring what is to what should be.
pub fn diff(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let mut plan = named(desired, observed, options);
    if let Some(why) = observed.no_lease.as_ref().filter(|_| !plan.steps.is_empty()) {
        plan.refusals.push(Finding {
            object: "lease".into(),
            message: format!("{why}, and every change needs one"),
            hint: "run distctl as a user of the group incus-admin, or have an administrator of the server set `restricted: \
                   false` for this certificate with `incus config trust edit FINGERPRINT`"
                .into(),
        });
    }
    plan
}

/// Plans once it is known who is who.
fn named(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let mut draft = Draft::new(desired, observed);
    if !unfinished::is_none(&mut draft, options) {
        return draft.plan;
    }
    let renames = identity::renames(&mut draft, &options.scope);
    if !draft.plan.refusals.is_empty() {
        // Where it isn't known who is who, all else would name the wrong ones.
        return draft.plan;
    }
    if renames.is_empty() {
        return compare(desired, observed, options);
    }
    // What else is wrong keeps containers from being renamed; what else is to be done is planned when they are.
    let after = compare(desired, &identity::renamed(observed, &renames), options);
    draft.plan.refusals.extend(after.refusals);
    draft.plan.notes = after.notes;
    identity::plan(&mut draft, &renames);
    draft.plan
}

/// Plans for containers that have the names by which they are declared.
fn compare(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let mut draft = Draft::new(desired, observed);
    let scope = &options.scope;
    losses::refuse(&mut draft);
    draft.scope = scope.clone();
    auth::hold_back(&mut draft);
    plan_network(&mut draft, options.adopt);
    let asleep: BTreeSet<String> = homes::asleep(&draft).into_iter().filter(|name| scope.has_container(name)).collect();
    let all = desired.containers.values().filter(|container| scope.has_container(&container.name));
    if asleep.is_empty() {
        init::forget(&mut draft, scope);
        all.for_each(|container| container::plan(&mut draft, container, options.adopt));
        plan_inside(&mut draft, scope);
    } else {
        // What they have decides about the rest, secrets and data above all.
        all.filter(|one| asleep.contains(&one.name)).for_each(|one| container::plan(&mut draft, one, options.adopt));
        draft.plan.look_again = true;
    }
    find_undeclared_containers(&mut draft);
    under_way::find(&mut draft);
    identity::tell_copies(&mut draft);
    disk::tell_attached(&mut draft);
    if scope.is_whole() {
        incus_ui::plan(&mut draft);
    }
    super::secrets::keep_used(&mut draft);
    draft.plan
}

/// Plans databases and what runs beside them, behind their containers.
fn plan_inside(draft: &mut Draft<'_>, scope: &Scope) {
    let desired = draft.desired;
    for standalone in desired.standalones.values().filter(|standalone| scope.has_mongods(&standalone.name)) {
        mongod::plan_standalone(draft, standalone);
    }
    for set in desired.replica_sets.values().filter(|set| scope.has_mongods(&set.name)) {
        replica_set::plan(draft, set);
    }
    service::plan_all(draft, scope);
    fragments::plan(draft, scope);
    departed::remove_undeclared_units(draft, scope);
    remains::remove_secrets(draft, scope);
}

fn plan_network(draft: &mut Draft<'_>, adopt: bool) {
    let desired = draft.desired;
    let wanted = &desired.network;
    match &draft.observed.network {
        Part::Absent => {
            let step = draft.chain(Action::CreateNetwork(wanted.clone()), Cause::Missing);
            for container in desired.containers.keys() {
                draft.wait_for(container, step);
            }
        }
        Part::Unreachable(why) => {
            draft.find(format!("network {}", wanted.name), format!("can't be looked at: {why}"), "run `distctl doctor`")
        }
        Part::Present(seen) => compare_network(draft, seen, adopt),
    }
}

fn compare_network(draft: &mut Draft<'_>, seen: &Network, adopt: bool) {
    let wanted = &draft.desired.network;
    let object = format!("network {}", wanted.name);
    if !seen.managed {
        return draft.refuse(
            object,
            "is an interface of the host that Incus does not manage",
            "name another network under `network: name:` in the topology",
        );
    }
    let owner = seen.config.get(OWNER_KEY);
    let ours = owner == Some(&draft.desired.name);
    if !ours && !adopt {
        // A network that others made is used as it is where it serves; it is never changed.
        let unlike: Vec<_> = ["ipv4.address", "ipv4.nat"]
            .into_iter()
            .filter(|key| is(seen.config.get(*key)) != is(wanted.config.get(*key)))
            .map(|key| format!("{key} is {} and not {}", is(seen.config.get(key)), is(wanted.config.get(key))))
            .collect();
        if !unlike.is_empty() {
            let whose = owner.map_or("is not distctl's".to_string(), |name| format!("belongs to topology {name}"));
            draft.refuse(
                object,
                format!("{whose}, and {}", unlike.join(", ")),
                "name another network under `network: name:`, or take this one over with `--adopt`",
            );
        }
        return;
    }
    let (changes, config) = compare_config(&wanted.config, &seen.config, &[]);
    if !changes.is_empty() {
        draft.chain(Action::UpdateNetwork { network: wanted.name.clone(), config }, Cause::Changed(changes));
    }
}

fn is(value: Option<&String>) -> &str {
    match value.map(String::as_str) {
        None | Some("") => "unset",
        Some(value) => value,
    }
}

/// Compares wanted keys, and those of `ours` that are not wanted any more, with what was seen.
pub(super) fn compare_config(
    wanted: &BTreeMap<String, String>,
    seen: &BTreeMap<String, String>,
    ours: &[&str],
) -> (Vec<Change>, BTreeMap<String, Option<String>>) {
    let mut changes = Vec::new();
    let mut config = BTreeMap::new();
    let gone = ours.iter().copied().filter(|key| seen.contains_key(*key) && !wanted.contains_key(*key));
    for key in wanted.keys().map(String::as_str).chain(gone) {
        let (from, to) = (seen.get(key), wanted.get(key));
        if from != to {
            let change = Change { field: key.into(), from: is(from).into(), to: is(to).into(), effect: Effect::Live };
            changes.push(change);
            config.insert(key.to_string(), to.cloned());
        }
    }
    (changes, config)
}

fn find_undeclared_containers(draft: &mut Draft<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    let unseen = observed
        .containers
        .iter()
        .filter(|(name, part)| !desired.containers.contains_key(*name) && matches!(part, Part::Unreachable(_)));
    let others = identity::others(desired, observed).filter(|(.., who)| *who == Who::Undeclared);
    let names: BTreeSet<&String> = unseen.map(|(name, _)| name).chain(others.map(|(name, ..)| name)).collect();
    for name in names {
        let owners = homes::live_owners(draft, name);
        let hint = match owners.is_empty() {
            true => format!("declare it again, or remove it: `distctl destroy --only {name}`"),
            false => format!("declare it again: it has data of {}", owners.join(", ")),
        };
        draft.find(format!("container {name}"), "belongs to this topology and is not declared in it any more", hint);
    }
}
