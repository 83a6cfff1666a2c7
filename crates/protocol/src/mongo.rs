//! MongoDB: replica sets, their configuration, users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The role of the agent's own user, in the database `admin`: it looks, and asks members to step up or down. The
/// agent makes it when a user has it.
pub const AGENT_ROLE: &str = "distctlAgent";

/// As whom to speak to a mongod. The password never leaves the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The user's name, in the database `admin`.
    pub user: String,
    /// The file in the guest that holds the password.
    pub password_file: String,
}

/// What a mongod said of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mongod {
    /// Its version, `6.0.5`.
    pub version: String,
    /// `hello.setName`: the replica set that it belongs to, once that is initiated.
    pub set_name: Option<String>,
    /// `hello.isWritablePrimary`.
    pub writable: bool,
    /// `hello.secondary`.
    pub secondary: bool,
    /// `hello.primary`: `host:port` of the primary that it knows.
    pub primary: Option<String>,
    /// How far it would answer more than `hello`.
    pub access: Access,
    /// `rs.conf()`, where it is initiated and answered.
    pub config: Option<SetConfig>,
    /// `rs.status().members`, where it is initiated and answered.
    pub members: Vec<MemberStatus>,
    /// Users by `database.name`, where it answered (a primary, a secondary or a standalone).
    pub users: Option<BTreeMap<String, Vec<Role>>>,
    /// Names of the databases that people have made, where it is in no set and tells them to anybody.
    #[serde(default)]
    pub databases: Vec<String>,
    /// Whether it can't catch up any more: its set has forgotten what comes next for it.
    #[serde(default)]
    pub too_stale: bool,
    /// How it took the passwords that were tried, by user.
    #[serde(default)]
    pub logins: BTreeMap<String, LoginSeen>,
    /// Whether the running process asks for passwords; `None` where it did not say.
    #[serde(default)]
    pub security: Option<Security>,
    /// Whether the asked user logged in. Where nobody is asked for a password, [`Access::Granted`] does not tell that.
    #[serde(default)]
    pub knows_us: bool,
}

/// How a mongod took a user's password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginSeen {
    /// It let the user in.
    Taken,
    /// It refused the password, or does not know the user; the reason.
    Refused(String),
    /// That can't be told; the reason.
    Unknown(String),
}

/// Whether a mongod asks clients and other members for passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// It asks nobody. It does not understand members that ask.
    Open,
    /// It asks nobody, and logs in to members that ask (`security.transitionToAuth`): it understands all others.
    Transition,
    /// It asks everybody. It does not understand members without the key.
    Enforced,
}

/// How a mongod takes our credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It let us in as the asked user, or asks for none.
    Granted,
    /// It has no user yet: the localhost exception is open. An arbiter never has one, a new member not before it
    /// has copied them.
    NoUsers,
    /// It refused the credential; the reason.
    Refused(String),
}

/// The configuration of a replica set, as `replSetGetConfig` gives it. Fields that distctl does not know are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetConfig {
    /// The name of the set.
    #[serde(rename = "_id")]
    pub name: String,
    /// Its version; each change adds at least one.
    #[serde(default)]
    pub version: i64,
    /// Its members, in the order of their ids.
    pub members: Vec<SetMember>,
    /// Times and defaults.
    #[serde(default)]
    pub settings: SetSettings,
    /// What distctl does not know: kept as it is.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// One member in a set's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetMember {
    /// Its number in the set, 0 to 255; never used again for another host.
    #[serde(rename = "_id")]
    pub id: i64,
    /// `address:port`.
    pub host: String,
    /// 0 (never primary) to 1000.
    #[serde(default = "one")]
    pub priority: f64,
    /// 0 or 1.
    #[serde(default = "one_vote")]
    pub votes: i64,
    /// Whether clients don't see it.
    #[serde(default)]
    pub hidden: bool,
    /// Whether it only votes.
    #[serde(default)]
    pub arbiter_only: bool,
    /// Whether it builds indexes.
    #[serde(default = "yes")]
    pub build_indexes: bool,
    /// How far it stays behind on purpose, in seconds.
    #[serde(default)]
    pub secondary_delay_secs: i64,
    /// Tags for read preferences and write concerns.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

fn one() -> f64 {
    1.0
}
fn one_vote() -> i64 {
    1
}
fn yes() -> bool {
    true
}

/// The settings of a set's configuration; defaults are MongoDB's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetSettings {
    /// How long without a primary until an election, in milliseconds.
    pub election_timeout_millis: i64,
    /// How often members ask each other, in milliseconds.
    pub heartbeat_interval_millis: i64,
    /// How long a member may be silent, in seconds.
    pub heartbeat_timeout_secs: i64,
    /// How long a new primary may catch up, in milliseconds; -1 for no limit.
    pub catch_up_timeout_millis: i64,
    /// How long until a member with higher priority takes over, in milliseconds; -1 for never.
    pub catch_up_takeover_delay_millis: i64,
    /// Whether a secondary may copy from a secondary.
    pub chaining_allowed: bool,
    /// Fields that distctl does not know (the set's id, write concern defaults): kept as they are.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

impl Default for SetSettings {
    fn default() -> Self {
        Self {
            election_timeout_millis: 10_000,
            heartbeat_interval_millis: 2_000,
            heartbeat_timeout_secs: 10,
            catch_up_timeout_millis: -1,
            catch_up_takeover_delay_millis: 30_000,
            chaining_allowed: true,
            other: BTreeMap::new(),
        }
    }
}

/// One member as `replSetGetStatus` sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// `address:port`.
    pub host: String,
    /// `PRIMARY`, `SECONDARY`, `STARTUP2`, `RECOVERING`, `(not reachable/healthy)`, ...
    pub state: String,
    /// Whether the member that was asked can reach it.
    pub healthy: bool,
    /// When its last operation was written, milliseconds since 1970.
    pub optime_ms: Option<i64>,
}

/// A role of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Role {
    /// Its name, `readWrite`.
    pub role: String,
    /// The database that it holds for.
    pub db: String,
}

/// Waits until a mongod answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitMongodRequest {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its unit: when that fails, there is nothing to wait for.
    pub unit: String,
    /// Its log file, for the error.
    pub log: String,
    /// How long to wait, in milliseconds.
    pub timeout_ms: u64,
}

/// Gives the members of a set their new addresses, through one of them. None of them finds itself in the configuration
/// that it has, so none is primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehomeRequest {
    /// The set's name.
    pub set: String,
    /// The port of the member, on 127.0.0.1 here.
    pub port: u16,
    /// As whom to ask.
    pub credential: Option<Credential>,
    /// New addresses by the old ones, without ports.
    pub addresses: BTreeMap<String, String>,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// Has a member that was started with another name for its set write that name into the configuration that it keeps. It
/// takes it up when it is started again, which must be after all others of the set were stopped: a member that hears of one
/// that has the name already writes back what it knows itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenameRequest {
    /// The set's name.
    pub set: String,
    /// The name that its members know.
    pub before: String,
    /// The port of the member, on 127.0.0.1 here.
    pub port: u16,
    /// The set's keyfile: no user may write the configuration, members may. `None` without authentication.
    pub keyfile: Option<String>,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// Initiates a replica set from one of its members, over the localhost exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InitiateRequest {
    /// The port of the member, on 127.0.0.1 here; it becomes primary.
    pub port: u16,
    /// The configuration; the agent puts the version in. A set that is initiated already with this name is no
    /// error; members that it lacks are added while it has no users.
    pub config: SetConfig,
    /// As whom to do it where the member has users already; without, over the localhost exception.
    #[serde(default)]
    pub admin: Option<Credential>,
    /// How long to wait for a primary, in milliseconds.
    pub timeout_ms: u64,
}

/// Where a set's members are, and as whom to speak to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAddress {
    /// The name of the set.
    pub name: String,
    /// `address:port` of its members.
    pub hosts: Vec<String>,
    /// The administrator; `None` where the set runs without authentication.
    pub credential: Option<Credential>,
}

/// Brings a set to its next configuration through its primary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReconfigureRequest {
    /// The set.
    pub set: SetAddress,
    /// The whole next configuration; the primary's own version plus one is put in. Unknown fields that the
    /// primary's configuration has are kept.
    pub config: SetConfig,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// Creates or corrects users. A mongod without users is spoken to over the localhost exception, and the first of
/// the users must then be the administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnsureUsersRequest {
    /// The port on 127.0.0.1: the primary of a set, or a standalone.
    pub port: u16,
    /// The set whose primary is looked for if this member is not primary; `None` for a standalone.
    pub set: Option<SetAddress>,
    /// The administrator.
    pub admin: Credential,
    /// The users, the administrator first.
    pub users: Vec<UserSpec>,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// A user that must exist in the database `admin`, with exactly these roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSpec {
    /// Name and password file.
    pub credential: Credential,
    /// Its roles.
    pub roles: Vec<Role>,
}

/// Makes the primary of a set hand over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDownRequest {
    /// The set.
    pub set: SetAddress,
    /// `address:port` of the member that must not be primary afterwards; nothing is done if it is not.
    pub host: String,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// Makes the member of a set's highest priority primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandBackRequest {
    /// The set.
    pub set: SetAddress,
    /// `address:port` of the member.
    pub host: String,
    /// How long to try, in milliseconds.
    pub timeout_ms: u64,
}

/// Waits for members of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitReplicaSetRequest {
    /// The set.
    pub set: SetAddress,
    /// `address:port` of the members that must be PRIMARY or SECONDARY. There must also be a primary.
    pub members: Vec<String>,
    /// The set's keyfile, by which a member that copies its first data tells how far it is. `None` without authentication.
    #[serde(default)]
    pub keyfile: Option<String>,
    /// How long to wait, in milliseconds, since a member that is waited for was last seen to get on.
    pub timeout_ms: u64,
}
