//! Cuts that are kept: listed, deleted, gone back to.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;

use super::{EXPORT, PREFIX, discard};
use crate::desired::Desired;
use crate::guest::Guests;
use crate::incus::Status;

/// A cut, as far as the containers still have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name, without [`PREFIX`].
    pub name: String,
    /// When the first of its snapshots was taken, as Incus tells it.
    pub created: String,
    /// The containers that have it.
    pub containers: Vec<String>,
    /// Declared containers that don't: made since, or the snapshot was deleted by hand.
    pub missing: Vec<String>,
}

/// Lists the cuts of a system, the oldest first.
pub async fn kept(guests: &Guests, desired: &Desired) -> Result<Vec<Kept>> {
    let asked = desired.containers.keys().map(|container| async move {
        match guests.client.snapshots(container).await {
            Ok(snapshots) => Ok((container, snapshots)),
            Err(error) if error.is_not_found() => Ok((container, Vec::new())),
            Err(error) => Err(error),
        }
    });
    let mut cuts: BTreeMap<String, Kept> = BTreeMap::new();
    for (container, snapshots) in try_join_all(asked).await? {
        for snapshot in snapshots {
            let Some(name) = snapshot.name.strip_prefix(PREFIX) else { continue };
            if snapshot.name.starts_with(EXPORT) {
                continue;
            }
            let cut = cuts.entry(name.to_owned()).or_insert_with(|| Kept {
                name: name.to_owned(),
                created: snapshot.created_at.clone(),
                containers: Vec::new(),
                missing: Vec::new(),
            });
            cut.containers.push(container.clone());
            cut.created = cut.created.clone().min(snapshot.created_at);
        }
    }
    let mut cuts: Vec<Kept> = cuts.into_values().collect();
    for cut in &mut cuts {
        cut.missing = desired.containers.keys().filter(|name| !cut.containers.contains(name)).cloned().collect();
    }
    cuts.sort_by(|one, other| (&one.created, &one.name).cmp(&(&other.created, &other.name)));
    Ok(cuts)
}

/// Deletes the snapshots of a cut wherever they are.
///
/// # Errors
/// What can't be deleted.
pub async fn remove(guests: &Guests, cut: &Kept) -> Result<()> {
    discard(guests, &cut.containers, &format!("{PREFIX}{}", cut.name)).await
}

/// Makes all containers what a cut holds, and leaves them stopped. What runs is stopped at once: its data is given up.
pub async fn restore(guests: &Guests, cut: &Kept) -> Result<()> {
    let snapshot = format!("{PREFIX}{}", cut.name);
    // First all stop: a set whose members go back one after the other would copy from those that have not yet.
    join_all(cut.containers.iter().map(|container| stop(guests, container)))
        .await
        .into_iter()
        .collect::<Result<()>>()?;
    let restored = cut.containers.iter().map(|container| {
        let snapshot = &snapshot;
        async move {
            let restored = guests.client.restore_snapshot(container, snapshot).await;
            restored.with_context(|| format!("{container} could not be made what its snapshot holds"))
        }
    });
    join_all(restored).await.into_iter().collect()
}

async fn stop(guests: &Guests, container: &str) -> Result<()> {
    let instance = guests.client.instance(container).await?;
    if instance.status == Status::Stopped {
        return Ok(());
    }
    match guests.client.stop_instance(container, Duration::ZERO, true).await {
        Err(error) if !error.is_not_running() => {
            Err(error).with_context(|| format!("{container} could not be stopped"))
        }
        _ => Ok(()),
    }
}
