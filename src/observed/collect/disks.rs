//! What the limits of disks stand on: the pools, and what containers hold where a limit is about to shrink.

use std::collections::BTreeMap;

use crate::desired::Desired;
use crate::guest::Guests;
use crate::incus::{Client, Error, Instance, root_of};
use crate::observed::{Pool, Status};

/// The driver that keeps containers in plain folders: it holds to limits only where the file system below has project quotas.
const DIR: &str = "dir";

/// How a guest counts what its root disk holds, in bytes; other file systems below are left out.
const COUNT: &[&str] = &["du", "--summarize", "--one-file-system", "--block-size=1", "/"];

/// Looks at the pools in which the topology declares limits. One that this user may not see is left out.
pub(super) async fn pools(client: &Client, desired: &Desired) -> Result<BTreeMap<String, Pool>, Error> {
    let limited = desired.containers.values().filter_map(|wanted| wanted.devices.get("root"));
    let limited = limited.filter(|root| root.contains_key("size")).filter_map(|root| root.get("pool"));
    let mut pools = BTreeMap::new();
    for name in limited {
        if pools.contains_key(name) {
            continue;
        }
        match client.pool(name).await {
            Ok(pool) => {
                let limits = pool.driver != DIR || holds_to_limits(client, name).await?;
                pools.insert(name.clone(), Pool { driver: pool.driver, limits });
            }
            // It is told when a container is to be made in it.
            Err(error) if error.is_forbidden() || error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pools)
}

/// Whether the daemon counts what some container in a pool holds, without which it can hold none to a limit.
async fn holds_to_limits(client: &Client, pool: &str) -> Result<bool, Error> {
    let in_pool = |one: &&Instance| {
        root_of(&one.expanded_devices).and_then(|root| root.get("pool")).is_some_and(|own| own == pool)
    };
    let counted = |one: &Instance| one.state.as_ref().is_some_and(|state| state.disk.contains_key("root"));
    Ok(client.instances_with_state().await?.iter().filter(in_pool).any(counted))
}

/// How many bytes a container's disk holds, where its declared limit is below what it has: as the daemon counts, else as
/// the guest does. `None` where nobody knows, and where it does not matter.
pub(super) async fn used(guests: &Guests, desired: &Desired, instance: &Instance, status: &Status) -> Option<u64> {
    let limit = desired.containers.get(&instance.name)?.disk_limit()?;
    let has = root_of(&instance.expanded_devices).and_then(|root| crate::desired::bytes_of(root.get("size")?));
    if has.is_some_and(|has| has <= limit) {
        return None;
    }
    let state = guests.client.instance_state(&instance.name).await.ok();
    let counted = state.and_then(|state| u64::try_from(state.disk.get("root")?.usage).ok()).filter(|used| *used > 0);
    match (counted, status) {
        (Some(used), _) => Some(used),
        (None, Status::Running) => {
            let ran = guests.client.run(&instance.name, COUNT, Vec::new()).await.ok()?;
            String::from_utf8_lossy(&ran.stdout).split_whitespace().next()?.parse().ok()
        }
        (None, _) => None,
    }
}
