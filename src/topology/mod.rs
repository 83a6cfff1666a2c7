//! The file that users write: its types, how it is read, and what must be right in it.
//!
//! [`load`] makes a [`Topology`] of a file, or all that is wrong with it: text becomes a tree whose values know their
//! places (`yaml`), the tree becomes these types (`read`, `sections`), and these are checked against each other
//! (`validate`). Nothing stops at the first finding.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

mod checks;
mod command;
mod deployment;
mod finding;
mod foreign;
mod foreign_keys;
mod load;
mod meant;
mod mongodb;
mod moved;
mod named;
mod node;
mod quantity;
mod read;
mod reference;
mod renamed;
mod schema;
mod sections;
mod show;
mod span;
#[cfg(test)]
mod tests;
mod validate;
mod yaml;

pub use checks::{Checks, Count, Failover, Workload};
pub use command::CommandLine;
pub use deployment::{Exposed, Fragment, Fragmentation, Healthcheck, IncusUi, Init, Letters, Service, ServiceFile};
pub use finding::{Also, Finding, Findings, Severity};
pub use load::{load, load_without_files, parse};
pub use mongodb::{Auth, Member, MongoDb, ReplicaSet, Settings, Standalone};
pub use moved::Changes;
pub use named::Named;
pub use quantity::{Size, Time};
pub use reference::{Reference, references};
pub use schema::schema;
pub use span::{At, Span};

pub(crate) use finding::Notes;
pub(crate) use validate::cache::{MIN_CACHE, OVERHEAD};
pub(crate) use validate::services::HOMES;

/// The name of an artifact that is the shell of MongoDB.
pub(crate) const MONGOSH: &str = "mongosh";

/// A distributed system: network, containers, databases, services.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "topology.yaml")]
pub struct Topology {
    /// The topology's name. All that distctl makes carries it as `user.distctl.topology`.
    #[schemars(regex(pattern = r"^[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"))]
    pub name: At<String>,
    /// The bridge that all containers are on.
    pub network: Network,
    /// Where containers are stored; the server's default profile decides without it.
    pub storage: Option<Storage>,
    /// Images to try in order: an alias on the server (`debian/12`) or `remote:alias` (`images:debian/12`). One or a list.
    #[schemars(default = "default_image", with = "OneOrMany")]
    pub image: Vec<At<String>>,
    /// Files of this host that are pushed into containers, by name.
    #[schemars(default)]
    pub artifacts: Named<Artifact>,
    /// System containers by name. Letters, digits and hyphens, at most 63.
    pub containers: Named<Container>,
    /// The databases.
    #[schemars(default)]
    pub mongodb: MongoDb,
    /// The applications, by name.
    #[schemars(default)]
    pub services: Named<Service>,
    /// Collections that are spread over several databases, by name.
    #[schemars(default)]
    pub fragmentation: Named<Fragmentation>,
    /// Ports of containers that the host listens for, by name.
    #[schemars(default)]
    pub expose: Named<Exposed>,
    /// Incus's own web interface, for what is done by hand.
    pub incus_ui: Option<IncusUi>,
    /// Tests of the running system, and what must come out of them.
    #[schemars(default)]
    pub checks: Checks,
    /// What the file is, and what was found in it.
    #[serde(skip)]
    pub(crate) origin: Origin,
}

/// The file that a topology came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub file: PathBuf,
    pub text: Arc<str>,
    pub tree: Option<Arc<node::Node>>,
    pub warnings: Vec<Finding>,
}

impl Origin {
    /// All that was found, each with the path of its key.
    pub(crate) fn findings(&self, notes: Notes) -> Findings {
        let mut list = notes.into_list();
        for finding in &mut list {
            if let (Some(span), Some(tree)) = (finding.span, &self.tree) {
                finding.path = tree.path_of(span);
            }
        }
        Findings { file: self.file.clone(), source: Arc::clone(&self.text), list }
    }
}

impl Topology {
    /// What is allowed in the file but worth knowing.
    pub fn warnings(&self) -> Findings {
        Findings {
            file: self.origin.file.clone(),
            source: Arc::clone(&self.origin.text),
            list: self.origin.warnings.clone(),
        }
    }
}

/// A managed bridge.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// Its name in Incus, at most 15 characters.
    #[schemars(length(min = 2, max = 15), example = &"incusbr0")]
    pub name: At<String>,
    /// The bridge's own address with the prefix length.
    #[schemars(with = "String", regex(pattern = r"^[0-9.]+/[0-9]+$"), example = &"10.10.10.1/24")]
    pub ipv4: At<Ipv4Net>,
    /// Whether containers reach the world outside through the host.
    #[schemars(default = "yes")]
    pub nat: bool,
}

/// Where containers are stored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Storage {
    /// The name of a storage pool of the server.
    pub pool: At<String>,
}

/// A file of this host, or one to download.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Artifact {
    /// Where it is; relative to the folder of the topology file.
    pub path: Option<At<String>>,
    /// Where it can be downloaded: `https://` or `http://`. Needs `sha256`.
    pub url: Option<At<String>>,
    /// The hex SHA-256 that it must have: of the file, or of what is downloaded.
    #[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<At<String>>,
    /// The file in a downloaded archive: zip, tar, or tar with gzip.
    pub member: Option<At<String>>,
    /// Its version, for people.
    pub version: Option<At<String>>,
}

/// A system container.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Container {
    /// Its static address, within the network.
    #[schemars(with = "String", extend("format" = "ipv4"))]
    pub ipv4: At<Ipv4Addr>,
    /// Debian packages to install.
    #[schemars(default)]
    pub packages: Vec<At<String>>,
    /// What it may use at most.
    #[schemars(default)]
    pub limits: Limits,
}

/// What a container may use at most; without a value, what the host has.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Memory. All mongods of the container must fit into it.
    pub memory: Option<At<Size>>,
    /// Number of processors.
    #[schemars(range(min = 1))]
    pub cpu: Option<At<u32>>,
    /// Size of the root disk; needs `storage.pool`.
    pub disk: Option<At<Size>>,
    /// Number of processes.
    #[schemars(range(min = 1))]
    pub processes: Option<At<u32>>,
}

/// For the schema: where a list of one needs no brackets.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code, reason = "it only describes what may be written")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn default_image() -> Vec<String> {
    vec!["debian/12".to_owned(), "images:debian/12".to_owned()]
}

fn yes() -> bool {
    true
}

/// Text by name, `tags` or `environment`.
pub type Texts = Named<At<String>>;
