//! What keeps files from being written or read: read-only mounts, a full disk, owners that are wrong.

use protocol::Inspection;

use super::order::Draft;
use super::{Action, Cause, Change, Effect};
use crate::desired::Container;

/// Less than this, in bytes, is a full disk: what is written next fails.
const FULL: u64 = 4 << 20;

/// Finds what keeps a container from being written to.
pub(super) fn find(draft: &mut Draft<'_>, wanted: &Container, guest: &Inspection) {
    let object = || format!("container {}", wanted.name);
    for folder in &guest.storage.read_only {
        draft.find(
            object(),
            format!("{folder} is read-only: nothing can be written there"),
            format!("see why: `distctl exec {} -- findmnt --target {folder}`", wanted.name),
        );
    }
    if guest.disk_total > 0 && guest.disk_free < FULL {
        draft.find(
            object(),
            "its disk is full",
            "make room in the container, or give it a larger disk: `limits: disk:` in the topology",
        );
    }
}

/// Gives what is below data folders to its owner, before a mongod is started there.
pub(super) fn own(draft: &mut Draft<'_>, wanted: &Container, guest: &Inspection) {
    for stranger in &guest.storage.strangers {
        let Some(tree) = wanted.directories.iter().find(|one| one.path == stranger.folder).cloned() else { continue };
        let to = format!("{}:{}, with all below {}", tree.owner, tree.group, tree.path);
        let change = Change { field: stranger.path.clone(), from: stranger.owner.clone(), to, effect: Effect::Live };
        draft.chain(Action::OwnBelow { container: wanted.name.clone(), tree }, Cause::Changed(vec![change]));
    }
}
