//! What fills or blocks the disk of a guest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What fills or blocks the disk of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// Bytes of the files below folders of logs.
    pub logs: BTreeMap<String, u64>,
    /// Folders that distctl writes to and nobody can write to: they are mounted read-only.
    pub read_only: Vec<String>,
    /// For each asked folder the first that was found in it of another owner.
    pub strangers: Vec<Stranger>,
}

/// A file or folder that belongs to somebody else than all below its folder should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// The folder that was asked for.
    pub folder: String,
    /// What was found in it.
    pub path: String,
    /// Its owner and group.
    pub owner: String,
}
