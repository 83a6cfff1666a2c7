//! Holding writes back for a moment: what all databases hold then is of one moment.

use serde::{Deserialize, Serialize};

use crate::{Credential, When};

/// The mongods of one guest whose writes are to be held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRequest {
    /// The cut that they are held for; letters, digits and hyphens.
    pub id: String,
    /// The mongods; those that are no primary of their set are left alone.
    pub mongods: Vec<HeldMongod>,
    /// After so many milliseconds the guest lets go by itself.
    pub ttl_ms: u64,
}

/// A mongod whose writes may be held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldMongod {
    /// `address:port`.
    pub host: String,
    /// Its set; `None` for one that is in no set.
    pub set: Option<String>,
    /// As whom to ask: somebody who may `fsync` and `unlock`.
    pub credential: Option<Credential>,
}

/// Writes are held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The mongods that are held: primaries, and those that are in no set.
    pub hosts: Vec<String>,
    /// When the first of them was asked to hold back.
    pub begun: When,
    /// When all of them did.
    pub done: When,
}

/// Names a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGoRequest {
    /// The cut.
    pub id: String,
}

/// Writes go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// Before anything was let go.
    pub begun: When,
    /// When all went on.
    pub done: When,
    /// The mongods that were held until now. Where one is missing, what was taken meanwhile is not of one moment.
    pub hosts: Vec<String>,
}
