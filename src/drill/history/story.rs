//! Histories for tests, told as short stories. Time goes by 10 ms with every operation.

use std::collections::BTreeMap;

use protocol::*;

use super::{History, read};

/// The members that stories tell of.
pub const HOSTS: [&str; 3] = ["10.0.0.1:27017", "10.0.0.2:27017", "10.0.0.3:27017"];

/// A history in the making.
#[derive(Debug, Clone)]
pub struct Story {
    records: Vec<Record>,
    us: u64,
    wall_offset_ms: i64,
    term: i64,
    primary: usize,
    client: u32,
}

impl Story {
    /// Begins with a workload of `w: majority` and linearizable reads, a thousand seconds after the boot.
    pub fn new() -> Self {
        Self::with("majority", "linearizable")
    }

    /// Begins with a workload of these concerns.
    pub fn with(write_concern: &str, read_concern: &str) -> Self {
        let story = Self {
            records: Vec::new(),
            us: 1_000_000_000,
            wall_offset_ms: 1_790_000_000_000,
            term: 1,
            primary: 0,
            client: 0,
        };
        let begin = Begin {
            when: story.when(),
            run: "a-run".to_owned(),
            object: "rsA".to_owned(),
            hosts: HOSTS.map(str::to_owned).to_vec(),
            workload: "mixed".to_owned(),
            write_concern: write_concern.to_owned(),
            read_concern: read_concern.to_owned(),
            read_preference: "primary".to_owned(),
            retry_writes: false,
            clients: 4,
            rate: 100,
            container: "web-server".to_owned(),
            boot: "b".to_owned(),
        };
        let searched = HOSTS.map(|host| Record::Searched(Searched { host: host.to_owned() }));
        searched.into_iter().fold(story.and(Record::Begin(begin)), Self::and)
    }

    /// Nobody looks for what a member took back.
    pub fn unsearched(mut self, member: usize) -> Self {
        let unsearched = Record::Searched(Searched { host: HOSTS[member].to_owned() });
        self.records.retain(|record| *record != unsearched);
        self
    }

    /// A story without its first line.
    pub fn without_begin() -> Self {
        let mut story = Self::new();
        story.records.clear();
        story
    }

    fn when(&self) -> When {
        When { us: self.us, wall_ms: self.wall_ms() }
    }

    /// What the wall clock shows.
    pub fn wall_ms(&self) -> i64 {
        i64::try_from(self.us / 1_000).unwrap() + self.wall_offset_ms
    }

    fn and(mut self, record: Record) -> Self {
        self.records.push(record);
        self
    }

    /// Lets time pass.
    pub fn wait_ms(mut self, millis: u64) -> Self {
        self.us += millis * 1_000;
        self
    }

    /// Sets the wall clock forth or back.
    pub fn clock_jumps_ms(mut self, millis: i64) -> Self {
        self.wall_offset_ms += millis;
        self
    }

    /// From now on another client speaks.
    pub fn client(mut self, client: u32) -> Self {
        self.client = client;
        self
    }

    /// From now on a member answers as the primary of a term.
    pub fn primary(mut self, member: usize, term: i64) -> Self {
        (self.primary, self.term) = (member, term);
        self.sees(member, SeenState::Primary, Some(term))
    }

    /// A member says what it is.
    pub fn sees(self, member: usize, state: SeenState, term: Option<i64>) -> Self {
        let seen = Seen { when: self.when(), host: HOSTS[member].to_owned(), state, term };
        self.and(Record::Seen(seen))
    }

    /// An operation is sent, and nobody hears of it again.
    pub fn sent(mut self, op: u64, call: Call) -> Self {
        self.us += 5_000;
        let invoke = Invoke { op, client: self.client, when: self.when(), call };
        self.and(Record::Invoke(invoke))
    }

    /// An operation that was sent ends.
    pub fn ends(mut self, op: u64, outcome: Outcome, value: Option<i64>) -> Self {
        self.us += 5_000;
        let complete = Complete {
            op,
            when: self.when(),
            outcome,
            value,
            node: Some(HOSTS[self.primary].to_owned()),
            term: (outcome == Outcome::Ok).then_some(self.term),
            error: (outcome != Outcome::Ok).then(|| "connection reset".to_owned()),
            code: None,
        };
        self.and(Record::Complete(complete))
    }

    fn done(self, op: u64, call: Call, outcome: Outcome, value: Option<i64>) -> Self {
        self.sent(op, call).ends(op, outcome, value)
    }

    /// An insert is acknowledged.
    pub fn insert_ok(self, op: u64) -> Self {
        self.done(op, Call::Insert, Outcome::Ok, None)
    }

    /// Inserts of consecutive numbers are acknowledged.
    pub fn inserts_ok(self, ops: std::ops::Range<u64>) -> Self {
        ops.fold(self, Self::insert_ok)
    }

    /// An insert surely did not happen.
    pub fn insert_fail(self, op: u64) -> Self {
        self.done(op, Call::Insert, Outcome::Fail, None)
    }

    /// An insert may have happened.
    pub fn insert_unknown(self, op: u64) -> Self {
        self.done(op, Call::Insert, Outcome::Unknown, None)
    }

    /// A register is read.
    pub fn read(self, op: u64, register: u32, value: Option<i64>) -> Self {
        self.done(op, Call::Read { register }, Outcome::Ok, value)
    }

    /// A register is set.
    pub fn swap_ok(self, op: u64, register: u32, from: i64, to: i64) -> Self {
        self.done(op, Call::Swap { register, from, to }, Outcome::Ok, None)
    }

    /// A register may have been set.
    pub fn swap_unknown(self, op: u64, register: u32, from: i64, to: i64) -> Self {
        self.done(op, Call::Swap { register, from, to }, Outcome::Unknown, None)
    }

    /// A fault on the first member goes on.
    pub fn fault(self, round: u32, fault: FaultKind, phase: Phase) -> Self {
        self.fault_with(round, fault, phase, None)
    }

    /// A fault goes on, and something is said of it.
    pub fn fault_with(self, round: u32, fault: FaultKind, phase: Phase, note: Option<&str>) -> Self {
        let targets = vec![HOSTS[0].to_owned()];
        let record = FaultRecord { when: self.when(), round, fault, targets, phase, note: note.map(str::to_owned) };
        self.and(Record::Fault(record))
    }

    /// A kill of the first member that hurts for a while, and is got over.
    pub fn kill(self, round: u32, hurts_ms: u64) -> Self {
        let injected =
            self.fault(round, FaultKind::Kill, Phase::Injecting).fault(round, FaultKind::Kill, Phase::Injected);
        injected.wait_ms(hurts_ms)
    }

    /// What was done by [`Story::kill`] is undone, and all is well.
    pub fn healed(self, round: u32) -> Self {
        let phases = [Phase::Healing, Phase::Healed, Phase::Healthy];
        phases.into_iter().fold(self, |story, phase| story.fault(round, FaultKind::Kill, phase))
    }

    /// The workload ends as it was told.
    pub fn end(self) -> Self {
        let end = End { when: self.when(), counts: None };
        self.and(Record::End(end))
    }

    /// All is read back.
    pub fn finds(self, found: &[(u64, u64)]) -> Self {
        self.finds_more(FinalRead { found: found.to_vec(), ..FinalRead::default() })
    }

    /// All is read back, with more than inserts.
    pub fn finds_more(self, read: FinalRead) -> Self {
        let read = FinalRead { when: self.when(), host: HOSTS[0].to_owned(), ..read };
        self.and(Record::Final(read))
    }

    /// Registers are read back.
    pub fn finds_registers(self, registers: &[(u32, i64)]) -> Self {
        self.finds_more(FinalRead { registers: registers.iter().copied().collect(), ..FinalRead::default() })
    }

    /// A member tells what it holds, or that it does not answer.
    pub fn hash(self, member: usize, hash: Option<&str>) -> Self {
        let databases = hash.map(|hash| BTreeMap::from([("drill".to_owned(), hash.to_owned())])).unwrap_or_default();
        let error = hash.is_none().then(|| "connection refused".to_owned());
        let record = Hash { when: self.when(), host: HOSTS[member].to_owned(), databases, delay_s: 0, error };
        self.and(Record::Hash(record))
    }

    /// A member with a delay tells what it holds of the workload's database; nothing where nobody waited for it.
    pub fn delayed_hash(self, member: usize, delay_s: u64, hash: Option<&str>) -> Self {
        let databases = hash.map(|hash| BTreeMap::from([("drill".to_owned(), hash.to_owned())])).unwrap_or_default();
        let record = Hash { when: self.when(), host: HOSTS[member].to_owned(), databases, delay_s, error: None };
        self.and(Record::Hash(record))
    }

    /// A member has taken documents back that others wrote.
    pub fn rolls_back_others(self, member: usize, collection: &str, others: u64) -> Self {
        let record = Rollback {
            host: HOSTS[member].to_owned(),
            file: "/var/lib/mongodb/rollback/removed.bson".to_owned(),
            collection: collection.to_owned(),
            inserts: Vec::new(),
            others,
            error: None,
        };
        self.and(Record::Rollback(record))
    }

    /// A member has taken inserts back.
    pub fn rolls_back(self, member: usize, inserts: &[u64], error: Option<&str>) -> Self {
        let record = Rollback {
            host: HOSTS[member].to_owned(),
            file: "/var/lib/mongodb/rollback/removed.bson".to_owned(),
            collection: "distctl_drill.inserts".to_owned(),
            inserts: inserts.to_vec(),
            others: 0,
            error: error.map(str::to_owned),
        };
        self.and(Record::Rollback(record))
    }

    /// The lines of the history.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        self.records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect()
    }

    /// The history that is read from the lines.
    pub fn history(&self) -> History {
        read(self.text().as_bytes()).unwrap()
    }

    /// The history that is read where the file breaks off after its last whole line.
    pub fn cut_history(&self) -> History {
        read((self.text() + "{\"what\":\"inv").as_bytes()).unwrap()
    }
}
