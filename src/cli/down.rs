//! `distctl down`

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::Context;
use super::line::{self, Stage};
use crate::plan::down;
use crate::ui::Exit;

/// Stops all containers of the topology. Data stays; `up` starts them again.
///
/// They stay down when the host starts again.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl down && distctl up")]
pub struct Down {
    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Down {
    /// Runs the line with the goal that nothing runs.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let observed = stage.observe().await?;
        let plan = down(&stage.desired, &observed);
        line::tell(context, &plan.notes);
        if plan.steps.is_empty() {
            line::warn(context, &plan.findings);
            context.ui.note(format!("nothing to do: {} is down", stage.desired.name));
            return Ok(Exit::Ok);
        }
        stage.carry_out(context, &plan, self.lock_wait).await?;
        context.ui.note(format!("{} is down; its data is kept. `distctl up` starts it again", stage.desired.name));
        Ok(Exit::Ok)
    }
}
