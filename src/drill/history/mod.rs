//! What happened in a failover test, as values that checkers read.
//!
//! Two million operations take some 250 MB: an operation has no text of its own, names and errors are kept once.

use std::collections::{BTreeSet, HashMap};

use protocol::{Begin, Call, FinalRead, Hash, Outcome, Rollback, SeenState};

mod clock;
mod fault;
mod read;
#[cfg(test)]
pub(in crate::drill) mod story;

pub use clock::Clock;
pub use fault::{Fault, faults};
pub use read::{Broken, read};

/// Everything that a run wrote down. Times are microseconds of the kernel's monotonic clock.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What the workload said when it began; `None` where it never did.
    pub begin: Option<Begin>,
    /// All operations in the order of their numbers.
    pub operations: Vec<Operation>,
    /// What members said of themselves, in the order of time.
    pub seen: Vec<Sight>,
    /// The faults, in the order in which they began.
    pub faults: Vec<Fault>,
    /// What was there in the end. A later read takes the place of one before.
    pub read_back: Option<FinalRead>,
    /// What each member held in the end.
    pub hashes: Vec<Hash>,
    /// What members took back.
    pub rollbacks: Vec<Rollback>,
    /// Members at which it was looked for that.
    pub searched: BTreeSet<String>,
    /// Whether the workload ended as it was told.
    pub ended: bool,
    /// Whether the file breaks off within a line.
    pub cut: bool,
    /// What a history that has its end lacks all the same: it was edited or damaged.
    pub missing: Option<String>,
    /// The first and the last moment.
    pub span: Span,
    /// How the wall clock went beside the monotonic one.
    pub clock: Clock,
    /// The names of members and the texts of errors, each once.
    pub names: Names,
}

impl History {
    /// Whether all that the workload did is there. What is missing may hold what then seems to be too much.
    pub fn is_whole(&self) -> bool {
        self.ended && !self.cut && self.missing.is_none()
    }

    /// All inserts in the order of their numbers.
    pub fn inserts(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.call == Call::Insert)
    }

    /// The moments at which operations of one kind were acknowledged, in order.
    pub fn acknowledged(&self, kind: impl Fn(&Call) -> bool) -> Vec<u64> {
        let matching = self.operations.iter().filter(|operation| kind(&operation.call));
        let mut moments: Vec<u64> = matching.filter_map(Operation::acknowledged_at).collect();
        moments.sort_unstable();
        moments
    }

    /// The operation of a number.
    pub fn operation(&self, op: u64) -> Option<&Operation> {
        self.operations.binary_search_by_key(&op, |operation| operation.op).ok().map(|at| &self.operations[at])
    }
}

/// Whether an operation writes.
pub fn is_write(call: &Call) -> bool {
    matches!(call, Call::Insert | Call::Swap { .. })
}

/// Whether an operation reads.
pub fn is_read(call: &Call) -> bool {
    matches!(call, Call::Read { .. })
}

/// One operation from its call to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// Its number.
    pub op: u64,
    /// Which client sent it.
    pub client: u32,
    /// What it was.
    pub call: Call,
    /// When it was sent.
    pub invoked: u64,
    /// How it ended; `None` where nobody wrote that down, so that it may have happened.
    pub ended: Option<Completion>,
}

impl Operation {
    /// How it ended. One without an end may have happened.
    pub fn outcome(&self) -> Outcome {
        self.ended.map_or(Outcome::Unknown, |ended| ended.outcome)
    }

    /// Whether a primary answered that it did not do it, for the register had another value: no failure of the system.
    pub fn was_refused(&self) -> bool {
        let answered = |ended: Completion| ended.outcome == Outcome::Fail && ended.term.is_some();
        matches!(self.call, Call::Swap { .. }) && self.ended.is_some_and(answered)
    }

    /// When it was acknowledged, if it was.
    pub fn acknowledged_at(&self) -> Option<u64> {
        self.ended.filter(|ended| ended.outcome == Outcome::Ok).map(|ended| ended.at)
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Completion {
    /// When.
    pub at: u64,
    /// How.
    pub outcome: Outcome,
    /// What a read found.
    pub value: Option<i64>,
    /// The term of the primary that answered.
    pub term: Option<i64>,
    /// The member that answered, or was asked last.
    pub node: Option<Name>,
    /// Why it was not acknowledged.
    pub error: Option<Name>,
    /// The number of mongod's error, or the status of HTTP.
    pub code: Option<i32>,
}

/// What a member said of itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// When.
    pub at: u64,
    /// The member.
    pub host: Name,
    /// Its state.
    pub state: SeenState,
    /// The term that it knew of.
    pub term: Option<i64>,
}

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first moment.
    pub from: u64,
    /// The last moment.
    pub until: u64,
}

/// A text that is kept in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(std::num::NonZeroU32);

/// Texts that come again and again, each kept once.
#[derive(Debug, Clone, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    known: HashMap<Box<str>, Name>,
}

/// How many texts are kept: errors that all differ must not fill the memory.
const MAX_NAMES: usize = 100_000;

impl Names {
    /// Keeps a text. One too many is kept as an ellipsis.
    pub fn keep(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return *name;
        }
        if self.texts.len() >= MAX_NAMES && text != "..." {
            return self.keep("...");
        }
        self.texts.push(text.into());
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let name = Name(std::num::NonZeroU32::new(number).unwrap_or(std::num::NonZeroU32::MAX));
        self.known.insert(text.into(), name);
        name
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(name.0.get() as usize - 1).map_or("", |text| text)
    }
}
