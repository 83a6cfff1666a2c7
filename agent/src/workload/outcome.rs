//! How an operation ended that was not acknowledged.
//!
//! Only what surely did not happen is called failed: a server refused to begin, or nothing was sent. All else may have
//! happened, timeouts and errors of the write concern included.

use mongodb::error::{Error, ErrorKind, WriteFailure};
use protocol::Outcome;

/// `NotWritablePrimary`, `NotPrimaryNoSecondaryOk`, `NotPrimaryOrSecondary`: refused before anything was done. Those of a
/// primary that steps down while it works (`PrimarySteppedDown`, `InterruptedDueToReplStateChange`) are not among them.
const REFUSED: [i32; 3] = [10107, 13435, 13436];

/// Says how it ended, mongod's number and the reason.
pub fn of(error: &Error, retried: bool) -> (Outcome, Option<i32>, String) {
    let (code, text) = match error.kind.as_ref() {
        ErrorKind::Command(command) => (Some(command.code), format!("{}: {}", command.code_name, command.message)),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            (Some(error.code), format!("write concern: {}: {}", error.code_name, error.message))
        }
        ErrorKind::Write(WriteFailure::WriteError(error)) => (Some(error.code), error.message.clone()),
        kind => (None, kind.to_string()),
    };
    let failed = match error.kind.as_ref() {
        // A document that was refused, one with a number that is there already for instance.
        ErrorKind::Write(WriteFailure::WriteError(_)) => true,
        // The driver may have sent it before and have had no answer: then the refusal is about the second try.
        ErrorKind::Command(command) => !retried && REFUSED.contains(&command.code),
        ErrorKind::ServerSelection { .. } => !retried,
        _ => false,
    };
    let outcome = if failed { Outcome::Fail } else { Outcome::Unknown };
    (outcome, code, shorten(&text))
}

/// Reasons carry whole topologies at times; a history needs the beginning.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 200;
    text.chars().take(SHOWN).collect()
}
