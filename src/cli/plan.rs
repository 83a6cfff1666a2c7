//! `distctl plan`

use anyhow::Result;
use clap::Args;

use super::Context;
use super::line::Stage;
use super::status::tell_holder;
use crate::plan::{Options, diff};
use crate::ui::Exit;

/// Shows what `up` would do and why. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl plan --exit-code || distctl up --yes")]
pub struct Plan {
    /// Only these containers, replica sets or standalones.
    #[arg(long, value_name = "CONTAINER|SET|SERVICE")]
    only: Vec<String>,

    /// Plan as `up --adopt` would.
    #[arg(long)]
    adopt: bool,

    /// End with 0 for nothing to do, 2 for changes, 3 where something can't be seen or mended, 1 for an error.
    #[arg(long)]
    exit_code: bool,
}

impl Plan {
    /// Runs the line up to the plan.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let options = Options { adopt: self.adopt, scope: stage.desired.scope(&self.only)?, ..Options::default() };
        let observed = stage.observe().await?;
        let plan = diff(&stage.desired, &observed, &options);
        context.ui.data(&plan.to_json(), || match plan.is_clean() {
            true => format!("nothing to do: {} is as declared\n{plan}", plan.topology).trim_end().to_owned(),
            false => plan.to_string(),
        })?;
        if !plan.is_clean() {
            tell_holder(context, &stage).await;
        }
        Ok(match self.exit_code {
            _ if !plan.refusals.is_empty() => Exit::Failed,
            false => Exit::Ok,
            true if !plan.steps.is_empty() => Exit::Pending,
            true if !plan.findings.is_empty() => Exit::Degraded,
            true => Exit::Ok,
        })
    }
}
