//! Trying until it works, until it never can, or until time is up.

use protocol::Failure;

use crate::deadline::{Deadline, SOON};

/// How a try ended that did not get to the end.
#[derive(Debug)]
pub enum Missed {
    /// It may work in a moment.
    Yet(Failure),
    /// It never will.
    Ever(Failure),
}

/// Tries again and again; the failure is that of the last try.
pub async fn keep_trying(
    deadline: Deadline,
    mut attempt: impl AsyncFnMut() -> Result<(), Missed>,
) -> Result<(), Failure> {
    loop {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(Missed::Ever(failure)) => return Err(failure),
            Err(Missed::Yet(failure)) if !deadline.pause(SOON).await => return Err(failure),
            Err(Missed::Yet(_)) => {}
        }
    }
}
