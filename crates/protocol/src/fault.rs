//! Faults: what is broken on purpose, how it is asked for, and how it is undone.

use serde::{Deserialize, Serialize};

use crate::When;

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// `systemctl stop` of a mongod.
    Stop,
    /// `kill -9` of a mongod.
    Kill,
    /// SIGSTOP of a mongod: it holds its connections and answers nothing.
    Pause,
    /// A container is frozen by Incus.
    Freeze,
    /// A container is stopped cleanly.
    ContainerStop,
    /// A container is stopped at once, as by a power cut.
    ContainerKill,
    /// A member and the others of its set don't hear each other. Clients hear all.
    Partition,
    /// Two members don't hear each other.
    PartitionPair,
    /// The others don't hear a member, which hears them.
    PartitionOneWay,
    /// What a member sends arrives late.
    Slow,
    /// The disk of a member is full.
    DiskFull,
    /// A primary is asked to step down.
    Stepdown,
    /// The clock of a mongod is wrong.
    Clock,
}

impl FaultKind {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 13] = [
        Self::Stop,
        Self::Kill,
        Self::Pause,
        Self::Freeze,
        Self::ContainerStop,
        Self::ContainerKill,
        Self::Partition,
        Self::PartitionPair,
        Self::PartitionOneWay,
        Self::Slow,
        Self::DiskFull,
        Self::Stepdown,
        Self::Clock,
    ];

    /// Its name, as the command line and histories have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Freeze => "freeze",
            Self::ContainerStop => "container-stop",
            Self::ContainerKill => "container-kill",
            Self::Partition => "partition",
            Self::PartitionPair => "partition-pair",
            Self::PartitionOneWay => "partition-one-way",
            Self::Slow => "slow",
            Self::DiskFull => "disk-full",
            Self::Stepdown => "stepdown",
            Self::Clock => "clock",
        }
    }

    /// Whether Incus does it to a whole container, and no agent is needed.
    pub fn is_of_container(self) -> bool {
        matches!(self, Self::Freeze | Self::ContainerStop | Self::ContainerKill)
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("there is no fault `{text}`; there are {}", known.join(", "))
        })
    }
}

/// A member that a fault hits, as its guest knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultMember {
    /// `address:port`.
    pub host: String,
    /// Its unit, with the suffix.
    pub unit: String,
    /// Its data directory.
    pub data: String,
    /// How many bytes its container may have on disk, where that is bounded.
    #[serde(default)]
    pub disk_limit: Option<u64>,
    /// The file with the password of the agent's user, where there is one.
    #[serde(default)]
    pub credential: Option<crate::Credential>,
}

/// What one member does not get through to another: its own requests, and nobody else's from the same guest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cut {
    /// The unit of the member that sends, with the suffix.
    pub unit: String,
    /// `address:port` of the member that does not hear it.
    pub to: String,
    /// Whether both are in this guest.
    #[serde(default)]
    pub beside: bool,
}

/// A fault in one guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFault {
    /// Its name, in the guest and in Incus: letters, digits and hyphens.
    pub id: String,
    /// What it is.
    pub kind: FaultKind,
    /// Whom it hits. All of them are in this guest.
    pub members: Vec<FaultMember>,
    /// What members in this guest can't send, where they are cut off from others.
    #[serde(default)]
    pub cuts: Vec<Cut>,
    /// After which the guest undoes it by itself, in milliseconds.
    pub ttl_ms: u64,
}

/// What a guest undoes; what it knows nothing of is no error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealRequest {
    /// These faults.
    Faults(Vec<String>),
    /// All faults of which anything is left, and what was begun to be written down.
    AllFaults,
    /// All faults and workloads of which anything is left.
    Everything,
    /// What a killed run had begun to write down: it broke nothing yet.
    Unfinished,
    /// Nothing: it is only said what is left.
    Nothing,
}

/// The answer to the question whether a guest can do a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultChecked {
    /// What would be used, where that is not clear from the kind.
    pub note: Option<String>,
}

/// The answer to a fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// Before the first thing was done.
    pub begun: When,
    /// After the last.
    pub done: When,
    /// What was used, where that is not clear from the kind.
    pub note: Option<String>,
}

/// The answer to healing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healed {
    /// Before the first thing was undone.
    pub begun: When,
    /// After the last.
    pub done: When,
    /// The faults that were undone.
    pub faults: Vec<HealedFault>,
    /// The workloads that were ended and removed.
    pub workloads: Vec<String>,
    /// Faults that were begun to be written down, and never were in force.
    #[serde(default)]
    pub unfinished: Vec<String>,
}

/// A fault that was undone, or was found undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealedFault {
    /// Its name.
    pub id: String,
    /// What it was.
    pub kind: FaultKind,
    /// Whom it hit.
    pub members: Vec<String>,
}
