//! Progress where nothing moves: plain lines, or none. Live lines are in `lanes`, JSON lines in `json`.

use std::io::Write;
use std::time::{Duration, Instant};

use super::error::Report;
use super::paint::{Paint, Tone};
use crate::engine::event::Event;
use crate::topology::Findings;

/// A message that belongs to no step.
#[derive(Debug, Clone)]
pub(super) enum Notice {
    /// Worth knowing.
    Note(String),
    /// Worth acting on.
    Warning(String),
    /// What is wrong with a topology file, or risky in it.
    Findings(Findings),
    /// Why the command fails.
    Failure(Report),
}

impl Notice {
    /// The notice as a person reads it.
    pub(super) fn text(&self, paint: Paint) -> String {
        match self {
            Self::Note(text) => text.clone(),
            Self::Warning(text) => format!("{} {text}", paint.tone(Tone::Warning, "Warning:")),
            Self::Findings(findings) => findings.render(paint.is_on()),
            Self::Failure(report) => report.text(paint),
        }
    }
}

/// Shows events and notices on standard error, whose errors nobody can be told.
pub(super) trait Show: Send {
    /// Shows an event that happened at a moment, perhaps a little ago.
    fn event(&mut self, at: Instant, event: Event);
    /// Shows a notice.
    fn notice(&mut self, notice: &Notice);
    /// Moves what moves, and tells whether anything does.
    fn tick(&mut self, _now: Instant) -> bool {
        false
    }
    /// Makes everything stand still.
    fn settle(&mut self) {}
}

/// Counts the steps of a plan.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) steps: usize,
    pub(super) done: usize,
    began: Option<Instant>,
}

impl Count {
    /// Takes an event in.
    pub(super) fn take(&mut self, at: Instant, event: &Event) {
        match event {
            Event::Started { steps } => *self = Self { steps: *steps, done: 0, began: Some(at) },
            Event::StepDone { .. } => self.done += 1,
            _ => {}
        }
    }

    /// How long the plan has been carried out.
    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began))
    }
}

/// A duration in at most six characters: `3.2s`, `2m05s`, `3h07m`.
pub(super) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..100 => format!("{:.1}s", duration.as_secs_f64()),
        100..6000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// How a plan ended, in a line.
pub(super) fn summary(done: usize, failed: usize, left: usize, took: Duration) -> String {
    let steps = if done == 1 { "step" } else { "steps" };
    match (failed, left) {
        (0, 0) => format!("{done} {steps} in {}", short(took)),
        _ => format!("{done} {steps} done, {failed} failed, {left} not begun in {}", short(took)),
    }
}

/// One line for each finished step.
pub(super) struct Plain<W> {
    out: W,
    paint: Paint,
    is_verbose: bool,
    count: Count,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(out: W, paint: Paint, is_verbose: bool) -> Self {
        Self { out, paint, is_verbose, count: Count::default() }
    }

    fn line(&mut self, text: &str) {
        writeln!(self.out, "{text}").ok();
    }

    fn step(&mut self, at: Instant, lane: &str, text: &str) {
        let Count { done, steps, .. } = self.count;
        let elapsed = short(self.count.elapsed(at));
        self.line(&format!("[{done:>3}/{steps} {elapsed:>5}] {lane}: {text}"));
    }
}

impl<W: Write + Send> Show for Plain<W> {
    fn event(&mut self, at: Instant, event: Event) {
        self.count.take(at, &event);
        match event {
            Event::Started { .. } => {}
            Event::StepStarted { lane, text, .. } | Event::StepProgress { lane, text, .. } => {
                if self.is_verbose {
                    self.step(at, &lane, &format!("{text} ..."));
                }
            }
            Event::StepDone { lane, text, took, .. } => {
                self.step(at, &lane, &format!("{text} ({:.2}s)", took.as_secs_f64()));
            }
            Event::StepFailed { lane, text, error, .. } => {
                let failed = self.paint.tone(Tone::Bad, &format!("failed: {text}: {error}"));
                self.step(at, &lane, &failed);
            }
            Event::Finished { done, failed, left, took } => self.line(&summary(done, failed, left, took)),
            Event::Note(text) => self.line(&text),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let text = notice.text(self.paint);
        self.line(&text);
    }
}

/// Nothing but warnings and failures.
pub(super) struct Quiet<W> {
    out: W,
    paint: Paint,
}

impl<W: Write> Quiet<W> {
    pub(super) fn new(out: W, paint: Paint) -> Self {
        Self { out, paint }
    }
}

impl<W: Write + Send> Show for Quiet<W> {
    fn event(&mut self, _at: Instant, _event: Event) {}

    fn notice(&mut self, notice: &Notice) {
        if !matches!(notice, Notice::Note(_)) {
            writeln!(self.out, "{}", notice.text(self.paint)).ok();
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
