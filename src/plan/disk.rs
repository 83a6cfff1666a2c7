//! The root disk of a container: what can't become what is declared is refused before anything is written, since Incus
//! leaves a pool with half of the change. Besides, disks that somebody attached by hand.

use super::order::Draft;
use crate::desired::{Container, Desired, bytes_of};
use crate::observed::{self, Observed};

/// How full a disk may be under its new limit, in percent: file systems keep some for themselves.
const FULL: u64 = 95;

/// Refuses a limit that the pool would ignore, for a container that is to be made. `false` where it was refused.
pub(super) fn can_be_made(draft: &mut Draft<'_>, wanted: &Container) -> bool {
    match ignored_limit(draft.observed, wanted) {
        Some(why) => refuse_ignored(draft, wanted, why),
        None => true,
    }
}

/// Refuses what can't become of the root disk of a container that is there. `false` where it was refused.
pub(super) fn can_become(draft: &mut Draft<'_>, wanted: &Container, seen: &observed::Container) -> bool {
    let (Some(root), Some(has)) = (wanted.devices.get("root"), seen.root()) else { return true };
    let pools = (root.get("pool"), has.get("pool"));
    if let (Some(new), Some(old)) = pools
        && new != old
    {
        draft.refuse(
            object(wanted),
            format!("its disk is in the pool {old}, and can't change to {new} while the container is in place"),
            format!(
                "move it with its data: `distctl down`, `incus move {} --storage {new}`, `distctl up`; or bring up a second \
                 system there: `distctl export`, then `distctl import --pool {new}`",
                wanted.name
            ),
        );
        return false;
    }
    let is_new = root.get("size") != has.get("size");
    match ignored_limit(draft.observed, wanted) {
        Some(why) if is_new => return refuse_ignored(draft, wanted, why),
        Some(why) => draft.find(object(wanted), why, "leave `limits: disk:` out, or name a pool of btrfs, zfs or lvm"),
        None => {}
    }
    !is_new || holds(draft, wanted, has.get("size").and_then(|size| bytes_of(size)), seen.disk_used)
}

/// Whether what a container holds has room under its new limit.
fn holds(draft: &mut Draft<'_>, wanted: &Container, has: Option<u64>, used: Option<u64>) -> bool {
    let Some(limit) = wanted.disk_limit() else { return true };
    if has.is_some_and(|has| has <= limit) {
        return true;
    }
    let (message, hint) = match used {
        Some(used) if used <= limit / 100 * FULL => return true,
        Some(used) => (
            format!("it holds {}, and its disk would be limited to {}", size(used), size(limit)),
            "give `limits: disk:` more than that, or remove data first".to_owned(),
        ),
        None => (
            format!("its disk would be limited to {}, and what it holds can't be seen", size(limit)),
            format!("start it with the limit that it has: `incus start {}`; then run this again", wanted.name),
        ),
    };
    draft.refuse(object(wanted), message, hint);
    false
}

fn refuse_ignored(draft: &mut Draft<'_>, wanted: &Container, why: String) -> bool {
    draft.refuse(
        object(wanted),
        why,
        "leave `limits: disk:` out, or name a pool of btrfs, zfs or lvm under `storage: pool:`",
    );
    false
}

/// Why a declared limit would not be held to, if it wouldn't.
fn ignored_limit(observed: &Observed, wanted: &Container) -> Option<String> {
    let limit = wanted.disk_limit()?;
    let pool = wanted.devices.get("root")?.get("pool")?;
    let seen = observed.pools.get(pool).filter(|seen| !seen.limits)?;
    Some(format!(
        "its disk can't be limited to {}: the pool {pool} is of the driver {}, which ignores limits here",
        size(limit),
        seen.driver
    ))
}

/// Tells of disks with data of the system on them that no snapshot and no bundle of containers has.
pub(super) fn tell_attached(draft: &mut Draft<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    for name in desired.containers.keys() {
        let Some(seen) = observed.containers.get(name).and_then(|part| part.seen()) else { continue };
        for disk in attached(desired, name, seen).into_iter().filter(|disk| disk.holds_data) {
            draft.note(
                format!("container {name}"),
                format!("has data on {disk}, which the topology does not declare"),
                "`snapshot` and `export --kind full` refuse while it is there; `distctl export --kind data` takes what \
                 the databases hold",
            );
        }
    }
}

fn attached(desired: &Desired, name: &str, seen: &observed::Container) -> Vec<crate::desired::AttachedDisk> {
    let all = seen.inherited.iter().chain(&seen.devices).map(|(name, device)| (name.clone(), device.clone())).collect();
    desired.attached_disks(name, &all)
}

fn object(wanted: &Container) -> String {
    format!("container {}", wanted.name)
}

/// A size of a disk as people read it.
fn size(bytes: u64) -> String {
    const MIB: f64 = 1_048_576.0;
    match bytes as f64 / MIB {
        mib if mib < 1024.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}
