//! What happens while a plan is carried out, told to whoever shows it.

use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A plan begins.
    Started {
        /// How many steps it has.
        steps: usize,
    },
    /// A step begins.
    StepStarted {
        /// Its number in the plan, from 1.
        step: usize,
        /// What it is about: a container, a network, a replica set. One line of a display each.
        lane: String,
        /// What is done: `start container db1`.
        text: String,
    },
    /// News from within a step.
    StepProgress {
        /// The step's number.
        step: usize,
        /// What it is about.
        lane: String,
        /// The news.
        text: String,
    },
    /// A step is done.
    StepDone {
        /// The step's number.
        step: usize,
        /// What it was about.
        lane: String,
        /// What was done.
        text: String,
        /// How long it took.
        took: Duration,
    },
    /// A step failed; what waits for it is not begun.
    StepFailed {
        /// The step's number.
        step: usize,
        /// What it was about.
        lane: String,
        /// What was tried.
        text: String,
        /// Why it failed, in one line.
        error: String,
    },
    /// The plan has ended.
    Finished {
        /// How many steps were done.
        done: usize,
        /// How many failed.
        failed: usize,
        /// How many were not begun.
        left: usize,
        /// How long all took.
        took: Duration,
    },
    /// Anything else worth a line: a retry, a lease that was waited for.
    Note(String),
}

/// Takes events, from several tasks at once.
pub trait Reporter: Send + Sync {
    /// Shows or keeps one event. It must not block.
    fn report(&self, event: Event);
}
