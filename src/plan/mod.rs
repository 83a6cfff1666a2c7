//! What to do: the steps from what is to what should be, each with its cause.
//!
//! Everything here is pure: no clock, no randomness, no input or output. A [`Plan`] is data that can be printed,
//! compared in a test and carried out later without another decision.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::desired::SecretName;

mod action;
mod auth;
mod birth;
mod container;
mod departed;
mod diff;
mod disk;
mod display;
mod fragments;
mod guest;
mod homes;
mod identity;
mod incus_ui;
mod init;
mod losses;
mod mongod;
mod order;
mod reconfigure;
mod recovery;
mod remains;
mod removal;
mod replica_set;
mod restart;
mod resync;
mod secrets;
mod service;
mod storage;
mod under_way;
mod unfinished;
mod users;

#[cfg(test)]
mod tests;

pub use action::{Action, PushSource, staging_path};
pub use diff::{Options, diff};
pub use display::Brief;
pub use incus_ui::UiAction;
pub use removal::{down, removal, stop};
pub use restart::restart;
pub use resync::resync;

/// The steps from what is to what should be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The topology's name.
    pub topology: String,
    /// Steps in an order that can be followed one by one; see [`Step::after`] for what may run at once.
    pub steps: Vec<Step>,
    /// What keeps the whole plan from being carried out; nothing is changed while there is one.
    pub refusals: Vec<Finding>,
    /// What could not be seen or must wait: the system is degraded there.
    pub findings: Vec<Finding>,
    /// What is worth knowing and neither amiss nor in the way.
    pub notes: Vec<Finding>,
    /// Where each secret that a step writes comes from.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// Whether things come into sight only when these steps are done, so that another look is needed.
    pub look_again: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// Indices in [`Plan::steps`] of the steps that must be done before; all are smaller than its own.
    pub after: Vec<usize>,
}

/// Why a step is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It is declared and not there.
    Missing,
    /// It is there and differs.
    Changed(Vec<Change>),
    /// It is not in the state that it should be in; the state seen.
    State(String),
    /// Another step makes it necessary.
    Follows,
    /// The user asked for it.
    Asked,
    /// It is there and not declared any more.
    Undeclared,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The field: `limits.memory`, `/etc/hosts`, `members[2].priority`.
    pub field: String,
    /// What is.
    pub from: String,
    /// What should be.
    pub to: String,
    /// What the change costs.
    pub effect: Effect,
}

/// What a change costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing stops.
    Live,
    /// A process is restarted.
    Restart,
    /// The container is restarted.
    Reboot,
}

/// Something that a plan can't mend, or must not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `container db1`, `replica set rsA`.
    pub object: String,
    /// What is the matter.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Nobody has it: it is made.
    Generate,
    /// A guest has it.
    Guest {
        /// The container.
        container: String,
        /// The file.
        path: String,
    },
}

impl Plan {
    /// Whether there is nothing to do, nothing amiss and nothing hidden.
    pub fn is_clean(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty() && self.findings.is_empty()
    }
}
