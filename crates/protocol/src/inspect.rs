//! Looking: what a guest is asked, and what it answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Credential, Directory, Health, Mongod, Piece, ServiceQuery, Storage};

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InspectRequest {
    /// Absolute paths of files and directories.
    pub paths: Vec<String>,
    /// Names of Debian packages.
    pub packages: Vec<String>,
    /// Names of units, with their suffix.
    pub units: Vec<String>,
    /// Unit files under `/etc/systemd/system` whose names match `PREFIX*.service` are listed, to find what is no
    /// longer declared.
    pub unit_prefixes: Vec<String>,
    /// The mongods that should run here.
    pub mongods: Vec<MongodQuery>,
    /// Texts that the guest fills, by path: what they should hash to is answered.
    pub filled: BTreeMap<String, Vec<Piece>>,
    /// The services that should answer here.
    pub services: Vec<ServiceQuery>,
    /// Folders with the owner that all below them must have.
    pub trees: Vec<Directory>,
}

/// Which mongod to ask, and as whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MongodQuery {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// As whom to ask; without it everything is asked without authentication.
    pub credential: Option<Credential>,
    /// Users whose passwords are tried besides, where this mongod takes writes.
    #[serde(default)]
    pub logins: Vec<Credential>,
}

/// All that was seen in one guest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inspection {
    /// [`crate::VERSION`] of the agent that answers.
    pub protocol: u32,
    /// What `systemctl is-system-running` says (`running`, `degraded`, `starting`, ...); `None` where PID 1 is not
    /// systemd.
    pub systemd: Option<String>,
    /// Addresses by interface, each with its prefix length: `eth0` -> `10.10.10.12/24`. Loopback is left out.
    pub addresses: BTreeMap<String, Vec<String>>,
    /// The guest's clock, milliseconds since 1970.
    pub clock_ms: i64,
    /// Whether the processor has AVX, which mongod 5.0 and later need.
    pub avx: bool,
    /// Bytes free on the file system that holds `/var/lib`.
    pub disk_free: u64,
    /// Bytes in all on the file system that holds `/var/lib`.
    pub disk_total: u64,
    /// What is at each asked path; absent paths have no entry.
    pub paths: BTreeMap<String, PathState>,
    /// Versions of the asked packages that are installed.
    pub packages: BTreeMap<String, String>,
    /// States of the asked units; a unit that systemd does not know has `load` = `not-found`.
    pub units: BTreeMap<String, UnitState>,
    /// Unit files found for the asked prefixes.
    pub unit_files: Vec<String>,
    /// The asked mongods by port.
    pub mongods: BTreeMap<u16, Result<Mongod, MongodAbsence>>,
    /// The hex SHA-256 of each asked text, filled; none where a secret is missing.
    pub filled: BTreeMap<String, String>,
    /// What the asked services said.
    pub services: BTreeMap<String, Health>,
    /// Names of all services that were deployed here.
    pub deployed: Vec<String>,
    /// What fills or blocks the disk.
    pub storage: Storage,
    /// The files of the release of each service that worked last, by its name.
    pub service_files: BTreeMap<String, Vec<String>>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathState {
    /// Hex SHA-256 of the content; `None` for a directory or what is not a regular file.
    pub sha256: Option<String>,
    /// Permission bits, `0o640` for instance.
    pub mode: u32,
    /// The owner's name, or its number where the guest has no name for it.
    pub owner: String,
    /// The group's name, or its number where the guest has no name for it.
    pub group: String,
    /// Size in bytes.
    pub size: u64,
    /// When its content was last changed by the guest's clock, in milliseconds since 1970.
    #[serde(default)]
    pub changed_ms: i64,
}

/// What systemd says of a unit (the properties of the same names).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitState {
    /// `LoadState`: `loaded`, `not-found`, `masked`, ...
    pub load: String,
    /// `ActiveState`: `active`, `activating`, `inactive`, `failed`, ...
    pub active: String,
    /// `SubState`: `running`, `dead`, `auto-restart`, ...
    pub sub: String,
    /// `UnitFileState`: `enabled`, `disabled`, ...
    pub enabled: String,
    /// `Result`: `success`, `exit-code`, `signal`, ...
    pub result: String,
    /// `NRestarts`.
    pub restarts: u32,
    /// `NeedDaemonReload`.
    pub needs_reload: bool,
    /// The `DISTCTL_REVISION` in the environment of the running main process: what it was started with.
    pub revision: Option<String>,
    /// When the main process was started by the guest's clock, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// `MemoryCurrent` in bytes, where systemd accounts for it.
    pub memory: Option<u64>,
    /// `CPUUsageNSec`, where systemd accounts for it.
    pub cpu_ns: Option<u64>,
}

/// Why a mongod could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MongodAbsence {
    /// Nothing listens on the port.
    NotListening,
    /// It listens, but did not answer `hello` in time or answered with an error.
    NotAnswering(String),
}
