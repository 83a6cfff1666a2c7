//! Bundles of the kind [`Kind::Data`](super::Kind::Data): no containers, but what their databases hold, for another
//! version of mongod, or for a system of another shape.
//!
//! **One moment.** Writes are held back at all databases at once ([`cut::Moment`](crate::cut::Moment)); meanwhile
//! collections are listed, since mongod can't tell later which ones there were, and each set's time is noted. Then sets go
//! on and are read as they were at that time. mongods in no set have no past to read: they are read while they are held.
//!
//! **What travels.** Documents as they are, options and indexes as mongod tells them, all as BSON that distctl does not
//! read; and secrets that the topology names, so that passwords and tokens of the application hold. Users of MongoDB,
//! keyfiles and passwords of databases don't: the system that takes the data has its own.

mod names;
mod read;
mod restore;
pub mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use protocol::{Collection, Holds};
use serde::{Deserialize, Serialize};

pub use restore::Restore;

/// What a bundle has of one replica set or single mongod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Whether it was a replica set.
    pub is_set: bool,
    /// The version of its mongod.
    pub mongod: String,
    /// Its collections and views, in the order in which they are made.
    pub collections: Vec<Held>,
}

/// A collection or view in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The piece that tells what it is made with: a [`Made`] as JSON.
    pub made: String,
    /// The piece with its documents; a view has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// How much is in it.
    #[serde(flatten)]
    pub holds: Holds,
}

/// What a collection is made with, and what must then be in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it is made with.
    #[serde(flatten)]
    pub collection: Collection,
    /// How much is in it.
    #[serde(flatten)]
    pub holds: Holds,
}

/// Which database of a bundle goes into which one of a system, by name. `known` are those of the system.
///
/// # Errors
/// A database that goes nowhere, two that go into the same one, another name for one that is not there.
pub fn targets(
    databases: &BTreeMap<String, Database>,
    renamed: &[(String, String)],
    known: &BTreeSet<&String>,
) -> Result<BTreeMap<String, String>> {
    let listed = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    if let Some((old, _)) = renamed.iter().find(|(old, _)| !databases.contains_key(old)) {
        let held = databases.keys().map(String::as_str).collect();
        bail!("the bundle has no data of {old}; it has that of {}", listed(held));
    }
    let mut targets = BTreeMap::new();
    for name in databases.keys() {
        let to = renamed.iter().find(|(old, _)| old == name).map_or(name, |(_, new)| new);
        if !known.contains(to) {
            let known = known.iter().map(|name| name.as_str()).collect();
            bail!(
                "the data of {name} has no place: the topology names no replica set or mongod {to}, but {}",
                listed(known)
            );
        }
        if let Some((other, _)) = targets.iter().find(|(_, taken)| *taken == to) {
            bail!("the data of {other} and of {name} would both go into {to}");
        }
        targets.insert(name.clone(), to.clone());
    }
    Ok(targets)
}

#[cfg(test)]
mod tests;
