//! What distctl and its agent say to each other.
//!
//! distctl runs `distctl-agent call` in a guest, writes one [`Request`] as JSON to its standard input and reads
//! [`Line`]s, one JSON object a line, from its standard output. The last line is [`Line::Done`] or
//! [`Line::Failed`]; a stream that ends without one means that the agent died.

mod cut;
mod data;
mod drill;
mod fault;
mod fragments;
mod history;
mod inspect;
mod mongo;
mod resync;
mod service;
mod storage;
mod write;

pub use cut::*;
pub use data::*;
pub use drill::*;
pub use fault::*;
pub use fragments::*;
pub use history::*;
pub use inspect::*;
pub use mongo::*;
pub use resync::*;
pub use service::*;
pub use storage::*;
pub use write::*;

use serde::{Deserialize, Serialize};

/// The version of these messages; it changes whenever a field changes its meaning.
pub const VERSION: u32 = 1;

/// One thing that the agent is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", content = "with", rename_all = "snake_case")]
pub enum Request {
    /// Answers for files, packages, units, addresses and mongods. Changes nothing.
    Inspect(InspectRequest),
    /// Waits until systemd takes orders and the expected address is on the interface.
    WaitReady(WaitReadyRequest),
    /// Writes files, each atomically, with their owners and directories.
    Write(WriteRequest),
    /// Gives a folder and all below it to its owner.
    OwnBelow(Directory),
    /// Installs Debian packages that are missing.
    InstallPackages(InstallPackagesRequest),
    /// Enables, starts, restarts, stops and disables units, and waits for the result.
    Units(UnitsRequest),
    /// Puts a release of a service in place of the one before, and goes back to that if it does not work.
    DeployService(DeployServiceRequest),
    /// Waits until a service works.
    WaitService(WaitServiceRequest),
    /// Runs what a service needs once.
    InitService(InitServiceRequest),
    /// Stops a service and removes what was deployed of it.
    RemoveService(RemoveServiceRequest),
    /// Waits until a mongod answers `hello`.
    WaitMongod(WaitMongodRequest),
    /// Initiates a replica set and makes its first member primary.
    InitiateReplicaSet(InitiateRequest),
    /// Brings a replica set from one configuration to the next.
    ReconfigureReplicaSet(ReconfigureRequest),
    /// Creates or corrects users and roles.
    EnsureUsers(EnsureUsersRequest),
    /// Makes the primary hand over to another member.
    StepDown(StepDownRequest),
    /// Makes the member of the highest priority primary again.
    HandBack(HandBackRequest),
    /// Waits until members of a replica set are PRIMARY or SECONDARY.
    WaitReplicaSet(WaitReplicaSetRequest),
    /// Stops a member of a set and empties its data folder, for its set to fill it anew.
    EmptyMember(EmptyMemberRequest),
    /// Starts a workload, which goes on by itself.
    StartWorkload(Box<WorkloadRequest>),
    /// Says how a workload fares.
    AskWorkload(WorkloadName),
    /// Ends a workload after the operations under way.
    StopWorkload(WorkloadName),
    /// Ends a workload and removes its history from the guest.
    RemoveWorkload(WorkloadName),
    /// Says what time it is in the guest.
    TellTime,
    /// Says whether the guest can do a fault. Changes nothing.
    CheckFault(GuestFault),
    /// Breaks something, after it has written down how to undo that.
    InjectFault(GuestFault),
    /// Undoes faults.
    Heal(HealRequest),
    /// Reads what a workload has left in a set.
    ReadBack(ReadBackRequest),
    /// Reads what a workload has left in the product platform, and removes it if asked.
    ReadBackApp(ReadBackAppRequest),
    /// Looks for what members have taken back.
    Rollbacks(RollbacksRequest),
    /// Removes a workload's database and user.
    EndDrill(EndDrillRequest),
    /// Looks through the part of a fragmented collection that is in one place, or changes it.
    Fragment(Box<FragmentRequest>),
    /// Asks a running service where it puts products.
    Routing(RoutingRequest),
    /// Writes to disk what mongods have in memory, so that holding them back is short.
    Flush(HoldRequest),
    /// Holds the writes of mongods back, until they are let go or some time has passed.
    Hold(HoldRequest),
    /// Lets go the mongods that a cut holds.
    LetGo(LetGoRequest),
    /// Gives the members of a set that was moved their new addresses.
    RehomeReplicaSet(RehomeRequest),
    /// Has a member take another name for its set.
    RenameReplicaSet(RenameRequest),
    /// Reads all data of a set or single mongod, or puts it there.
    Data(Box<DataRequest>),
}

/// One line of the agent's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What the agent is doing now, for a progress display.
    Progress(String),
    /// A piece of an answer that is too long for one line; the request says what it holds.
    Part(String),
    /// The request is done; nothing follows.
    Done(Reply),
    /// The request failed; nothing follows.
    Failed(Failure),
}

/// The answer to a request that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Nothing to say but that it is done.
    Ok,
    /// The answer to [`Request::Inspect`].
    Inspection(Box<Inspection>),
    /// How a workload fares.
    Workload(WorkloadStatus),
    /// The answer to [`Request::TellTime`].
    Time(When),
    /// The answer to [`Request::CheckFault`].
    FaultChecked(FaultChecked),
    /// The answer to [`Request::InjectFault`].
    Injected(Injected),
    /// The answer to [`Request::Heal`].
    Healed(Healed),
    /// The answer to [`Request::ReadBack`].
    ReadBack(Box<ReadBack>),
    /// The answer to [`Request::ReadBackApp`].
    FinalRead(Box<FinalRead>),
    /// The answer to [`Request::Rollbacks`].
    Rollbacks(Rollbacks),
    /// The answer to [`Request::Fragment`].
    Fragment(FragmentReply),
    /// The answer to [`Request::Routing`]: what was created.
    Routed(Routed),
    /// The answer to [`Request::Hold`].
    Held(Held),
    /// The answer to [`Request::LetGo`].
    LetGo(LetGo),
    /// The answer to [`Request::RenameReplicaSet`]: whether it is to be started again.
    Renamed(bool),
    /// The answer to [`Request::Data`].
    Data(DataReply),
}

/// Why a request could not be carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What it is about: `mongod-27017.service`, `/etc/distctl/rsA.keyfile`, `replica set rsA`.
    pub object: String,
    /// What went wrong, in a sentence.
    pub cause: String,
    /// The last lines of the log that explains it, oldest first; empty if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// What to do next, if the agent knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// Says what failed and why.
    pub fn new(object: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { object: object.into(), cause: cause.into(), log: Vec::new(), hint: None }
    }

    /// Adds what to do next.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the lines of a log that explain it.
    pub fn with_log(mut self, log: Vec<String>) -> Self {
        self.log = log;
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.object, self.cause)
    }
}

impl std::error::Error for Failure {}
