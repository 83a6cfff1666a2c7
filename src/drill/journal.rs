//! The history on this host: what distctl did, line by line as it does it.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use protocol::{FaultRecord, Phase, Record, When};

use super::faults::Fault;

/// A history that grows.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// One at a path; it need not be there yet.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Adds lines, which are on the disk when this returns.
    pub fn record(&self, records: &[Record]) -> Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        let written = File::options().append(true).create(true).open(&self.path).and_then(|mut file| {
            file.write_all(&lines)?;
            file.sync_data()
        });
        written.with_context(|| format!("{} can't be written", self.path.display()))
    }

    /// Adds that a fault is so far.
    pub fn fault(&self, round: u32, fault: &Fault, phase: Phase, when: When, note: Option<String>) -> Result<()> {
        let record = FaultRecord { when, round, fault: fault.kind, targets: fault.targets(), phase, note };
        self.record(&[Record::Fault(record)])
    }
}
