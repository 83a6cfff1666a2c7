//! A fault from its injection to the health of the set.

use protocol::{FaultKind, FaultRecord, Phase};

/// One fault of a run. Each moment is `None` where nobody wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which of the schedule, from 0.
    pub round: u32,
    /// What it was.
    pub kind: FaultKind,
    /// Whom it hit.
    pub targets: Vec<String>,
    /// When the first record of it was written.
    pub begun: u64,
    /// From when on it may have been felt.
    pub injecting: Option<u64>,
    /// From when on it was in force.
    pub injected: Option<u64>,
    /// From when on it may have been over.
    pub healing: Option<u64>,
    /// When it was undone.
    pub healed: Option<u64>,
    /// When the whole set was healthy again.
    pub healthy: Option<u64>,
    /// When something of it failed, and why.
    pub failed: Option<(u64, String)>,
    /// What else was said of it.
    pub note: Option<String>,
}

impl Fault {
    fn new(record: &FaultRecord) -> Self {
        Self {
            round: record.round,
            kind: record.fault,
            targets: record.targets.clone(),
            begun: record.when.us,
            injecting: None,
            injected: None,
            healing: None,
            healed: None,
            healthy: None,
            failed: None,
            note: None,
        }
    }

    /// Whether it was in force. A fault of which only the healing is known was.
    pub fn was_injected(&self) -> bool {
        self.injected.or(self.healing).or(self.healed).is_some()
    }

    /// Between which moments it can be felt; it ends with the set's health, else with the history.
    pub fn felt(&self, end: u64) -> (u64, u64) {
        (self.injecting.unwrap_or(self.begun), self.healthy.unwrap_or(end))
    }

    /// Its name in a sentence: `kill of 10.10.10.12:27017 (round 3)`.
    pub fn title(&self) -> String {
        format!("{} of {} (round {})", self.kind, self.targets.join(", "), self.round + 1)
    }

    fn take(&mut self, record: FaultRecord) {
        let at = record.when.us;
        if self.targets.is_empty() {
            self.targets = record.targets;
        }
        let moment = match record.phase {
            Phase::Injecting => &mut self.injecting,
            Phase::Injected => &mut self.injected,
            Phase::Healing => &mut self.healing,
            Phase::Healed => &mut self.healed,
            Phase::Healthy => &mut self.healthy,
            Phase::Failed => {
                let why = record.note.unwrap_or_else(|| "no reason was written down".to_owned());
                self.failed.get_or_insert((at, why));
                return;
            }
        };
        moment.get_or_insert(at);
        self.note = self.note.take().or(record.note);
    }
}

/// Puts the records of each fault together. A round has one fault.
pub fn faults(mut records: Vec<FaultRecord>) -> Vec<Fault> {
    records.sort_by_key(|record| record.when.us);
    let mut faults: Vec<Fault> = Vec::new();
    for record in records {
        let known = faults.iter().position(|fault| fault.round == record.round && fault.kind == record.fault);
        let at = known.unwrap_or_else(|| {
            faults.push(Fault::new(&record));
            faults.len() - 1
        });
        faults[at].take(record);
    }
    faults
}
