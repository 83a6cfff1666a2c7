//! Writing a history as it happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use protocol::{Complete, Outcome, Record, Seen, SeenState, WorkloadStatus};

/// A history that grows, and what it comes to so far.
///
/// Each line is handed to the kernel before the operation is called done: a killed workload loses none.
#[derive(Debug)]
pub struct Recorder {
    file: Option<RefCell<File>>,
    counts: Cell<Counts>,
    error: RefCell<Option<String>>,
    members: RefCell<BTreeMap<String, SeenState>>,
}

/// How many operations ended how.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    ok: u64,
    fail: u64,
    unknown: u64,
    last_ok_us: u64,
}

impl Recorder {
    /// Opens a history; without a path nothing is kept but the counts.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let open = |path| OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(RefCell::new);
        Ok(Self {
            file: path.map(open).transpose()?,
            counts: Cell::default(),
            error: RefCell::default(),
            members: RefCell::default(),
        })
    }

    /// Adds a line. The first that can't be written ends the workload.
    pub fn record(&self, record: &Record) {
        let Some(file) = &self.file else { return };
        let written = serde_json::to_vec(record).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            file.borrow_mut().write_all(&line)
        });
        if let Err(error) = written {
            self.error.borrow_mut().get_or_insert(format!("its history can't be written: {error}"));
        }
    }

    /// Adds the end of an operation, and counts it.
    pub fn complete(&self, complete: Complete, is_write: bool) {
        let mut counts = self.counts.get();
        match complete.outcome {
            Outcome::Ok => counts.ok += 1,
            Outcome::Fail => counts.fail += 1,
            Outcome::Unknown => counts.unknown += 1,
        }
        if is_write && complete.outcome == Outcome::Ok {
            counts.last_ok_us = complete.when.us;
        }
        self.counts.set(counts);
        self.record(&Record::Complete(complete));
    }

    /// Adds what a member is from now on.
    pub fn see(&self, seen: Seen) {
        self.members.borrow_mut().insert(seen.host.clone(), seen.state);
        self.record(&Record::Seen(seen));
    }

    /// Whether it can go on.
    pub fn works(&self) -> bool {
        self.error.borrow().is_none()
    }

    /// What it comes to so far.
    pub fn status(&self) -> WorkloadStatus {
        let Counts { ok, fail, unknown, last_ok_us } = self.counts.get();
        let error = self.error.borrow().clone();
        let members = self.members.borrow().clone();
        WorkloadStatus { running: true, ok, fail, unknown, last_ok_us, error, members, ..WorkloadStatus::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{End, When};

    #[test]
    fn lines_are_there_as_soon_as_they_are_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let recorder = Recorder::open(Some(&path)).unwrap();
        for us in [1, 2] {
            recorder.record(&Record::End(End { when: When { us, wall_ms: 5 } }));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"what\":\"end\",\"us\":1,\"wall_ms\":5}\n{\"what\":\"end\",\"us\":2,\"wall_ms\":5}\n");
        assert!(recorder.works());
    }

    #[test]
    fn a_full_disk_is_told() {
        let recorder = Recorder::open(Some(Path::new("/dev/full"))).unwrap();
        recorder.record(&Record::End(End { when: When::default() }));
        assert!(!recorder.works());
        assert!(recorder.status().error.is_some_and(|error| error.contains("No space left")));
    }

    #[test]
    fn only_writes_count_as_the_last_that_was_acknowledged() {
        let recorder = Recorder::open(None).unwrap();
        let ended = |us, outcome| Complete {
            op: 1,
            when: When { us, wall_ms: 0 },
            outcome,
            value: None,
            node: None,
            term: None,
            error: None,
            code: None,
        };
        recorder.complete(ended(1, Outcome::Ok), true);
        recorder.complete(ended(2, Outcome::Ok), false);
        recorder.complete(ended(3, Outcome::Unknown), true);
        let status = recorder.status();
        assert_eq!((status.ok, status.unknown, status.last_ok_us), (2, 1, 1));
    }
}
