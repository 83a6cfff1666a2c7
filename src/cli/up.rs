//! `distctl up`

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use super::line::{self, Stage};
use super::{Context, incus_ui, secret, status};
use crate::desired::SecretName;
use crate::observed::Observed;
use crate::plan::{Brief, Options, Plan, diff};
use crate::ui::{Advise, Exit};

/// Builds the system, or mends what differs from the topology.
///
/// Looks at what is, shows what it would change, asks once, and does it. Run it again after anything: a change of the
/// file, a crash, a change by hand.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl up --only db1")]
pub struct Up {
    /// Only these containers, replica sets, standalones or services.
    #[arg(long, value_name = "CONTAINER|SET|SERVICE")]
    only: Vec<String>,

    /// Take over a network or containers of the declared names that distctl did not make.
    #[arg(long)]
    adopt: bool,

    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Up {
    /// Runs the whole line.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let begun = Instant::now();
        let stage = Stage::prepare(context).await?;
        let options = Options { adopt: self.adopt, scope: stage.desired.scope(&self.only)?, ..Options::default() };
        let seen = stage.observe().await?;
        let plan = diff(&stage.desired, &seen, &options);
        line::refuse(&plan)?;
        if plan.steps.is_empty() {
            if self.only.is_empty() {
                stage.forget_import()?;
            }
            return Ok(nothing_to_do(context, &plan, begun));
        }
        context.ui.note(Brief(&plan).to_string());
        if !context.ui.confirm(&format!("Carry out these {} steps?", plan.steps.len())).await? {
            context.ui.note("nothing was changed");
            return Ok(Exit::Ok);
        }
        let reporter = context.ui.reporter();
        let lock = stage.lock(context, &reporter, self.lock_wait).await?;
        let opened = incus_ui::is_opened_by(&plan);
        let settled = settle(context, &stage, plan, &options).await;
        let released = lock.release().await;
        let (last, observed) = settled?;
        released?;
        if self.only.is_empty() {
            stage.forget_import()?;
        }
        if last.is_clean() {
            let took = begun.elapsed().as_secs_f64();
            context.ui.note(format!("{} is up and verified ({took:.1} s)", stage.desired.name));
        }
        let exit = status::show(context, &stage.desired, &observed, &last)?;
        for name in told(&stage, &seen, &observed) {
            let value = secret::show(&stage, &name).await?;
            context.ui.note(format!(
                "\nthe secret `{name}` is in use now, and is shown this once: {value}\n`distctl secret show {name}` reads it \
                 from its container again"
            ));
        }
        if let Some(text) = incus_ui::how_to(&stage.desired, &observed).filter(|_| opened) {
            context.ui.note(text);
        }
        Ok(exit)
    }
}

/// Secrets that a person needs: those that a service was told between two looks.
fn told(stage: &Stage, before: &Observed, after: &Observed) -> Vec<SecretName> {
    let mut told = Vec::new();
    for (container, wanted) in &stage.desired.containers {
        for init in wanted.releases.values().filter_map(|release| release.init.as_ref()) {
            let was_run = |observed: &Observed| observed.guest(container).is_some_and(|guest| init.was_run(guest));
            if was_run(after) && !was_run(before) {
                told.extend(init.secrets.iter().cloned());
            }
        }
    }
    told
}

/// Carries the plan out under the lease, unless another run has changed the system since it was shown.
async fn settle(context: &Context, stage: &Stage, shown: Plan, options: &Options) -> Result<(Plan, Observed)> {
    let observed = stage.observe().await?;
    let plan = diff(&stage.desired, &observed, options);
    line::refuse(&plan)?;
    if plan != shown && !context.yes {
        return Err(anyhow::anyhow!("the system changed while the plan was shown; nothing was changed"))
            .hint("run the command again to see the plan as it is now");
    }
    stage.settle(context, plan, |observed| diff(&stage.desired, observed, options)).await
}

fn nothing_to_do(context: &Context, plan: &Plan, begun: Instant) -> Exit {
    line::tell(context, &plan.notes);
    if plan.findings.is_empty() {
        let took = begun.elapsed().as_secs_f64();
        context.ui.note(format!("nothing to do: {} is as declared ({took:.2} s)", plan.topology));
        return Exit::Ok;
    }
    line::warn(context, &plan.findings);
    Exit::Degraded
}
