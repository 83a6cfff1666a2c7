//! `distctl verify`

use anyhow::Result;
use clap::Args;

use super::Context;
use super::judge::{exit, verdict_cell};
use super::line::Stage;
use crate::drill::faults;
use crate::plan::{Options, diff};
use crate::report::status::status;
use crate::report::verify::{Verification, verify};
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
        let stage = Stage::prepare(context).await?;
        let (observed, left) = tokio::join!(stage.observe(), faults::left(&stage.guests, &stage.desired));
        let observed = observed?;
        let plan = diff(&stage.desired, &observed, &Options::default());
        let answer = verify(&status(&stage.desired, &observed, &plan), &left?, Vec::new());
        context.ui.data(&answer, || text(context, &answer))?;
        Ok(exit(answer.verdict))
    }
}

fn text(context: &Context, answer: &Verification) -> String {
    let mut table = context.ui.table(&["WHAT", "VERDICT", "SEEN"]);
    for check in &answer.checks {
        table.toned_row([(check.name.clone(), None), verdict_cell(check.verdict), (check.seen.clone(), None)]);
    }
    let (word, tone) = verdict_cell(answer.verdict);
    let verdict = format!("{}: {word}", answer.topology);
    format!("{table}\n\n{}", tone.map_or_else(|| verdict.clone(), |tone| context.ui.paint().tone(tone, &verdict)))
}
