//! Writing a history as it happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use protocol::{Complete, Invoke, Outcome, Record, Seen, SeenState, WorkloadStatus};

/// A history that grows, and what it comes to so far.
///
/// The kernel has the line of an operation before that is sent. How it ended may wait for whatever is written next, until
/// the next [`Recorder::status`] at the latest: a killed workload loses how its last operations ended, and never that
/// they were sent.
#[derive(Debug)]
pub struct Recorder {
    history: Option<RefCell<History>>,
    counts: Cell<Counts>,
    error: RefCell<Option<String>>,
    members: RefCell<BTreeMap<String, SeenState>>,
}

/// A file, and the lines that it is still to get: a call for each would cost a twentieth of an insert.
#[derive(Debug)]
struct History {
    file: File,
    waiting: Vec<u8>,
}

impl History {
    fn add(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, record)?;
        self.waiting.push(b'\n');
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.file.write_all(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
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
        let open = |path| OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = path.map(open).transpose()?;
        Ok(Self {
            history: file.map(|file| RefCell::new(History { file, waiting: Vec::new() })),
            counts: Cell::default(),
            error: RefCell::default(),
            members: RefCell::default(),
        })
    }

    /// Adds an operation that is about to be sent. Those that other clients are about to send go to the kernel with it.
    pub async fn invoke(&self, invoke: Invoke) {
        if self.history.is_some() {
            self.with(|history| history.add(&Record::Invoke(invoke)));
            tokio::task::yield_now().await;
            self.with(History::write);
        }
    }

    /// Adds a line; the kernel has it then, and all before it.
    pub fn record(&self, record: &Record) {
        self.with(|history| history.add(record).and_then(|()| history.write()));
    }

    /// The first line that can't be written ends the workload. None follows it: a gap could not be told from silence.
    fn with(&self, put: impl FnOnce(&mut History) -> io::Result<()>) {
        let Some(history) = self.history.as_ref().filter(|_| self.works()) else { return };
        if let Err(error) = put(&mut history.borrow_mut()) {
            self.error.replace(Some(format!("its history can't be written: {error}")));
        }
    }

    /// Adds the end of an operation, which may wait, and counts it.
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
        self.with(|history| history.add(&Record::Complete(complete)));
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

    /// What it comes to so far. The history has all of that, for nothing waits any longer.
    pub fn status(&self) -> WorkloadStatus {
        self.with(History::write);
        let Counts { ok, fail, unknown, last_ok_us } = self.counts.get();
        let error = self.error.borrow().clone();
        let members = self.members.borrow().clone();
        WorkloadStatus { running: true, ok, fail, unknown, last_ok_us, error, members, ..WorkloadStatus::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Call, End, Invoke, When};

    fn sent(op: u64) -> Invoke {
        Invoke { op, client: 0, when: When::default(), call: Call::Insert }
    }

    fn ended(op: u64, us: u64, outcome: Outcome) -> Complete {
        let when = When { us, wall_ms: 0 };
        Complete { op, when, outcome, value: None, node: None, term: None, error: None, code: None }
    }

    /// What the kernel has: `what` and `op` of each line.
    fn lines(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let line = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", line["what"].as_str().unwrap(), line["op"])
        };
        text.lines().map(line).collect()
    }

    #[tokio::test]
    async fn what_is_sent_is_there_before_and_how_it_ended_with_what_is_written_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let recorder = Recorder::open(Some(&path)).unwrap();
        let send = async |op| {
            recorder.invoke(sent(op)).await;
            lines(&path)
        };
        let (first, second) = tokio::join!(send(1), send(2));
        assert_eq!([first, second], [["invoke 1", "invoke 2"], ["invoke 1", "invoke 2"]], "one call for both");
        recorder.complete(ended(1, 5, Outcome::Ok), true);
        assert_eq!(lines(&path), ["invoke 1", "invoke 2"]);
        assert_eq!(send(3).await, ["invoke 1", "invoke 2", "complete 1", "invoke 3"]);
        assert!(recorder.works());
    }

    #[test]
    fn what_is_told_is_in_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let recorder = Recorder::open(Some(&path)).unwrap();
        recorder.complete(ended(1, 5, Outcome::Ok), true);
        assert_eq!(recorder.status().ok, 1);
        assert_eq!(lines(&path), ["complete 1"]);
        recorder.complete(ended(2, 6, Outcome::Fail), true);
        recorder.record(&Record::End(End { when: When::default(), counts: None }));
        assert_eq!(lines(&path), ["complete 1", "complete 2", "end null"]);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_whatever_it_was_to_hold() {
        let full = || Recorder::open(Some(Path::new("/dev/full"))).unwrap();
        let recorder = full();
        recorder.invoke(sent(1)).await;
        assert!(!recorder.works());
        assert!(recorder.status().error.is_some_and(|error| error.contains("No space left")));
        let recorder = full();
        recorder.complete(ended(1, 5, Outcome::Ok), true);
        assert!(recorder.status().error.is_some_and(|error| error.contains("No space left")));
        assert!(!recorder.works());
    }

    #[test]
    fn only_writes_count_as_the_last_that_was_acknowledged() {
        let recorder = Recorder::open(None).unwrap();
        recorder.complete(ended(1, 1, Outcome::Ok), true);
        recorder.complete(ended(1, 2, Outcome::Ok), false);
        recorder.complete(ended(1, 3, Outcome::Unknown), true);
        let status = recorder.status();
        assert_eq!((status.ok, status.unknown, status.last_ok_us), (2, 1, 1));
    }
}
