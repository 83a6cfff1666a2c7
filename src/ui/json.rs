//! Progress for programs: one JSON object a line.

use std::io::Write;
use std::time::Instant;

use serde::Serialize;

use super::error::Report;
use super::progress::{Notice, Show};
use crate::engine::event::Event;
use crate::topology::Findings;

/// One JSON object a line. Its fields are promised in `docs/commands.md`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Started { steps: usize },
    StepStarted { step: usize, lane: &'a str, text: &'a str },
    StepProgress { step: usize, lane: &'a str, text: &'a str },
    StepDone { step: usize, lane: &'a str, text: &'a str, took_ms: u128 },
    StepFailed { step: usize, lane: &'a str, text: &'a str, error: &'a str },
    Finished { done: usize, failed: usize, left: usize, took_ms: u128 },
    Note { text: &'a str },
    Warning { text: &'a str },
    Findings(&'a Findings),
    Failure(&'a Report),
}

impl<'a> From<&'a Event> for Line<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Started { steps } => Self::Started { steps: *steps },
            Event::StepStarted { step, lane, text } => Self::StepStarted { step: *step, lane, text },
            Event::StepProgress { step, lane, text } => Self::StepProgress { step: *step, lane, text },
            Event::StepDone { step, lane, text, took } => {
                Self::StepDone { step: *step, lane, text, took_ms: took.as_millis() }
            }
            Event::StepFailed { step, lane, text, error } => Self::StepFailed { step: *step, lane, text, error },
            Event::Finished { done, failed, left, took } => {
                Self::Finished { done: *done, failed: *failed, left: *left, took_ms: took.as_millis() }
            }
            Event::Note(text) => Self::Note { text },
        }
    }
}

impl<'a> From<&'a Notice> for Line<'a> {
    fn from(notice: &'a Notice) -> Self {
        match notice {
            Notice::Note(text) => Self::Note { text },
            Notice::Warning(text) => Self::Warning { text },
            Notice::Findings(findings) => Self::Findings(findings),
            Notice::Failure(report) => Self::Failure(report),
        }
    }
}

/// One JSON object for each event and notice.
pub(super) struct Json<W>(pub(super) W);

impl<W: Write> Json<W> {
    fn line(&mut self, line: &Line<'_>) {
        if let Ok(text) = serde_json::to_string(line) {
            writeln!(self.0, "{text}").ok();
        }
    }
}

impl<W: Write + Send> Show for Json<W> {
    fn event(&mut self, _at: Instant, event: Event) {
        self.line(&Line::from(&event));
    }

    fn notice(&mut self, notice: &Notice) {
        self.line(&Line::from(notice));
    }
}
