//! Speaking to mongods: the only place in distctl that knows their protocol.

pub mod attempt;
pub mod claimed;
pub mod client;
pub mod config;
pub mod connect;
pub mod follow;
pub mod hello;
pub mod look;
pub mod primary;
pub mod read_back;
pub mod reconfigure;
pub mod rehome;
pub mod rename;
pub mod replica_set;
pub mod resync;
pub mod roles;
pub mod sources;
pub mod step_down;
pub mod sync;
pub mod users;
pub mod wait;

/// Error codes of mongod that are told apart here (src/mongo/base/error_codes.yml in its source).
pub mod code {
    /// `HostUnreachable`.
    pub const HOST_UNREACHABLE: i32 = 6;
    /// `Unauthorized`.
    pub const UNAUTHORIZED: i32 = 13;
    /// `AlreadyInitialized`.
    pub const ALREADY_INITIALIZED: i32 = 23;
    /// `MaxTimeMSExpired`.
    pub const MAX_TIME_EXPIRED: i32 = 50;
    /// `NodeNotFound`: a quorum check did not reach a member.
    pub const NODE_NOT_FOUND: i32 = 74;
    /// `ConfigurationInProgress`.
    pub const CONFIGURATION_IN_PROGRESS: i32 = 109;
    /// `KeyNotFound`: the keys that sign cluster times are not there yet, as after a restart of a whole set.
    pub const KEY_NOT_FOUND: i32 = 211;
    /// `SnapshotTooOld`: mongod keeps the past for 5 minutes, unless `minSnapshotHistoryWindowInSeconds` says otherwise.
    pub const SNAPSHOT_TOO_OLD: i32 = 239;
    /// `SnapshotUnavailable`: the collection was changed as such since.
    pub const SNAPSHOT_UNAVAILABLE: i32 = 246;
    /// `CurrentConfigNotCommittedYet`.
    pub const CONFIG_NOT_COMMITTED: i32 = 308;
    /// The role exists already.
    pub const ROLE_EXISTS: i32 = 51002;
    /// The user exists already.
    pub const USER_EXISTS: i32 = 51003;
}
