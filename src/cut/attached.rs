//! Disks that somebody attached to containers: no snapshot of a container has what is on them.

use crate::desired::{AttachedDisk, Desired};
use crate::guest::Guests;
use crate::incus::Error;

/// Lists the disks of a system's containers that the topology does not declare, those of profiles included.
///
/// # Errors
/// Those of every read.
pub async fn attached_disks(guests: &Guests, desired: &Desired) -> Result<Vec<AttachedDisk>, Error> {
    let seen = guests.client.instances().await?;
    let ours = seen.iter().filter(|one| desired.containers.contains_key(&one.name));
    Ok(ours.flat_map(|one| desired.attached_disks(&one.name, &one.expanded_devices)).collect())
}
