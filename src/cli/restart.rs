//! `distctl restart`

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::Context;
use super::line::{self, Stage};
use crate::plan::{Options, diff, restart};
use crate::ui::Exit;

/// Restarts replica sets member by member, services container by container, standalones, or whole containers.
///
/// A set is restarted only when all of it is healthy: secondaries first, then the primary, after it has handed over.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl restart rsA")]
pub struct Restart {
    /// Replica sets, standalones, services or containers; all but the containers without names. A container of the same
    /// name as its service is restarted whole.
    names: Vec<String>,

    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Restart {
    /// Plans the restart and carries it out.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        stage.desired.check_names(&self.names)?;
        let observed = stage.observe().await?;
        let plan = restart(&stage.desired, &observed, &self.names);
        line::refuse(&plan)?;
        context.ui.note(format!("{plan}"));
        if !context.ui.confirm(&format!("Carry out these {} steps?", plan.steps.len())).await? {
            context.ui.note("nothing was restarted");
            return Ok(Exit::Ok);
        }
        stage.carry_out(context, &plan, self.lock_wait).await?;
        let after = diff(&stage.desired, &stage.observe().await?, &Options::default());
        line::warn(context, &after.findings);
        context.ui.note("restarted");
        Ok(if after.is_clean() { Exit::Ok } else { Exit::Degraded })
    }
}
