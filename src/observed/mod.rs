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
#[derive(Debug, Clone, PartialEq)]
pub enum Part<T> {
    /// It is not there.
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
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The topology's bridge.
    pub network: Part<Network>,
    /// Containers that are declared or carry the topology's name, by name.
    pub containers: BTreeMap<String, Part<Container>>,
    /// Addresses on the server that others hold: address to holder (`/1.0/instances/web`).
    pub taken: BTreeMap<Ipv4Addr, String>,
    /// Incus's own web interface; `Absent` where it is neither declared nor was turned on for the topology.
    pub incus_ui: Part<IncusUi>,
}

impl Observed {
    /// What was seen inside a container.
    pub fn guest(&self, container: &str) -> Option<&Inspection> {
        self.containers.get(container)?.seen()?.guest.seen().map(Box::as_ref)
    }
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
}

/// A container in Incus.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Whether it runs.
    pub status: Status,
    /// Its own configuration keys, without profiles and without `volatile.*`.
    pub config: BTreeMap<String, String>,
    /// Its own devices, without profiles.
    pub devices: BTreeMap<String, BTreeMap<String, String>>,
    /// What the agent saw inside; `Absent` where the container does not run.
    pub guest: Part<Box<Inspection>>,
}

/// Whether a container runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It is stopped.
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
