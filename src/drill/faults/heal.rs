//! Undoing what is left of faults and workloads, whoever began them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use protocol::{EndDrillRequest, FaultKind, HealRequest, Reply, Request};
use serde::Serialize;

use super::{Noted, set_key};
use crate::desired::{Desired, FAULT_KEY, ReplicaSet};
use crate::drill::workload::{DATABASE, USER};
use crate::guest::{self, Guests};
use crate::incus::{Instance, Status};

/// How long dropping a workload's database may take, in milliseconds.
const DROPPING_MS: u64 = 30_000;

/// What was left and is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The container that it was in.
    pub container: String,
    /// What it was: `partition of 10.10.10.12:27017`, `workload d-20261124-1`.
    pub what: String,
}

/// The faults that a container's keys tell of.
pub fn noted(config: &BTreeMap<String, String>) -> BTreeMap<String, Option<Noted>> {
    let keys = config.iter().filter(|(key, _)| key.starts_with(FAULT_KEY));
    keys.map(|(key, value)| (key.clone(), serde_json::from_str(value).ok())).collect()
}

/// The containers of a topology whose keys tell of faults.
pub async fn left(guests: &Guests, desired: &Desired) -> Result<Vec<String>> {
    let instances = guests.client.instances().await?;
    let ours = instances.into_iter().filter(|instance| desired.containers.contains_key(&instance.name));
    Ok(ours.filter(|instance| !noted(&instance.config).is_empty()).map(|instance| instance.name).collect())
}

/// What guests that run have left of tests, with or without a key. Changes nothing.
pub async fn inside_left(guests: &Guests, desired: &Desired) -> Result<Vec<Left>> {
    ask_all(guests, desired.containers.keys(), &HealRequest::Nothing).await
}

/// Removes what a killed run had begun to write down in some containers, and says what that was. It broke nothing yet.
pub async fn clear<'c>(guests: &Guests, containers: impl Iterator<Item = &'c String>) -> Result<Vec<Left>> {
    ask_all(guests, containers, &HealRequest::Unfinished).await
}

async fn ask_all<'c>(
    guests: &Guests,
    containers: impl Iterator<Item = &'c String>,
    request: &HealRequest,
) -> Result<Vec<Left>> {
    let instances = guests.client.instances().await?;
    let runs = |name: &str| instances.iter().any(|one| one.name == name && one.status == Status::Running);
    let asked = containers.filter(|name| runs(name)).map(|name| inside(guests, name, request));
    Ok(try_join_all(asked).await?.concat())
}

/// Undoes all that is left in the containers of a topology, and says what that was. What can't be undone in one container
/// keeps no other from being healed.
pub async fn heal(guests: &Guests, desired: &Desired) -> Result<Vec<Left>> {
    let (mut left, mut failed) = (Vec::new(), Ok(()));
    // What workloads made through a service can be removed only where that works again, so faults go first everywhere.
    for request in [HealRequest::AllFaults, HealRequest::Everything] {
        for instance in guests.client.instances().await? {
            if desired.containers.contains_key(&instance.name) {
                match heal_one(guests, &instance, &request).await {
                    Ok(found) => left.extend(found),
                    Err(error) => failed = failed.and(Err(error.context(format!("{} was not healed", instance.name)))),
                }
            }
        }
    }
    for set in desired.replica_sets.values() {
        if let Some(first) = set.members.first() {
            let ended = end(guests, set, &first.container).await;
            failed = failed.and(ended.with_context(|| format!("{} was not cleaned up", set.name)));
        }
    }
    failed.map(|()| left)
}

async fn heal_one(guests: &Guests, instance: &Instance, request: &HealRequest) -> Result<Vec<Left>> {
    let (name, noted) = (&instance.name, noted(&instance.config));
    let mut left = Vec::new();
    for fault in noted.values().flatten().filter(|fault| fault.kind.is_of_container()) {
        container(guests, name, fault.kind).await?;
        left.push(Left { container: name.clone(), what: fault.kind.to_string() });
    }
    // One that somebody stopped for reasons of his own is left alone: its guest can't hold anything.
    let runs = noted.values().flatten().any(|fault| fault.kind.is_of_container()) || instance.status == Status::Running;
    if runs {
        left.extend(inside(guests, name, request).await?);
    }
    for key in noted.keys() {
        set_key(guests, name, key, None).await?;
    }
    Ok(left)
}

/// Lets a container go on or starts it; one that does already is no error.
pub async fn container(guests: &Guests, name: &str, kind: FaultKind) -> Result<()> {
    let client = &guests.client;
    let status = client.instance(name).await?.status;
    match (kind, status) {
        (FaultKind::Freeze, Status::Frozen) => client.unfreeze_instance(name).await?,
        (FaultKind::ContainerStop | FaultKind::ContainerKill, Status::Stopped) => guest::start(client, name).await?,
        _ => {}
    }
    Ok(())
}

async fn inside(guests: &Guests, name: &str, request: &HealRequest) -> Result<Vec<Left>> {
    let healed = match guest::call(guests, name, &Request::Heal(request.clone()), |_| {}).await? {
        Reply::Healed(healed) => healed,
        other => bail!("the agent in {name} answers {other:?}"),
    };
    let faults = healed.faults.into_iter().map(|fault| format!("{} of {}", fault.kind, fault.members.join(", ")));
    let workloads = healed.workloads.into_iter().map(|run| format!("workload {run}"));
    let unfinished = healed.unfinished.into_iter().map(|id| format!("fault {id}, begun and never in force"));
    Ok(faults.chain(workloads).chain(unfinished).map(|what| Left { container: name.to_owned(), what }).collect())
}

/// Removes the database and the user of workloads from a set.
pub async fn end(guests: &Guests, set: &ReplicaSet, container: &str) -> Result<()> {
    let request = EndDrillRequest {
        set: set.address(),
        database: DATABASE.to_owned(),
        user: set.access.is_some().then(|| USER.to_owned()),
        timeout_ms: DROPPING_MS,
    };
    guest::call(guests, container, &Request::EndDrill(request), |_| {}).await?;
    Ok(())
}
