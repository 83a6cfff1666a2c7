//! `distctl status`

use anyhow::Result;
use clap::Args;

use super::Context;
use super::line::Stage;
use crate::desired::Desired;
use crate::engine::lock::holder_of;
use crate::observed::Observed;
use crate::plan::{Options, Plan, diff};
use crate::report::status::{self, Health};
use crate::ui::{Exit, Tone};

/// Shows how the system is. Ends with 3 where something is not as declared.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl status --output json")]
pub struct Status {}

impl Status {
    /// Runs the line up to the plan and shows what was seen.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let observed = stage.observe().await?;
        let plan = diff(&stage.desired, &observed, &Options::default());
        let exit = show(context, &stage.desired, &observed, &plan)?;
        if !plan.is_clean() {
            tell_holder(context, &stage).await;
        }
        Ok(exit)
    }
}

/// Shows how a system is.
pub(super) fn show(context: &Context, desired: &Desired, observed: &Observed, plan: &Plan) -> Result<Exit> {
    let status = status::status(desired, observed, plan);
    context.ui.data(&status, || tables(context, &status))?;
    Ok(if status.healthy { Exit::Ok } else { Exit::Degraded })
}

/// Says who changes the system just now: what differs may be under way, and no reason to begin anything.
pub(super) async fn tell_holder(context: &Context, stage: &Stage) {
    // Who may not read the lease is told so by what takes it.
    if let Ok(Some(held)) = holder_of(&stage.guests.client, &stage.desired.name).await {
        context
            .ui
            .warn(format!("{held}: what differs may be that run's doing, so wait until it has ended, and look again"));
    }
}

/// The colour of a health.
pub(super) fn tone(health: Health) -> Option<Tone> {
    Some(match health {
        Health::Good => Tone::Good,
        Health::Degraded => Tone::Warning,
        Health::Down => Tone::Bad,
    })
}

fn tables(context: &Context, status: &status::Status) -> String {
    let mut containers = context.ui.table(&["CONTAINER", "STATE", "ADDRESS", "UNITS", "DISK FREE"]);
    for row in &status.containers {
        let free = row.disk_free.map(|bytes| format!("{:.1} GiB", bytes as f64 / f64::from(1_u32 << 30)));
        containers.toned_row([
            (row.name.clone(), None),
            (row.state.clone(), tone(row.health)),
            (row.address.clone(), None),
            (row.units.clone(), None),
            (free.unwrap_or_default(), None),
        ]);
    }
    let mut mongods = context.ui.table(&["SET", "MEMBER", "IN", "STATE", "LAG", "VERSION", "RESTARTS"]);
    for row in &status.mongods {
        mongods.toned_row([
            (row.part_of.clone(), None),
            (row.host.clone(), None),
            (row.container.clone(), None),
            (row.state.clone(), tone(row.health)),
            (row.lag_s.map(|lag| format!("{lag:.1} s")).unwrap_or_default(), None),
            (row.version.clone().unwrap_or_default(), None),
            (row.restarts.map(|count| count.to_string()).unwrap_or_default(), None),
        ]);
    }
    let mut services = context.ui.table(&["SERVICE", "IN", "ADDRESS", "STATE", "VERSION", "RESTARTS"]);
    for row in &status.services {
        services.toned_row([
            (row.service.clone(), None),
            (row.container.clone(), None),
            (row.address.clone().unwrap_or_default(), None),
            (row.state.clone(), tone(row.health)),
            (row.version.clone().unwrap_or_default(), None),
            (row.restarts.map(|count| count.to_string()).unwrap_or_default(), None),
        ]);
    }
    let mut text = containers.to_string();
    if !status.mongods.is_empty() {
        text.push_str(&format!("\n\n{mongods}"));
    }
    if !status.services.is_empty() {
        text.push_str(&format!("\n\n{services}"));
    }
    text.push_str(&format!("\n\n{}", verdict(status)));
    text
}

fn verdict(status: &status::Status) -> String {
    let mut lines: Vec<String> = status.findings.iter().map(|finding| format!("amiss: {finding}")).collect();
    if status.pending_steps > 0 {
        let count = status.pending_steps;
        lines.push(match status.findings.iter().any(|finding| finding.object.starts_with("failover test ")) {
            true => format!("{count} steps to do once the failover test is over or healed: see `distctl plan`"),
            false => format!("{count} steps to do: see `distctl plan`, then `distctl up`"),
        });
    }
    if lines.is_empty() {
        lines.push(format!("{} is as declared", status.topology));
    }
    lines.extend(status.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}
