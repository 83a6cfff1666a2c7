//! Workloads, and what is read when they have ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Credential, FinalRead, Hash, Rollback, SeenState, SetAddress};

/// What a workload does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Inserts documents, each once.
    Inserts,
    /// Reads registers, and sets them to what was read plus one.
    Register,
    /// Both: of ten clients eight insert, two work on registers.
    Mixed,
    /// Makes products through the web-server of the product platform.
    App,
}

/// A workload, run in a guest by a transient unit until it is told to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadRequest {
    /// The name of the run: letters, digits and hyphens.
    pub run: String,
    /// What it does.
    pub kind: WorkloadKind,
    /// The name of the container, for the history.
    pub container: String,
    /// The set, and as whom to write. The credential's file is in this guest.
    pub set: SetAddress,
    /// The database that it has for itself.
    pub database: String,
    /// `majority`, or a number of members.
    pub write_concern: String,
    /// `local`, `majority`, `linearizable`, `available`.
    pub read_concern: String,
    /// `primary`, `primaryPreferred`, `secondary`, `secondaryPreferred`, `nearest`.
    pub read_preference: String,
    /// Whether the driver repeats a write once.
    pub retry_writes: bool,
    /// How many clients write at once.
    pub clients: u32,
    /// Operations a second of all clients together; 0: as many as can be done.
    pub rate: u32,
    /// Whether the history is written; only benchmarks say no.
    pub record: bool,
    /// After which it ends by itself, in milliseconds.
    pub ttl_ms: u64,
    /// How to speak with the product platform, where that is driven.
    pub app: Option<AppTarget>,
}

/// The web-server of the product platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppTarget {
    /// `address:port`.
    pub host: String,
    /// As whom to log in. The file is in this guest.
    pub credential: Credential,
}

/// A workload that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadName {
    /// The name of the run.
    pub run: String,
}

/// How a workload fares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkloadStatus {
    /// Whether its unit runs.
    pub running: bool,
    /// How many operations were acknowledged.
    pub ok: u64,
    /// How many failed.
    pub fail: u64,
    /// How many may have happened.
    pub unknown: u64,
    /// Microseconds of the monotonic clock when the last write was acknowledged; 0 for none.
    pub last_ok_us: u64,
    /// Microseconds of the monotonic clock when this was written.
    pub now_us: u64,
    /// The history's path in the guest.
    pub history: String,
    /// What each member is at present.
    pub members: BTreeMap<String, SeenState>,
    /// What the names of products end with that it made through the product platform; told when it is ended.
    #[serde(default)]
    pub mark: Option<String>,
    /// Why it ended, if it wasn't told to.
    pub error: Option<String>,
}

/// What is read when all is healed, by a member's guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBackRequest {
    /// The set and its administrator.
    pub set: SetAddress,
    /// The database of the workload.
    pub database: String,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// Reads what was made through the product platform, in the guest that the workload ran in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBackAppRequest {
    /// How to speak with it.
    pub target: AppTarget,
    /// The name of the run; what it made is written down in the guest.
    pub run: String,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// What a set holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    /// What the primary has.
    pub read: FinalRead,
    /// What each member has.
    pub hashes: Vec<Hash>,
    /// Database and collection by the UUID that the names of rollback files have.
    pub collections: BTreeMap<String, String>,
}

/// Looks for what members in this guest have taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbacksRequest {
    /// Data directories by `address:port`.
    pub data: BTreeMap<String, String>,
    /// The database of the workload.
    pub database: String,
    /// Database and collection by UUID.
    pub collections: BTreeMap<String, String>,
    /// What the names of products end with that the run made through the product platform.
    pub mark: Option<String>,
    /// Files older than this are not looked at: milliseconds since 1970.
    pub since_ms: i64,
}

/// The answer to [`RollbacksRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollbacks {
    /// One for each file.
    pub files: Vec<Rollback>,
}

/// Removes what a workload has left in a set, and its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndDrillRequest {
    /// The set and its administrator.
    pub set: SetAddress,
    /// The database of the workload.
    pub database: String,
    /// The user of the workload.
    pub user: Option<String>,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}
