//! What a failover test writes down as it happens: one [`Record`] as JSON a line.
//!
//! Agents append to a history in the guest that the workload runs in; distctl adds what it did itself and what was found
//! afterwards. All judgement comes from these lines alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::FaultKind;

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct When {
    /// Microseconds of the kernel's monotonic clock: what durations and the order come from. Containers of one host
    /// share it.
    pub us: u64,
    /// Milliseconds since 1970: what logs are found by.
    pub wall_ms: i64,
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Record {
    /// The workload begins; the first line.
    Begin(Begin),
    /// An operation is sent.
    Invoke(Invoke),
    /// An operation has ended.
    Complete(Complete),
    /// A member answers otherwise than before.
    Seen(Seen),
    /// A fault goes on.
    Fault(FaultRecord),
    /// The workload has ended as it was told; no operation follows.
    End(End),
    /// What was found when all was healed.
    Final(FinalRead),
    /// What one member holds in the end.
    Hash(Hash),
    /// What a member has taken back.
    Rollback(Rollback),
    /// It was looked for what a member has taken back.
    Searched(Searched),
}

/// What a workload does, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// The name of the run.
    pub run: String,
    /// The replica set, or the service that is driven.
    pub object: String,
    /// `address:port` of the members.
    pub hosts: Vec<String>,
    /// What it does, as the command line says it: `inserts`, `register`, `mixed`, `app`.
    pub workload: String,
    /// `majority`, `1`, `2`, ...
    pub write_concern: String,
    /// `local`, `majority`, `linearizable`, `available`.
    pub read_concern: String,
    /// `primary`, `secondary`, `nearest`, ...
    pub read_preference: String,
    /// Whether the driver repeats a write once.
    pub retry_writes: bool,
    /// How many clients write at once.
    pub clients: u32,
    /// Operations a second that are aimed at; 0: as many as can be done.
    pub rate: u32,
    /// The container it runs in.
    pub container: String,
    /// Which boot of which kernel the monotonic clock counts from.
    pub boot: String,
}

/// An operation is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoke {
    /// Its number; no other operation of the run has it.
    pub op: u64,
    /// Which client sends it. One client has one operation under way.
    pub client: u32,
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// What it is.
    pub call: Call,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Inserts a document that holds the operation's number.
    Insert,
    /// Reads a register.
    Read {
        /// Which.
        register: u32,
    },
    /// Sets a register to a value if it still has the one that was read before; values only grow.
    Swap {
        /// Which.
        register: u32,
        /// The value that it must have.
        from: i64,
        /// The value that it gets.
        to: i64,
    },
}

/// An operation has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complete {
    /// Its number.
    pub op: u64,
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// How.
    pub outcome: Outcome,
    /// What a read found; absent where there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// The member that answered, or was asked last: `address:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The term of the primary that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<i64>,
    /// Why it was not acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The number of mongod's error, or the status of HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was acknowledged.
    Ok,
    /// It surely did not happen.
    Fail,
    /// It may have happened.
    Unknown,
}

/// What a member says of itself, or that it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// The member.
    pub host: String,
    /// Its state.
    pub state: SeenState,
    /// The term, from the election that it knows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<i64>,
}

/// The state of a member as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenState {
    /// It takes writes.
    Primary,
    /// It copies.
    Secondary,
    /// It answers, but is neither.
    Other,
    /// It does not answer.
    Silent,
}

/// A fault goes on by one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// Which of the schedule, from 0.
    pub round: u32,
    /// What it is.
    pub fault: FaultKind,
    /// Whom it hits: `address:port` of members, or names of containers.
    pub targets: Vec<String>,
    /// How far it is.
    pub phase: Phase,
    /// What else is to be said: what was used, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How far a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// From now on it may be felt.
    Injecting,
    /// It is in force.
    Injected,
    /// From now on it may be over.
    Healing,
    /// What was done is undone.
    Healed,
    /// The whole set is healthy again.
    Healthy,
    /// It could not be injected, healed, or got over; the note says why.
    Failed,
}

/// The workload has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// How many operations ended in which way. A history that tells otherwise is not whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

/// How many operations ended in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Acknowledged.
    pub ok: u64,
    /// Surely did not happen.
    pub fail: u64,
    /// May have happened.
    pub unknown: u64,
}

/// What a read of everything found, with read concern `majority` from the primary, after healing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FinalRead {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// Who answered.
    pub host: String,
    /// Numbers of the inserts that are there, as runs from the first to the last, both included, in order.
    #[serde(default)]
    pub found: Vec<(u64, u64)>,
    /// Numbers of the inserts that are there more than once.
    #[serde(default)]
    pub twice: Vec<u64>,
    /// Documents that no workload of this kind writes.
    #[serde(default)]
    pub strange: u64,
    /// What the answer shows although the run did not make it.
    #[serde(default, skip_serializing_if = "Foreign::is_none")]
    pub foreign: Foreign,
    /// The values of the registers.
    #[serde(default)]
    pub registers: BTreeMap<u32, i64>,
    /// Why there is no answer; then the rest says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Documents of others in an answer that was to show those of a run alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Foreign {
    /// How many.
    pub count: u64,
    /// Some of them, for people.
    pub examples: Vec<String>,
}

impl Foreign {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.count == 0
    }
}

/// What one member holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash {
    /// When.
    #[serde(flatten)]
    pub when: When,
    /// The member.
    pub host: String,
    /// `dbHash` of each database that has data. Of a member with a delay that of the workload's database alone, or none.
    #[serde(default)]
    pub databases: BTreeMap<String, String>,
    /// How far it is behind the others by its set's configuration, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_s: u64,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// It was looked for what a member has taken back. Without this, that nothing was found says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// The member.
    pub host: String,
}

/// A file that a member wrote when it took documents back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The member.
    pub host: String,
    /// The file in its container.
    pub file: String,
    /// Database and collection; the collection's UUID where nobody can tell.
    pub collection: String,
    /// Numbers of the run's inserts that are in it.
    pub inserts: Vec<u64>,
    /// How many other documents are in it.
    pub others: u64,
    /// Why it could not be read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_the_documentation_shows() {
        let when = When { us: 12_000_345, wall_ms: 1_790_000_000_123 };
        let lines = [
            Record::Invoke(Invoke { op: 17, client: 3, when, call: Call::Insert }),
            Record::Invoke(Invoke { op: 18, client: 4, when, call: Call::Swap { register: 2, from: 5, to: 6 } }),
            Record::Complete(Complete {
                op: 17,
                when,
                outcome: Outcome::Ok,
                value: None,
                node: Some("10.10.10.12:27017".into()),
                term: Some(4),
                error: None,
                code: None,
            }),
            Record::Fault(FaultRecord {
                when,
                round: 0,
                fault: FaultKind::PartitionOneWay,
                targets: vec!["10.10.10.12:27017".into()],
                phase: Phase::Injected,
                note: None,
            }),
        ];
        let texts = lines.each_ref().map(|line| serde_json::to_string(line).unwrap());
        assert_eq!(
            texts.join("\n"),
            r#"{"what":"invoke","op":17,"client":3,"us":12000345,"wall_ms":1790000000123,"call":"insert"}
{"what":"invoke","op":18,"client":4,"us":12000345,"wall_ms":1790000000123,"call":{"swap":{"register":2,"from":5,"to":6}}}
{"what":"complete","op":17,"us":12000345,"wall_ms":1790000000123,"outcome":"ok","node":"10.10.10.12:27017","term":4}
{"what":"fault","us":12000345,"wall_ms":1790000000123,"round":0,"fault":"partition-one-way","targets":["10.10.10.12:27017"],"phase":"injected"}"#
        );
        for (line, text) in lines.iter().zip(&texts) {
            assert_eq!(serde_json::from_str::<Record>(text).unwrap(), *line);
        }
    }
}
