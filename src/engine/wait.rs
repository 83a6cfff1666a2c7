//! How long steps may take, and which of them change nothing.

use std::time::Duration;

use crate::plan::Action;

/// How long a container may take from its start until its systemd answers and its address is there. Seen: 1 to 2 s
/// with five at once on two cores; a slow disk may need many times that.
pub const CONTAINER_READY: Duration = Duration::from_secs(90);

/// How long a unit may take to become active.
pub const UNIT_ACTIVE: Duration = Duration::from_secs(90);

/// How long a mongod may take to answer after its start; recovery after a crash reads its journal first.
pub const MONGOD_ANSWERS: Duration = Duration::from_secs(120);

/// How long a set may take to elect a primary. MongoDB's own default waits 10 s before it calls an election.
pub const PRIMARY_ELECTED: Duration = Duration::from_secs(60);

/// How long members that are to become PRIMARY or SECONDARY may stand still; a new one copies all data first, which takes
/// as long as it takes.
pub const SET_HEALTHY: Duration = Duration::from_secs(300);

/// How long a change of a set or of its users may be tried.
pub const SET_CHANGED: Duration = Duration::from_secs(60);

/// How long handing back may be tried; after that the set does it itself.
pub const HANDED_BACK: Duration = Duration::from_secs(10);

/// How long what a service runs once may take.
pub const SERVICE_INIT: Duration = Duration::from_secs(60);

/// How long a clean stop of a container may take: its mongods hand over and write a checkpoint.
pub const CONTAINER_STOPS: Duration = Duration::from_secs(120);

/// Whether a step can be broken off at any time: it only waits, or what it has not done is taken up by the next run.
pub fn can_be_broken_off(action: &Action) -> bool {
    matches!(
        action,
        Action::WaitContainer { .. }
            | Action::WaitMongod(_)
            | Action::WaitReplicaSet { .. }
            | Action::WaitService { .. }
            | Action::MoveDocuments(_)
    )
}

/// Milliseconds, as the agent takes them.
pub fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
