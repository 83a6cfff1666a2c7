//! What should be: every name, address, rendered file and hash is decided here, and nothing later decides again.
//!
//! [`expand`](expand::expand) makes a [`Desired`] from a [`Topology`](crate::topology::Topology): pure but for
//! reading the templates and artifacts that the topology names.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use protocol::{Credential, Directory, HealthCheck, Inspection, Piece, SetConfig, UserSpec};

/// The key that marks what distctl owns; its value is the topology's name.
pub const OWNER_KEY: &str = "user.distctl.topology";

/// What the keys of containers begin with that tell of faults in force; the fault's name follows.
pub const FAULT_KEY: &str = "user.distctl.fault.";

/// The key of a container that holds the name it was made under: a copy has it from its original, and one that was renamed
/// by hand keeps it.
pub const CONTAINER_KEY: &str = "user.distctl.container";

/// The key of an instance that tells which export it was made for, or which import made it.
pub const BUNDLE_KEY: &str = "user.distctl.bundle";

/// The interface of every container that carries its static address.
pub const INTERFACE: &str = "eth0";

/// What the names of devices begin with that let the host listen for a container; the name in the topology follows.
pub const EXPOSED: &str = "expose-";

/// The folder in a guest that keeps the secrets it needs, for root alone.
pub const SECRET_STORE: &str = "/var/lib/distctl/secrets/";

/// A whole system, ready to be compared with what there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The topology's name.
    pub name: String,
    /// The bridge that all containers are on.
    pub network: Network,
    /// Containers by name.
    pub containers: BTreeMap<String, Container>,
    /// Replica sets by name.
    pub replica_sets: BTreeMap<String, ReplicaSet>,
    /// Single mongods by name.
    pub standalones: BTreeMap<String, Standalone>,
    /// Applications by name.
    pub services: BTreeMap<String, Service>,
    /// Collections that are spread over several databases, by name.
    pub fragmented: BTreeMap<String, Fragmented>,
    /// Incus's own web interface, where it is to be on.
    pub incus_ui: Option<IncusUi>,
}

/// A managed bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name in Incus.
    pub name: String,
    /// The bridge's own address with the prefix length, `10.10.10.1/24`.
    pub ipv4: Ipv4Net,
    /// All configuration keys that distctl sets, [`OWNER_KEY`] included.
    pub config: BTreeMap<String, String>,
}

/// A system container and all that is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Its name in Incus.
    pub name: String,
    /// Its static address.
    pub ipv4: Ipv4Addr,
    /// Images to try, in order.
    pub images: Vec<Image>,
    /// Configuration keys, [`OWNER_KEY`] included.
    pub config: BTreeMap<String, String>,
    /// Devices by name: always [`INTERFACE`]; a `root` only where the topology names a pool.
    pub devices: BTreeMap<String, BTreeMap<String, String>>,
    /// Debian packages.
    pub packages: Vec<String>,
    /// System users.
    pub system_users: Vec<String>,
    /// Directories, parents before children.
    pub directories: Vec<Directory>,
    /// Files by path.
    pub files: BTreeMap<String, File>,
    /// Units by name, with their suffix.
    pub units: BTreeMap<String, Unit>,
    /// What it has of each service that runs in it; their files and units are not among those above.
    pub releases: BTreeMap<String, Release>,
    /// What mongods have while they begin or cease to ask for passwords, by their units.
    pub transitions: BTreeMap<String, Transition>,
}

/// What a mongod has while its set begins or ceases to ask for passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Its configuration and units by path: those of a member that asks nobody and logs in to those that ask. A single
    /// mongod has no others to log in to: here are those of its container.
    pub files: BTreeMap<String, File>,
    /// The key that it reads when it starts.
    pub keyfile: String,
}

impl Container {
    /// Its files and those of its services.
    pub fn all_files(&self) -> impl Iterator<Item = (&String, &File)> {
        self.files.iter().chain(self.releases.values().flat_map(|release| &release.files))
    }

    /// How many bytes its disk may hold, where that is bounded.
    pub fn disk_limit(&self) -> Option<u64> {
        bytes_of(self.devices.get("root")?.get("size")?)
    }

    /// The names of its units and those of its services.
    pub fn all_units(&self) -> impl Iterator<Item = &String> {
        self.units.keys().chain(self.releases.values().map(|release| &release.unit))
    }
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// An alias on the server itself.
    Alias(String),
    /// An alias on a remote of the user's incus configuration.
    Remote {
        /// The remote's name.
        remote: String,
        /// The alias there.
        alias: String,
    },
}

/// A file in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Permission bits.
    pub mode: u32,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// What is in it.
    pub content: Content,
    /// A unit that reads the file only when it starts: a change restarts it. mongods are not named here; their
    /// [`Unit::revision`] says when they need a restart.
    pub restarts: Option<String>,
}

/// What is in a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Rendered bytes.
    Bytes(Vec<u8>),
    /// A file of this host, pushed as it is.
    Artifact {
        /// Where it is on this host.
        path: PathBuf,
        /// Its hex SHA-256.
        sha256: String,
        /// Its size in bytes.
        size: u64,
    },
    /// distctl's own agent.
    Agent {
        /// Its hex SHA-256.
        sha256: String,
    },
    /// A secret, made once and the same wherever it is used.
    Secret(SecretName),
    /// A text into which the guest fills secrets that it keeps.
    Filled(Vec<Piece>),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Artifact { path, .. } => write!(f, "Artifact({})", path.display()),
            Self::Agent { .. } => write!(f, "Agent"),
            Self::Secret(name) => write!(f, "Secret({name})"),
            Self::Filled(pieces) => write!(f, "Filled({} pieces)", pieces.len()),
        }
    }
}

/// Names a secret, `rsA.keyfile` for instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName {
    /// Whose it is: a set, a standalone, a service.
    pub owner: String,
    /// What it is for.
    pub kind: SecretKind,
}

/// What a secret is for, which decides how it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// The key by which members of a set trust each other: 756 base64 characters.
    Keyfile,
    /// The password of a user of the owner's mongods: 32 letters and digits.
    Password(String),
    /// One that the topology names itself, the owner: 32 letters and digits.
    Named,
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            SecretKind::Keyfile => write!(f, "{}.keyfile", self.owner),
            SecretKind::Password(user) => write!(f, "{}.{user}", self.owner),
            SecretKind::Named => f.write_str(&self.owner),
        }
    }
}

/// A systemd unit whose file is among the container's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What the unit must have been started with (`DISTCTL_REVISION` in its environment): the hash of all that a
    /// running process does not take up by itself. `None` where a restart is never needed.
    pub revision: Option<String>,
    /// Files that its process reads at its start and never again: where one was changed by hand, nobody can tell which
    /// content runs.
    pub reads: Vec<String>,
    /// Its log file in the container, besides the journal.
    pub log: Option<String>,
}

/// One mongod process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mongod {
    /// The container that it runs in.
    pub container: String,
    /// Its port, on the container's address and on loopback.
    pub port: u16,
    /// `address:port`.
    pub host: String,
    /// Its unit.
    pub unit: String,
    /// Its log file.
    pub log: String,
    /// Its data directory; where that is missing, the mongod has never run.
    pub data: String,
}

/// A replica set.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaSet {
    /// Its name.
    pub name: String,
    /// Its members in the order of the file; the same order as in `config.members`.
    pub members: Vec<Mongod>,
    /// The configuration that `rs.conf()` must show. The ids are those of a fresh set; a member that the set has
    /// already keeps its own.
    pub config: SetConfig,
    /// Who may do what; `None` where the topology says `auth: none`.
    pub access: Option<Access>,
}

/// A mongod that is in no set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standalone {
    /// Its name in the topology.
    pub name: String,
    /// The process.
    pub mongod: Mongod,
    /// Who may do what; `None` where the topology says `auth: none`.
    pub access: Option<Access>,
}

/// An application, in one container or in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Where it runs, in the order in which a change goes through.
    pub containers: Vec<String>,
    /// Services, replica sets and standalones that must work before it starts.
    pub depends_on: Vec<String>,
}

/// What one container has of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The service.
    pub service: String,
    /// Its unit.
    pub unit: String,
    /// The system user that it runs as.
    pub user: String,
    /// What the unit must have been started with (`DISTCTL_REVISION` in its environment): the hash of all that the
    /// release consists of, but for the values of secrets.
    pub revision: String,
    /// Its files by path, the unit's and the environment's included.
    pub files: BTreeMap<String, File>,
    /// Which of the files holds its environment.
    pub environment_file: String,
    /// How to see that it works.
    pub health: Option<HealthCheck>,
    /// How often that is asked, in milliseconds.
    pub interval_ms: u64,
    /// How long it may take until it works, in milliseconds.
    pub timeout_ms: u64,
    /// What is run once; only in the first of its containers.
    pub init: Option<Init>,
}

/// What is run once when a service works for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What it reads.
    pub stdin: Vec<Piece>,
    /// The secrets in that, which a person needs.
    pub secrets: Vec<SecretName>,
    /// The file that tells that it was run.
    pub marker: String,
    /// What that file holds.
    pub marked: String,
}

impl Init {
    /// Whether a guest says that it was run.
    pub fn was_run(&self, guest: &Inspection) -> bool {
        let sha256 = guest.paths.get(&self.marker).and_then(|seen| seen.sha256.as_ref());
        sha256.is_some_and(|sha256| *sha256 == sha256_hex(self.marked.as_bytes()))
    }
}

/// The users of a set or a standalone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The administrator (role `root`).
    pub admin: Credential,
    /// The agent's own user: it looks, and asks members to step up or down.
    pub agent: Credential,
    /// All users, the administrator first.
    pub users: Vec<UserSpec>,
}

mod access;
pub mod address;
mod artifact;
mod container;
mod disks;
pub mod expand;
mod filled;
mod fragmented;
mod hash;
pub mod incus_ui;
mod mongod;
mod mongosh;
mod places;
pub mod render;
mod replica_set;
mod rotation;
mod scope;
pub mod secret;
mod service;
mod stand_in;
mod template;
#[cfg(test)]
mod tests;

pub use access::keepers;
pub use disks::AttachedDisk;
pub use fragmented::{FragmentHome, Fragmented, ProbeLogin, Router};
pub use hash::cache_folder;
pub use incus_ui::IncusUi;
pub use places::{DATA, DATA_KEY, Holds, Ledger, Lodging, Places};
pub use scope::Scope;
pub use stand_in::Other;

/// How many bytes a size is that is written as Incus writes it: `4GiB`.
pub fn bytes_of(size: &str) -> Option<u64> {
    crate::topology::Size::parse(size).map(crate::topology::Size::bytes)
}

/// The hex SHA-256 of bytes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(bytes))
}

/// Bytes as small hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
