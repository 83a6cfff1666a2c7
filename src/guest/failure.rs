//! What can go wrong between distctl and an agent.

use crate::incus;

/// An agent said that it could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{container}: {failure}")]
pub struct GuestFailure {
    /// The container.
    pub container: String,
    /// What the agent said.
    #[source]
    pub failure: protocol::Failure,
}

/// Why a request to an agent has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The agent answered that it failed.
    #[error(transparent)]
    Failed(#[from] GuestFailure),
    /// Incus did not carry the request or the answer.
    #[error("the agent in {container} could not be called")]
    Incus {
        /// The container.
        container: String,
        /// What Incus said.
        #[source]
        source: incus::Error,
    },
    /// The agent ended without an answer.
    #[error("the agent in {container} ended without an answer (exit code {code}): {stderr}")]
    Died {
        /// The container.
        container: String,
        /// Its exit code.
        code: i64,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
}

/// An error with its causes in one line. Some errors end with the text of their cause: that is said once.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let failure = protocol::Failure::new("/etc/hosts", "can't be written: the disk is full");
        let error = anyhow::Error::new(GuestFailure { container: "db1".into(), failure }).context("could not write");
        assert_eq!(one_line(error.as_ref()), "could not write: db1: /etc/hosts: can't be written: the disk is full");
    }
}
