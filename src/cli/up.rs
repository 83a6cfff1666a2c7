//! `distctl up`

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use super::line::{self, Stage};
use super::{Context, incus_ui, secret, status};
use crate::desired::SecretName;
use crate::observed::Observed;
use crate::plan::{Action, Brief, Options, Plan, diff};
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
        let told = Told::default();
        let settled = settle(context, &stage, plan, &options, &told).await;
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
        for name in told.secrets(&stage, &observed) {
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

/// Services that were told what they need once by this run. What a guest that did not run was told before is not seen
/// before it runs: so it counts what was planned, not what was not seen.
#[derive(Default)]
struct Told(RefCell<BTreeSet<(String, String)>>);

impl Told {
    /// Notes what a plan tells for the first time.
    fn note(&self, plan: Plan, observed: &Observed) -> Plan {
        let first = plan.steps.iter().filter_map(|step| match &step.action {
            Action::InitService { container, release, init } => {
                let was_run = observed.guest(container).is_some_and(|guest| init.was_run(guest));
                (!was_run).then(|| (container.clone(), release.service.clone()))
            }
            _ => None,
        });
        self.0.borrow_mut().extend(first);
        plan
    }

    /// Secrets that a person needs now.
    fn secrets(&self, stage: &Stage, after: &Observed) -> BTreeSet<SecretName> {
        let told = self.0.borrow();
        let inits = told.iter().filter_map(|(container, service)| {
            let init = stage.desired.containers.get(container)?.releases.get(service)?.init.as_ref()?;
            after.guest(container).filter(|guest| init.was_run(guest)).map(|_| init)
        });
        inits.flat_map(|init| init.secrets.iter().cloned()).collect()
    }
}

/// Carries the plan out under the lease, unless another run has changed the system since it was shown.
async fn settle(
    context: &Context,
    stage: &Stage,
    shown: Plan,
    options: &Options,
    told: &Told,
) -> Result<(Plan, Observed)> {
    let observed = stage.observe().await?;
    let plan = told.note(diff(&stage.desired, &observed, options), &observed);
    line::refuse(&plan)?;
    if plan != shown && !context.yes {
        return Err(anyhow::anyhow!("the system changed while the plan was shown; nothing was changed"))
            .hint("run the command again to see the plan as it is now");
    }
    let replan = |observed: &Observed| told.note(diff(&stage.desired, observed, options), observed);
    stage.settle(context, plan, replan).await
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
