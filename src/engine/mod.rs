//! Carries out a plan: the only writes. It makes no decisions and sends [events](event::Event).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::guest::one_line;
use crate::plan::{Plan, Step};

mod documents;
pub mod event;
mod incus_ui;
pub mod lock;
mod perform;
mod secrets;
mod wait;

pub use perform::Hands;
pub use secrets::{Given, generate};

use event::{Event, Reporter};

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Indices of steps that are done.
    pub done: BTreeSet<usize>,
    /// Steps that failed, with the reasons.
    pub failed: Vec<(usize, anyhow::Error)>,
    /// Indices of steps that were not begun, or broken off while they only waited.
    pub left: BTreeSet<usize>,
    /// Whether the user broke it off.
    pub interrupted: bool,
}

impl Outcome {
    /// Whether every step is done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left.is_empty()
    }
}

/// Carries out a plan: every step as soon as those before it are done, at most `parallel` that change something at
/// once. What does not depend on a failed step goes on. When `stop` is cancelled no further step begins, steps that
/// only wait are broken off, and those that change something are finished.
pub async fn apply(
    plan: &Plan,
    hands: Arc<Hands>,
    reporter: Arc<dyn Reporter>,
    stop: CancellationToken,
    parallel: usize,
) -> Outcome {
    let begun = Instant::now();
    reporter.report(Event::Started { steps: plan.steps.len() });
    let mut run = Run {
        plan,
        hands,
        reporter: Arc::clone(&reporter),
        stop,
        slots: Arc::new(Semaphore::new(parallel.max(1))),
        pending: (0..plan.steps.len()).collect(),
        tasks: JoinSet::new(),
        running: HashMap::new(),
        outcome: Outcome::default(),
    };
    run.begin_ready();
    while let Some(ended) = run.tasks.join_next_with_id().await {
        let (task, ended) = match ended {
            Ok((task, ended)) => (task, ended),
            Err(panic) => (panic.id(), Ended::Failed(anyhow::anyhow!("the step panicked: {panic}"))),
        };
        let Some(index) = run.running.remove(&task) else { continue };
        match ended {
            Ended::Done => _ = run.outcome.done.insert(index),
            Ended::BrokenOff => _ = run.outcome.left.insert(index),
            Ended::Failed(error) => run.outcome.failed.push((index, error)),
        }
        run.begin_ready();
    }
    let mut outcome = run.outcome;
    outcome.left.extend(run.pending);
    outcome.interrupted = run.stop.is_cancelled();
    outcome.failed.sort_by_key(|(index, _)| *index);
    reporter.report(Event::Finished {
        done: outcome.done.len(),
        failed: outcome.failed.len(),
        left: outcome.left.len(),
        took: begun.elapsed(),
    });
    outcome
}

enum Ended {
    Done,
    BrokenOff,
    Failed(anyhow::Error),
}

struct Run<'a> {
    plan: &'a Plan,
    hands: Arc<Hands>,
    reporter: Arc<dyn Reporter>,
    stop: CancellationToken,
    slots: Arc<Semaphore>,
    pending: BTreeSet<usize>,
    tasks: JoinSet<Ended>,
    running: HashMap<tokio::task::Id, usize>,
    outcome: Outcome,
}

impl Run<'_> {
    fn begin_ready(&mut self) {
        if self.stop.is_cancelled() {
            return;
        }
        let is_ready =
            |index: &usize| self.plan.steps[*index].after.iter().all(|before| self.outcome.done.contains(before));
        let ready: Vec<usize> = self.pending.iter().copied().filter(is_ready).collect();
        for index in ready {
            self.pending.remove(&index);
            let work = Work {
                number: index + 1,
                step: self.plan.steps[index].clone(),
                hands: Arc::clone(&self.hands),
                reporter: Arc::clone(&self.reporter),
                stop: self.stop.clone(),
                slots: Arc::clone(&self.slots),
            };
            let task = self.tasks.spawn(work.run());
            self.running.insert(task.id(), index);
        }
    }
}

/// One step on its way.
struct Work {
    number: usize,
    step: Step,
    hands: Arc<Hands>,
    reporter: Arc<dyn Reporter>,
    stop: CancellationToken,
    slots: Arc<Semaphore>,
}

impl Work {
    async fn run(self) -> Ended {
        let waits = wait::can_be_broken_off(&self.step.action);
        let _slot = match waits {
            true => None,
            false => Arc::clone(&self.slots).acquire_owned().await.ok(),
        };
        if self.stop.is_cancelled() {
            return Ended::BrokenOff;
        }
        let (step, lane, text) = (self.number, self.step.action.lane().to_string(), self.step.action.to_string());
        self.reporter.report(Event::StepStarted { step, lane: lane.clone(), text: text.clone() });
        let begun = Instant::now();
        let progress = |text: String| {
            self.reporter.report(Event::StepProgress { step, lane: lane.clone(), text });
        };
        let work = self.hands.perform(&self.step.action, progress);
        let result = if waits {
            tokio::select! {
                result = work => result,
                () = self.stop.cancelled() => return Ended::BrokenOff,
            }
        } else {
            work.await
        };
        match result {
            Ok(()) => {
                self.reporter.report(Event::StepDone { step, lane, text, took: begun.elapsed() });
                Ended::Done
            }
            Err(error) => {
                let line = one_line(error.as_ref());
                self.reporter.report(Event::StepFailed { step, lane, text: text.clone(), error: line });
                Ended::Failed(error.context(format!("could not {text}")))
            }
        }
    }
}
