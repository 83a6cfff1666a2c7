//! Bundles: a whole system in one file, taken out with [`export`] and brought up elsewhere with [`import`].
//!
//! The file's format is in the crate of the same name; what is in it is decided here: the [`Manifest`], and pieces whose
//! names begin with [`TOPOLOGY`], [`DOWNLOADS`], and [`CONTAINERS`] or `data/`: there are two [kinds](Kind).

mod blocking;
pub mod data;
pub mod export;
pub mod import;
mod leftovers;
pub mod open;
mod owners;
mod pace;
mod pack;
mod rehome;
mod rename;
mod rotate;
pub mod sources;
mod sparse;
pub mod target;
pub mod unfinished;
mod unpack;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::cut::Cut;
use crate::desired::Places;

pub use leftovers::remove as remove_leftovers;
pub use pace::Pace;
pub use pack::size;

/// What the names of pieces begin with that are the topology and the files that it names.
pub const TOPOLOGY: &str = "topology/";

/// The same for files that the topology names by URL, as they lie in the cache.
pub const DOWNLOADS: &str = "downloads/";

/// The same for containers: each a tar stream as Incus writes it, with [holes](sparse).
pub const CONTAINERS: &str = "containers/";

pub use crate::desired::BUNDLE_KEY;

/// What a bundle holds besides the topology.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The containers as they are.
    #[default]
    Full,
    /// What their databases hold, and secrets of the topology.
    Data,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Data => "data",
        })
    }
}

/// What a bundle's file begins with: enough to go on with an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Names the export; also in Incus.
    pub id: String,
    /// What it holds.
    #[serde(default)]
    pub kind: Kind,
    /// The topology's name.
    pub topology: String,
    /// The moment that it holds.
    pub cut: Cut,
}

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Names the export.
    pub id: String,
    /// What it holds.
    #[serde(default)]
    pub kind: Kind,
    /// The topology's name.
    pub topology: String,
    /// The version of distctl that wrote it.
    pub distctl: String,
    /// The moment that it holds.
    pub cut: Cut,
    /// The server that it was taken from.
    pub server: ServerFacts,
    /// The network.
    pub network: Ipv4Net,
    /// The containers by name. Left out where it holds data: who knows only the other kind misses them, and refuses it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub containers: BTreeMap<String, Packed>,
    /// What it has of replica sets and single mongods, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, data::Database>,
}

/// A number of things.
fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Manifest {
    /// What it holds, in a few words.
    pub fn told(&self) -> String {
        match self.kind {
            Kind::Full => counted(self.containers.len() as u64, "container"),
            Kind::Data => {
                let held = || self.databases.values().flat_map(|database| &database.collections);
                let documents: u64 = held().map(|one| one.holds.documents).sum();
                format!(
                    "data of {}: {} in {}",
                    counted(self.databases.len() as u64, "database"),
                    counted(documents, "document"),
                    counted(held().count() as u64, "collection")
                )
            }
        }
    }
}

impl Manifest {
    /// Where data lies in its containers; `renamed` has databases with their new names by the old ones.
    pub fn places(&self, renamed: &BTreeMap<String, String>) -> Places {
        let mut places = Places::default();
        for (name, packed) in &self.containers {
            places.insert(name, packed.data.as_deref());
        }
        places.with_owners(renamed)
    }

    /// The same with other names for containers.
    #[must_use]
    pub fn with_names(mut self, names: &[(String, String)]) -> Self {
        let renamed = |name: String| names.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new.clone());
        self.containers = self.containers.into_iter().map(|(name, packed)| (renamed(name), packed)).collect();
        self
    }
}

/// Where a bundle was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// Incus's version.
    pub incus: String,
    /// The processor's architecture, `x86_64` for instance.
    pub architecture: String,
}

/// A container in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The piece that holds its tar stream.
    pub piece: String,
    /// Its address.
    pub ipv4: Ipv4Addr,
    /// The length of its stream, in bytes.
    pub size: u64,
    /// What its data folders hold, as the container says it ([`DATA_KEY`](crate::desired::DATA_KEY)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}
