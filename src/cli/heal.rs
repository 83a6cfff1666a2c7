//! `distctl heal`

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::Context;
use super::line::{self, Stage};
use crate::drill::faults;
use crate::plan::{Options, diff};
use crate::ui::Exit;

/// Undoes what a failover test has left: faults, workloads, their data. For when it was killed.
///
/// Guests undo faults by themselves after a while; this does it now, and starts containers that were stopped. It works
/// from any machine with the topology file.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl heal")]
pub struct Heal {
    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Heal {
    /// Looks for what is left, and undoes it under the lease.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let reporter = context.ui.reporter();
        let lock = stage.lock(context, &reporter, self.lock_wait).await?;
        let healed = faults::heal(&stage.guests, &stage.desired).await;
        let released = lock.release().await;
        let left = healed?;
        released?;
        context.ui.data(&left, || {
            if left.is_empty() {
                return "nothing was left to undo".to_owned();
            }
            let mut table = context.ui.table(&["IN", "UNDONE"]);
            for one in &left {
                table.toned_row([(one.container.clone(), None), (one.what.clone(), None)]);
            }
            table.to_string()
        })?;
        let plan = diff(&stage.desired, &stage.observe().await?, &Options::default());
        line::warn(context, &plan.findings);
        if !plan.steps.is_empty() {
            context
                .ui
                .note(format!("{} steps are left to do: see `distctl plan`, then `distctl up`", plan.steps.len()));
        }
        Ok(if plan.is_clean() { Exit::Ok } else { Exit::Degraded })
    }
}
