//! What an export keeps in Incus while it goes on, and what one that was killed has left there.

use anyhow::{Context, Result};

use super::BUNDLE_KEY;
use crate::cut::EXPORT;
use crate::desired::Desired;
use crate::guest::Guests;
use crate::incus::Instance;

/// Removes the clones of containers that exports of this system have left, and their snapshots but for one cut's; gives
/// how many.
///
/// The caller has the lease, so no export of this system is under way.
///
/// # Errors
/// What can't be removed.
pub async fn remove(guests: &Guests, desired: &Desired, keep: Option<&str>) -> Result<usize> {
    let mut removed = 0;
    for copy in guests.client.instances().await?.into_iter().filter(|one| is_copy(one, &desired.name)) {
        let deleted = guests.client.delete_instance(&copy.name).await;
        deleted.with_context(|| format!("{}, which an export has left, can't be deleted", copy.name))?;
        removed += 1;
    }
    for container in desired.containers.keys() {
        let snapshots = match guests.client.snapshots(container).await {
            Err(error) if error.is_not_found() => continue,
            snapshots => snapshots?,
        };
        let of_exports = snapshots.iter().filter(|snapshot| snapshot.name.starts_with(EXPORT));
        for left in of_exports.filter(|snapshot| keep.is_none_or(|keep| keep != snapshot.name)) {
            let deleted = guests.client.delete_snapshot(container, &left.name).await;
            deleted.with_context(|| format!("the snapshot {} of {container} can't be deleted", left.name))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The key's value for an instance that is a copy for an export.
pub(super) fn mark(topology: &str, id: &str) -> String {
    format!("export {topology} {id}")
}

fn is_copy(instance: &Instance, topology: &str) -> bool {
    let mark = instance.config.get(BUNDLE_KEY);
    mark.is_some_and(|mark| mark.starts_with(&format!("export {topology} ")))
}
