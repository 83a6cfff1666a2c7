//! What a run was to do, and what is asked of it: `run.json`.

use protocol::FaultKind;
use serde::{Deserialize, Serialize};

use crate::topology::Failover;

/// The version of the files of a run; it changes whenever a field changes its meaning.
pub const FORMAT: u32 = 1;

/// What a run was to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Run {
    /// [`FORMAT`] of the distctl that wrote it.
    pub format: u32,
    /// The version of distctl.
    pub distctl: String,
    /// The name of the run.
    pub name: String,
    /// The topology's name.
    pub topology: String,
    /// The replica set, or the service that was driven.
    pub object: String,
    /// What it is called beside others it is compared with: `w:1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The command line after `distctl`, word by word.
    #[serde(default)]
    pub options: Vec<String>,
    /// What the schedule was drawn from.
    #[serde(default)]
    pub seed: u64,
    /// The faults, in the order in which they were to come.
    #[serde(default)]
    pub schedule: Vec<Planned>,
    /// What is asked of it.
    #[serde(default)]
    pub objectives: Objectives,
}

/// A fault that was to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Its number, from 0.
    pub round: u32,
    /// What it is.
    pub fault: FaultKind,
    /// Whom it hits, as the schedule says it: `primary`, `10.10.10.12:27017`, ...
    pub target: String,
    /// How long it is held, in milliseconds.
    pub hold_ms: u64,
}

/// What is asked of a run. What isn't said isn't asked, but for losing nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Objectives {
    /// The longest time without an acknowledged write, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_write_gap_ms: Option<u64>,
    /// The longest time without an answered read, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_read_gap_ms: Option<u64>,
    /// The longest time from the beginning of an election until its winner takes writes, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_election_ms: Option<u64>,
    /// How many acknowledged writes may be lost; 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_writes: Option<u64>,
    /// How many reads may be stale; without it, only what the read concern promises is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_reads: Option<u64>,
}

impl Objectives {
    /// Takes what others say, where they say something.
    pub fn overridden(self, by: Self) -> Self {
        Self {
            max_write_gap_ms: by.max_write_gap_ms.or(self.max_write_gap_ms),
            max_read_gap_ms: by.max_read_gap_ms.or(self.max_read_gap_ms),
            max_election_ms: by.max_election_ms.or(self.max_election_ms),
            lost_writes: by.lost_writes.or(self.lost_writes),
            stale_reads: by.stale_reads.or(self.stale_reads),
        }
    }

    /// What a topology asks under `checks.failover`.
    pub fn of(failover: &Failover) -> Self {
        Self {
            max_write_gap_ms: failover.max_write_gap.map(|time| time.whole_millis()),
            max_read_gap_ms: failover.max_read_gap.map(|time| time.whole_millis()),
            max_election_ms: failover.max_election.map(|time| time.whole_millis()),
            lost_writes: failover.lost_writes.map(|count| count.value.0),
            stale_reads: failover.stale_reads.map(|count| count.value.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_line_says_goes_before_the_run() {
        let run = Objectives { max_write_gap_ms: Some(3_000), lost_writes: Some(0), ..Objectives::default() };
        let said = Objectives { max_write_gap_ms: Some(500), ..Objectives::default() };
        let both = Objectives { max_write_gap_ms: Some(500), lost_writes: Some(0), ..Objectives::default() };
        assert_eq!(run.overridden(said), both);
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        let text = r#"{"format":1,"distctl":"9.0.0","name":"r","topology":"t","object":"rsA","new":{}}"#;
        assert_eq!(serde_json::from_str::<Run>(text).unwrap().objectives, Objectives::default());
    }
}
