//! `distctl fragmentation-check`

mod shown;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::line::Stage;
use super::{Context, judge};
use crate::desired::Fragmented;
use crate::engine::event::{Event, Reporter};
use crate::fragments::Agents;
use crate::fragments::check::{Report, check};
use crate::fragments::look::{Look, News, look};
use crate::fragments::mover::{Moved, Mover};
use crate::fragments::probe::{Routing, probe};
use crate::ui::{Advise, Exit, Interrupted, Ui};
use crate::verdict::Verdict;
use shown::Intended;
pub(super) use shown::{Outcome, grouped, histogram, size, text};

/// How many documents are named of each finding if nothing is said.
const EXAMPLES: usize = 5;

/// Checks that every document of a fragmented collection is where it belongs, and moves those that are not.
///
/// Looks through every fragment from inside, in one snapshot each, and asks the running service where it puts new
/// products. Ends with 0 if all is right, 1 if something is wrong, 3 if something could not be seen.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl fragmentation-check products --repair")]
pub struct FragmentationCheck {
    /// Which fragmentations of the topology; all without names.
    names: Vec<String>,

    /// Move what is misplaced, and choose between copies: the newest stays, older ones go into a quarantine collection.
    #[arg(long)]
    repair: bool,

    /// Only say what `--repair` would do.
    #[arg(long, requires = "repair")]
    dry_run: bool,

    /// Don't ask the running service, which creates and deletes a product for each range.
    #[arg(long)]
    no_probe: bool,

    /// How many documents to name of each finding.
    #[arg(long, value_name = "N", default_value_t = EXAMPLES)]
    examples: usize,

    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl FragmentationCheck {
    /// Looks, repairs if asked to, looks again, and judges.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let Some(chosen) = chosen(&context.ui, &stage, &self.names) else { return Ok(Exit::Pending) };
        let mut outcomes = Vec::new();
        for fragmented in chosen {
            outcomes.push(One { context, stage: &stage, fragmented, options: &self }.run().await?);
        }
        let worst = outcomes.iter().map(|outcome| outcome.report.verdict).max().unwrap_or(Verdict::Unknown);
        context.ui.data(&outcomes, || text(&context.ui, &outcomes))?;
        Ok(judge::exit(worst))
    }
}

/// Looks at all collections of a system and asks its service; nothing is repaired.
pub(super) async fn look_at_all(context: &Context, stage: &Stage) -> Result<Vec<Outcome>> {
    let options = FragmentationCheck {
        names: Vec::new(),
        repair: false,
        dry_run: false,
        no_probe: false,
        examples: EXAMPLES,
        lock_wait: Duration::ZERO,
    };
    let mut outcomes = Vec::new();
    for fragmented in stage.desired.fragmented.values() {
        outcomes.push(One { context, stage, fragmented, options: &options }.run().await?);
    }
    Ok(outcomes)
}

/// The fragmentations that names mean; `None` if one means none, which is said.
pub(super) fn chosen<'s>(ui: &Ui, stage: &'s Stage, names: &[String]) -> Option<Vec<&'s Fragmented>> {
    let known = &stage.desired.fragmented;
    let wrong = match names.iter().find(|name| !known.contains_key(*name)) {
        Some(stranger) => format!("{} has no fragmentation named {stranger}", stage.desired.name),
        None if known.is_empty() => format!("{} has no fragmentation", stage.desired.name),
        None if names.is_empty() => return Some(known.values().collect()),
        None => return Some(names.iter().filter_map(|name| known.get(name)).collect()),
    };
    let list: Vec<&str> = known.keys().map(String::as_str).collect();
    let hint = match list.is_empty() {
        true => "declare one under `fragmentation:` in the topology".to_owned(),
        false => format!("it has {}", list.join(", ")),
    };
    let error: Result<()> = Err(anyhow::anyhow!(wrong)).hint(hint);
    if let Err(error) = error {
        ui.failure(&error);
    }
    None
}

/// Says how far a look is, to those who want to hear more.
pub(super) fn news(reporter: Arc<dyn Reporter>) -> News {
    Arc::new(move |text| reporter.report(Event::Note(text)))
}

/// The check of one collection.
struct One<'a> {
    context: &'a Context,
    stage: &'a Stage,
    fragmented: &'a Fragmented,
    options: &'a FragmentationCheck,
}

impl One<'_> {
    async fn run(&self) -> Result<Outcome> {
        let agents = Agents::new(self.stage.guests.clone(), self.fragmented);
        let seen = self.look(&agents).await;
        if !self.options.repair {
            let report = self.judge(&agents, &seen).await;
            return Ok(Outcome { report, intended: None, repaired: None });
        }
        let intended = Intended::of(&seen);
        if intended.is_nothing() || self.options.dry_run || seen.scans.values().any(Result::is_err) {
            let report = self.judge(&agents, &seen).await;
            return Ok(Outcome { report, intended: Some(intended), repaired: None });
        }
        self.context.ui.note(intended.to_string());
        if !self.context.ui.confirm(&format!("Do that with {}?", self.fragmented.rule.collection)).await? {
            self.context.ui.note("nothing was changed");
            let report = self.judge(&agents, &seen).await;
            return Ok(Outcome { report, intended: Some(intended), repaired: None });
        }
        let repaired = self.repair(&agents, &seen).await?;
        let seen = self.look(&agents).await;
        let report = self.judge(&agents, &seen).await;
        Ok(Outcome { report, intended: None, repaired: Some(repaired) })
    }

    async fn look(&self, agents: &Agents<'_>) -> Look {
        let news = news(self.context.ui.reporter());
        look(agents, self.fragmented, self.options.examples, true, &news).await
    }

    async fn judge(&self, agents: &Agents<'_>, seen: &Look) -> Report {
        let routing = match self.options.no_probe {
            true => Routing { notes: vec!["the service was not asked: --no-probe".to_owned()], ..Routing::default() },
            false => probe(&self.stage.guests, agents, self.fragmented).await,
        };
        check(self.fragmented, seen, routing, self.options.examples)
    }

    /// Under the topology's lease. Broken off at any moment, the same command goes on there.
    async fn repair(&self, agents: &Agents<'_>, seen: &Look) -> Result<Moved> {
        let reporter = self.context.ui.reporter();
        let lock = self.stage.lock(self.context, &reporter, self.options.lock_wait).await?;
        let twins = seen.twins.as_ref().map(|twins| twins.same_id.clone()).unwrap_or_default();
        let told = Arc::clone(&reporter);
        let news = move |text: String| told.report(Event::Note(text));
        let stop = self.context.stop();
        let work = Mover::new(agents, self.fragmented.homes.keys().cloned(), news).repair(&twins);
        let repaired = tokio::select! {
            repaired = work => repaired,
            () = stop.cancelled() => Err(anyhow::Error::from(Interrupted)).hint("the same command goes on there"),
        };
        let released = lock.release().await;
        let repaired = repaired?;
        released?;
        Ok(repaired)
    }
}
