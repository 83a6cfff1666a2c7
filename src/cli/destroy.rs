//! `distctl destroy`

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::Context;
use super::line::{self, Stage};
use crate::plan::{Action, Plan, UiAction, removal};
use crate::ui::Exit;

/// Removes all containers of the topology with their data, and its network.
///
/// Lists what will be lost and asks for the topology's name.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl destroy --yes")]
pub struct Destroy {
    /// Only these containers; the network stays.
    #[arg(long, value_name = "CONTAINER")]
    only: Vec<String>,

    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Destroy {
    /// Runs the line with the goal that nothing is there.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let observed = stage.observe().await?;
        let plan = removal(&stage.desired, &observed, &self.only)?;
        line::tell(context, &plan.notes);
        if plan.steps.is_empty() {
            line::warn(context, &plan.findings);
            self.forget_import(&stage)?;
            context.ui.note(format!("nothing to do: nothing of {} is there", stage.desired.name));
            return Ok(Exit::Ok);
        }
        line::warn(context, &plan.findings);
        context.ui.note(losses(&plan));
        if !context.ui.ask_name(&stage.desired.name).await? {
            context.ui.note("nothing was removed");
            return Ok(Exit::Ok);
        }
        stage.carry_out(context, &plan, self.lock_wait).await?;
        self.forget_import(&stage)?;
        context.ui.note(match self.only.as_slice() {
            [] => format!("{} is destroyed", stage.desired.name),
            [one] => format!("container {one} of {} is destroyed; all else stays", stage.desired.name),
            several => {
                format!("containers {} of {} are destroyed; all else stays", several.join(", "), stage.desired.name)
            }
        });
        Ok(Exit::Ok)
    }

    /// What an import has begun is given up with all that is there of it.
    fn forget_import(&self, stage: &Stage) -> Result<()> {
        if self.only.is_empty() { stage.forget_import() } else { Ok(()) }
    }
}

fn losses(plan: &Plan) -> String {
    let lost: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::DeleteContainer { container } => Some(format!("  container {container} with all its data")),
            Action::DeleteNetwork { network } => Some(format!("  network {network}")),
            Action::Ui(UiAction::TurnOff { address, .. }) => Some(format!("  Incus's HTTPS listener at {address}")),
            Action::Ui(UiAction::Distrust { .. }) => Some("  the browser's certificate for Incus".to_owned()),
            _ => None,
        })
        .collect();
    format!("This will be lost for good:\n{}", lost.join("\n"))
}
