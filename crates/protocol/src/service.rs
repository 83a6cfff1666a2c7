//! Services: applications that are deployed, watched over HTTP and replaced.

use serde::{Deserialize, Serialize};

use crate::{FileWrite, Piece};

/// The folder in a guest where each service that was deployed has one of its name.
pub const SERVICES: &str = "/var/lib/distctl/services";

/// How to ask a service whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `address:port`.
    pub host: String,
    /// The path; a status from 200 to 299 means that it works.
    pub path: String,
}

/// A service to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceQuery {
    /// Its name.
    pub name: String,
    /// How to ask it.
    pub health: HealthCheck,
}

/// What a service said when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Working {
        /// The `version` of its answer, where that is a JSON object with one.
        version: Option<String>,
    },
    /// It answers that it does not work: the status and what it said.
    Failing(String),
    /// It gives no answer; the reason.
    Silent(String),
}

/// Puts a release of a service in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployServiceRequest {
    /// The service's name.
    pub service: String,
    /// Its unit.
    pub unit: String,
    /// The system user that it runs as; made if it is missing.
    pub user: String,
    /// What tells this release from another.
    pub revision: String,
    /// All its files, the unit's own included.
    pub files: Vec<FileWrite>,
    /// How to see that it works; without it the unit must stay up.
    pub health: Option<HealthCheck>,
    /// How often it is asked, in milliseconds.
    pub interval_ms: u64,
    /// How long it may take until it works, in milliseconds.
    pub timeout_ms: u64,
}

/// Waits until a service works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitServiceRequest {
    /// Its unit.
    pub unit: String,
    /// How to see that it works; without it the unit must be up.
    pub health: Option<HealthCheck>,
    /// How often it is asked, in milliseconds.
    pub interval_ms: u64,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
}

/// Runs a command of a service as its user, in its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitServiceRequest {
    /// The service's name.
    pub service: String,
    /// The system user that it runs as.
    pub user: String,
    /// The file with its environment.
    pub environment_file: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What it reads from standard input.
    pub stdin: Vec<Piece>,
    /// The file that tells that it was run, and what is written into it.
    pub marker: (String, String),
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
}

/// Stops a service and removes what was deployed of it; its data stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveServiceRequest {
    /// The service's name.
    pub service: String,
    /// Its unit.
    pub unit: String,
}
