//! The report of a run: verdicts, numbers and a time line in one value that every form is made of.

use std::collections::BTreeMap;

use protocol::FaultKind;
use serde::{Deserialize, Serialize};

use super::checker::{Check, Durability, Gaps, LostUpdate, ReadViolation, Split, Verdict};

mod annotations;
mod compare;
mod html;
mod junit;
mod make;
mod objectives;
mod scale;
mod timeline;

pub use annotations::annotations;
pub use compare::{Comparison, compare};
pub use html::{comparison_page, page};
pub use junit::junit;
pub use make::make;
pub use timeline::{Lane, Stay, Timeline};

/// All that is said of a run. Times are milliseconds from its first record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form.
    pub format: u32,
    /// The worst of all objectives and checks.
    pub verdict: Verdict,
    /// What was run.
    pub run: About,
    /// What was asked, and what came of it.
    pub objectives: Vec<Objective>,
    /// What each checker says.
    pub checks: Vec<Check>,
    /// What was counted.
    pub numbers: Numbers,
    /// The kinds of faults with the gaps that they cost.
    pub kinds: Vec<KindRow>,
    /// Every fault, in order.
    pub faults: Vec<FaultRow>,
    /// What was lost, by who acknowledged it; the first hundred times that happened.
    pub lost: Vec<LostWrites>,
    /// What happened when.
    pub timeline: Timeline,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct About {
    /// The name of the run.
    pub name: String,
    /// The topology's name.
    pub topology: String,
    /// The replica set, or the service that was driven.
    pub object: String,
    /// What it is called beside others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What clients did; empty where the workload never began, as all up to `container`.
    pub workload: String,
    /// `majority`, `1`, ...
    pub write_concern: String,
    /// `linearizable`, `majority`, `local`, ...
    pub read_concern: String,
    /// `primary`, `secondary`, ...
    pub read_preference: String,
    /// Whether the driver repeated a write once.
    pub retry_writes: bool,
    /// How many clients there were.
    pub clients: u32,
    /// Operations a second that were aimed at; 0 for as many as could be done.
    pub rate: u32,
    /// The container that clients ran in.
    pub container: String,
    /// The members.
    pub hosts: Vec<String>,
    /// The command line after `distctl`.
    pub options: Vec<String>,
    /// What the schedule was drawn from.
    pub seed: u64,
    /// The version of distctl that ran it.
    pub distctl: String,
    /// When it began, in milliseconds since 1970.
    pub began_wall_ms: Option<i64>,
    /// How long it took, from the first record to the last.
    pub seconds: f64,
}

impl About {
    /// What it is called beside others: its label, else its name.
    pub fn title(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

/// What was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Its key in the topology: `max_write_gap`.
    pub name: String,
    /// What was asked: `at most 3,000 ms`.
    pub wanted: String,
    /// What was measured: `1,020 ms`.
    pub measured: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Why it can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How many operations ended in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Surely did not happen.
    pub failed: u64,
    /// May have happened.
    pub unknown: u64,
}

impl Outcomes {
    /// All of them.
    pub fn all(self) -> u64 {
        self.acknowledged + self.failed + self.unknown
    }
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// Operations by what they do: `insert`, `read`, `swap`.
    pub operations: BTreeMap<String, Outcomes>,
    /// Whether all was read back in the end; else nothing is known of what is lost.
    pub is_read_back: bool,
    /// Acknowledged writes that are lost: inserts and updates of registers.
    pub lost_writes: u64,
    /// Inserts that are there and were never sent, or surely failed.
    pub unexpected: u64,
    /// Inserts that may have happened and did.
    pub recovered: u64,
    /// Inserts that may have happened and did not.
    pub vanished: u64,
    /// Inserts that are there more than once.
    pub duplicates: u64,
    /// Documents that members took back.
    pub rolled_back: u64,
    /// Acknowledged inserts among them that are not there.
    pub rolled_back_acknowledged: u64,
    /// The files that members wrote when they took documents back.
    pub rollback_files: Vec<String>,
    /// Reads that missed what was acknowledged before them.
    pub stale_reads: u64,
    /// Reads that found less than the same client had seen.
    pub non_monotonic_reads: u64,
    /// Pairs of acknowledged updates from the same value.
    pub lost_updates: u64,
    /// The first violations of reads and updates.
    pub read_violations: Vec<ReadViolation>,
    /// Registers that fell behind.
    pub registers: Vec<LostUpdate>,
    /// How many terms had a primary.
    pub terms: u64,
    /// Acknowledged writes a second before the first fault.
    pub calm_writes: f64,
    /// The gaps of writes that faults cost.
    pub write_gaps: Option<Gaps>,
    /// The gaps of reads that faults cost.
    pub read_gaps: Option<Gaps>,
    /// What is called a gap on the time line, in milliseconds.
    pub threshold_ms: u64,
}

impl Numbers {
    /// All operations together.
    pub fn all(&self) -> Outcomes {
        self.operations.values().fold(Outcomes::default(), |sum, one| Outcomes {
            acknowledged: sum.acknowledged + one.acknowledged,
            failed: sum.failed + one.failed,
            unknown: sum.unknown + one.unknown,
        })
    }

    fn durable(&mut self, found: &Durability) {
        self.is_read_back = found.is_known;
        self.lost_writes = found.lost_writes();
        self.unexpected = found.unexpected.len() as u64;
        self.recovered = found.recovered;
        self.vanished = found.vanished;
        self.duplicates = found.duplicates.len() as u64;
        self.registers = found.lost_updates.clone();
    }
}

/// A kind of faults with the gaps that it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRow {
    /// The kind.
    pub fault: FaultKind,
    /// How many there were.
    pub count: u64,
    /// Gaps of writes.
    pub write_gaps: Option<Gaps>,
    /// Gaps of reads.
    pub read_gaps: Option<Gaps>,
}

/// One fault and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRow {
    /// Its number, from 0.
    pub round: u32,
    /// The kind.
    pub fault: FaultKind,
    /// Whom it hit.
    pub targets: Vec<String>,
    /// From when on it may have been felt.
    pub from_ms: u64,
    /// When healing began.
    pub healing_ms: Option<u64>,
    /// When the set was healthy again.
    pub healthy_ms: Option<u64>,
    /// The longest time without an acknowledged write.
    pub write_gap: Option<GapRow>,
    /// The longest time without an answered read.
    pub read_gap: Option<GapRow>,
    /// Where the time without writes went.
    pub split: Option<Split>,
    /// Whether it was healed.
    pub verdict: Verdict,
    /// What is amiss with it, or else was said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A time without acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRow {
    /// The last acknowledgement before it.
    pub from_ms: u64,
    /// How long it is.
    pub ms: u64,
    /// Whether none came any more, so that it may have been longer.
    pub is_open: bool,
}

/// Acknowledged inserts that follow each other and are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostWrites {
    /// Their numbers; the first thousand.
    pub ops: Vec<u64>,
    /// How many there are.
    pub count: u64,
    /// When the first of them was acknowledged.
    pub from_ms: u64,
    /// When the last of them was.
    pub until_ms: u64,
    /// Who acknowledged them.
    pub node: Option<String>,
    /// In which term.
    pub term: Option<i64>,
    /// Whether they lie in rollback files.
    pub is_rolled_back: bool,
}
