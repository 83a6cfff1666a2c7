//! The shell of MongoDB, where the topology brings one: an artifact of the name `mongosh`, in every container with a
//! mongod. `distctl shell` needs it beside the administrator's password, which never leaves these containers.

use std::collections::BTreeSet;
use std::path::Path;

use super::container::root_file;
use super::{Content, Desired, artifact};
use crate::topology::{MONGOSH, Notes, Topology};

/// Where it goes in a container.
const PLACE: &str = "/usr/local/bin/mongosh";

/// Finds the artifact, or notes why it can't be read.
pub(super) fn content(topology: &Topology, base: &Path, notes: &mut Notes) -> Option<Content> {
    artifact::content(topology.artifacts.get(MONGOSH)?, base, notes)
}

/// Puts it into every container with a mongod.
pub(super) fn add_all(desired: &mut Desired, content: Option<Content>) {
    let Some(content) = content else { return };
    let members = desired.replica_sets.values().flat_map(|set| &set.members);
    let mongods = members.chain(desired.standalones.values().map(|one| &one.mongod));
    let hosts: BTreeSet<String> = mongods.map(|mongod| mongod.container.clone()).collect();
    for (_, container) in desired.containers.iter_mut().filter(|(name, _)| hosts.contains(*name)) {
        container.files.insert(PLACE.to_owned(), root_file(0o755, content.clone()));
    }
}
