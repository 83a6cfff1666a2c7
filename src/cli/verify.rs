//! `distctl verify`

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use futures_util::future::join_all;

use super::Context;
use super::judge::{exit, verdict_cell};
use super::line::Stage;
use crate::drill::checker::grouped;
use crate::drill::faults;
use crate::fragments::check::Report;
use crate::fragments::look::{News, look};
use crate::fragments::probe::Routing;
use crate::fragments::{self, Agents};
use crate::plan::{Options, diff};
use crate::report::status::status;
use crate::report::verify::{Check, Verification, verify};
use crate::ui::Exit;

/// Says in one word whether the whole system works, is where it belongs, and is as declared.
///
/// Containers, addresses, replication and its lag, services, fragments, faults that a test has left, and the plan. Ends
/// with 0 (pass), 1 (fail) or 3 (it can't be told).
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl verify --output json")]
pub struct Verify {}

impl Verify {
    /// Looks at everything at once, and says what that comes to.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let answer = answer(&Stage::prepare(context).await?).await?;
        context.ui.data(&answer, || text(context, &answer))?;
        Ok(exit(answer.verdict))
    }
}

/// Looks at everything at once.
pub(super) async fn answer(stage: &Stage) -> Result<Verification> {
    let (observed, left, fragments) = tokio::join!(stage.observe(), left(stage), fragments(stage));
    let observed = observed?;
    let plan = diff(&stage.desired, &observed, &Options::default());
    Ok(verify(&status(&stage.desired, &observed, &plan), &left?, fragments))
}

/// What tests have left: by the keys of containers, and in guests, which know of more.
async fn left(stage: &Stage) -> Result<Vec<String>> {
    let mut left: Vec<String> = faults::left(&stage.guests, &stage.desired).await?;
    left.iter_mut().for_each(|container| container.push_str(" carries a fault"));
    // A guest that can't be asked is a finding of its own.
    let inside = faults::inside_left(&stage.guests, &stage.desired).await.unwrap_or_default();
    left.extend(inside.into_iter().map(|one| format!("{} has a {}", one.container, one.what)));
    Ok(left)
}

/// Looks through all fragments. The running service is not asked where it puts products: that creates some.
async fn fragments(stage: &Stage) -> Vec<Check> {
    let looks = stage.desired.fragmented.values().map(|fragmented| async move {
        let agents = Agents::new(stage.guests.clone(), fragmented);
        let news: News = Arc::new(|_| {});
        let seen = look(&agents, fragmented, 0, true, &news).await;
        let report = fragments::check::check(fragmented, &seen, Routing::default(), 0);
        Check::new(format!("fragments of {}", fragmented.name), report.verdict, summary(&report))
    });
    join_all(looks).await
}

/// What was found in all fragments of a collection, in one line.
fn summary(report: &Report) -> String {
    let found = report.findings.iter().map(|finding| format!("{} on {}: {}", finding.count, finding.on, finding.kind));
    let amiss: Vec<String> = found.chain(report.unknown.iter().cloned()).collect();
    if !amiss.is_empty() {
        return amiss.join("; ");
    }
    let counts = report.fragments.iter().filter_map(|row| Some((&row.on, row.seen.as_ref()?.documents)));
    let counts = counts.map(|(on, documents)| format!("{} on {on}", grouped(documents)));
    format!("every document is where it belongs: {}", counts.collect::<Vec<_>>().join(", "))
}

pub(super) fn text(context: &Context, answer: &Verification) -> String {
    let mut table = context.ui.table(&["WHAT", "VERDICT", "SEEN"]);
    for check in &answer.checks {
        table.toned_row([(check.name.clone(), None), verdict_cell(check.verdict), (check.seen.clone(), None)]);
    }
    let (word, tone) = verdict_cell(answer.verdict);
    let verdict = format!("{}: {word}", answer.topology);
    format!("{table}\n\n{}", tone.map_or_else(|| verdict.clone(), |tone| context.ui.paint().tone(tone, &verdict)))
}
