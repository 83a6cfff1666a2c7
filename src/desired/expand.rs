//! From a topology to all that follows from it.

use std::collections::BTreeMap;
use std::path::Path;

use super::artifact::Binary;
use super::service::Sources;
use super::template::Templates;
use super::{Desired, IncusUi, Places, access, container, fragmented, mongod, mongosh, replica_set, service};
use crate::topology::{Findings, Notes, Topology};

/// distctl's own agent, as it will be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFile {
    /// Its hex SHA-256.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

impl AgentFile {
    /// Where units find it in a container. Its hash is in the name, so an old one is never used.
    pub fn installed_path(&self) -> String {
        format!("/usr/local/lib/distctl/agent-{}", self.sha256.get(..16).unwrap_or(&self.sha256))
    }
}

/// What all parts of the work need.
pub(super) struct Work<'t> {
    pub topology: &'t Topology,
    pub templates: Templates,
    pub agent: &'t AgentFile,
    /// The mongod to run; `None` if there is none to run.
    pub binary: Option<Binary>,
    /// `/etc/hosts`, the same in every container.
    pub hosts: Vec<u8>,
    /// Files of this host that services are made of.
    pub sources: Sources,
    /// Where data lies already.
    pub places: &'t Places,
}

/// [`expand_in`] where there is nothing yet.
///
/// # Errors
/// The same.
pub fn expand(topology: &Topology, base: &Path, agent: &AgentFile) -> Result<Desired, Findings> {
    expand_in(topology, base, agent, &Places::default())
}

/// Decides every name, address, file and hash. The same topology, files and agent always give the same.
///
/// `base` is the folder of the topology file: artifacts are relative to it, and its `units/` and `templates/` go before
/// the built-in ones. `places` tells where data lies already.
///
/// # Errors
/// Artifacts and templates that can't be read or are wrong.
pub fn expand_in(topology: &Topology, base: &Path, agent: &AgentFile, places: &Places) -> Result<Desired, Findings> {
    let mut notes = Notes::default();
    let topology = &service::with_templates(topology, base, &mut notes);
    let binary = Binary::of(topology, base, &mut notes);
    let sources = Sources::of(topology, base, &mut notes);
    let shell = mongosh::content(topology, base, &mut notes);
    let desired = Templates::load(base).and_then(|templates| {
        let hosts = container::hosts(topology, &templates)?;
        desired(&Work { topology, templates, agent, binary, hosts, sources, places })
    });
    if let Err(message) = &desired {
        notes.error(None, message).instead("mend the template, or remove it: there is one built in");
    }
    match (desired, topology.origin.findings(notes)) {
        (Ok(mut desired), findings) if !findings.has_errors() => {
            mongosh::add_all(&mut desired, shell);
            Ok(desired)
        }
        (_, findings) => Err(findings),
    }
}

fn desired(work: &Work<'_>) -> Result<Desired, String> {
    let topology = work.topology;
    let mut containers = BTreeMap::new();
    for (name, declared) in topology.containers.iter() {
        containers.insert(name.to_owned(), container::container(name, declared, work)?);
    }
    let mut desired = Desired {
        name: topology.name.value.clone(),
        network: container::network(topology),
        containers,
        replica_sets: BTreeMap::new(),
        standalones: BTreeMap::new(),
        services: BTreeMap::new(),
        fragmented: BTreeMap::new(),
        incus_ui: IncusUi::of(topology),
    };
    for (name, set) in topology.mongodb.replica_sets.iter() {
        let set = replica_set::replica_set(name, set, topology);
        desired.replica_sets.insert(name.to_owned(), set);
    }
    for (name, single) in topology.mongodb.standalone.iter() {
        let single = replica_set::standalone(name, single, topology);
        desired.standalones.insert(name.to_owned(), single);
    }
    mongod::house_all(&mut desired, work.places);
    mongod::add_all(&mut desired, work)?;
    access::add_secrets(&mut desired, topology);
    service::add_all(&mut desired, work)?;
    fragmented::add_all(&mut desired, topology);
    Ok(desired)
}
