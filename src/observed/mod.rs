//! What is: one snapshot of Incus and of the guests, taken by [`collect`](collect::collect).
//!
//! The planner sees nothing but these values, so a test can write them by hand.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use protocol::Inspection;

pub mod collect;
mod incus_ui;

pub use incus_ui::{Holder, IncusUi};

/// A part of the world, as far as it could be seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Part<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there.
    Present(T),
    /// It may be there; the reason why that can't be told.
    Unreachable(String),
}

impl<T> Part<T> {
    /// The value, if it was seen.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unreachable(_) => None,
        }
    }
}

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// The topology's bridge.
    pub network: Part<Network>,
    /// Containers that are declared or carry the topology's name, by name.
    pub containers: BTreeMap<String, Part<Container>>,
    /// Addresses on the server that others hold: address to holder (`/1.0/instances/web`).
    pub taken: BTreeMap<Ipv4Addr, String>,
    /// Incus's own web interface; `Absent` where it is neither declared nor was turned on for the topology.
    pub incus_ui: Part<IncusUi>,
    /// Storage pools in which a declared container has a limit, by name; those that this user may see.
    pub pools: BTreeMap<String, Pool>,
    /// An import into this topology's folder that was not finished.
    pub import: Option<Import>,
    /// Why this user can't take the lease that every change needs; `None` where nothing speaks against it.
    pub no_lease: Option<String>,
}

impl Observed {
    /// What was seen inside a container.
    pub fn guest(&self, container: &str) -> Option<&Inspection> {
        self.containers.get(container)?.seen()?.guest.seen().map(Box::as_ref)
    }
}

/// A storage pool in Incus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its driver: `btrfs`, `dir`.
    pub driver: String,
    /// Whether it holds containers to the limits of their disks.
    pub limits: bool,
}

/// An import that was begun and not finished, as its folder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The bundle's id.
    pub id: String,
    /// The command that goes on with it.
    pub resume: String,
}

/// A network in Incus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Whether Incus manages it, or only sees it on the host.
    pub managed: bool,
    /// Its configuration keys.
    pub config: BTreeMap<String, String>,
    /// How many things use it.
    pub users: usize,
    /// Paths of what uses it, as far as this user may see: `/1.0/instances/db1?project=web`.
    pub used_by: Vec<String>,
}

/// A container in Incus.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Container {
    /// Whether it runs.
    pub status: Status,
    /// Its own configuration keys, without profiles and without `volatile.*`.
    pub config: BTreeMap<String, String>,
    /// Its own devices, without profiles.
    pub devices: BTreeMap<String, BTreeMap<String, String>>,
    /// The devices that it has from its profiles.
    pub inherited: BTreeMap<String, BTreeMap<String, String>>,
    /// How many bytes its disk holds; asked only where its limit is about to shrink.
    pub disk_used: Option<u64>,
    /// What the agent saw inside; `Absent` where the container does not run.
    pub guest: Part<Box<Inspection>>,
}

impl Container {
    /// Its root disk, its own or that of a profile.
    pub fn root(&self) -> Option<&BTreeMap<String, String>> {
        let is_root = |device: &&BTreeMap<String, String>| device.get("path").is_some_and(|path| path == "/");
        self.devices.values().find(is_root).or_else(|| self.inherited.values().find(is_root))
    }

    /// Its address in a device of its own.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.devices.values().find_map(|device| device.get("ipv4.address")?.parse().ok())
    }
}

/// Whether a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// It runs.
    Running,
    /// It is stopped.
    #[default]
    Stopped,
    /// Its processes are frozen.
    Frozen,
    /// Anything else, in Incus's words.
    Other(String),
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Frozen => "frozen",
            Self::Other(word) => word,
        })
    }
}
