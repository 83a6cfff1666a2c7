//! A cut: all containers of a system as they were at one moment, kept as snapshots of one name.
//!
//! [`live`] takes one of a system that runs: writes are [held back](hold) at every primary and every single mongod, the
//! disks are snapshotted while all of them are, and writes go on. A write that began after another was acknowledged is
//! therefore never in a cut without that other one, whichever databases the two went to.

mod attached;
mod hold;
mod kept;
mod moment;
mod take;

use serde::{Deserialize, Serialize};

pub use attached::attached_disks;
pub use kept::{Kept, kept, remove, restore};
pub use moment::Moment;
pub use take::{discard, live, stopped};

/// What the names of snapshots begin with that distctl takes; a name of the user's follows.
pub const PREFIX: &str = "distctl-";

/// The same for those of exports, which go with them.
pub const EXPORT: &str = "distctl-export-";

/// A cut that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The name of the snapshots in Incus.
    pub snapshot: String,
    /// The containers.
    pub containers: Vec<String>,
    /// How it was taken.
    #[serde(flatten)]
    pub how: How,
    /// When it was begun, by the server's clock.
    pub at: jiff::Timestamp,
}

/// How a cut came to be of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum How {
    /// Writes were held back while the snapshots were taken.
    Live {
        /// The longest that a mongod held back its writes, in milliseconds.
        paused_ms: u64,
        /// The mongods that did: each set's primary, and those that are in no set.
        held: Vec<String>,
    },
    /// Nothing ran.
    Stopped,
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Live { paused_ms, held } if !held.is_empty() => write!(f, "live, writes paused for {paused_ms} ms"),
            Self::Live { .. } => f.write_str("live, no database was running"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}
