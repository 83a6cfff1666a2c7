//! `distctl doctor`

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

mod host;
mod server;

use super::{Context, line};
use crate::desired::Desired;
use crate::engine::lock::{UNRESTRICTED, forbidden, holder_of};
use crate::guest::{Agent, Guests};
use crate::incus::Client;
use crate::observed::collect::collect;
use crate::report::doctor::{Check, Verdict, guests, worst};
use crate::report::left;
use crate::topology::{Findings, Topology, load_without_files};
use crate::ui::{Exit, Tone, Ui};

/// Checks what a system stands on: the daemon, its storage and images, this host, the guests.
///
/// Each line says how it is and what to do. Ends with 0 when all is fine, 3 for warnings, 1 where something can't
/// work. Without a topology file the daemon alone is checked.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl doctor --remote lab")]
pub struct Doctor {}

impl Doctor {
    /// Checks all and shows it.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let checks = checks(context).await;
        let worst = worst(&checks);
        context.ui.data(&json!({ "verdict": worst, "checks": checks }), || text(&context.ui, &checks))?;
        Ok(match worst {
            Verdict::Ok => Exit::Ok,
            Verdict::Warning => Exit::Degraded,
            Verdict::Failure => Exit::Failed,
        })
    }
}

async fn checks(context: &Context) -> Vec<Check> {
    let agent = Agent::find();
    let mut checks = vec![host::agent(&agent)];
    let topology = match context.file.exists() {
        true => load_without_files(&context.file).map(Some),
        false => Ok(None),
    };
    let (topology, desired) = declared(context, topology, agent.as_ref().ok(), &mut checks).await;
    let client = match line::connect(context).await {
        Ok(client) => client,
        Err(error) => {
            checks.push(server::unreachable(&error));
            return checks;
        }
    };
    checks.extend(server::checks(&client, topology.as_ref()).await);
    checks.extend(host::processor(&client, topology.as_ref()));
    if let (Some(desired), Ok(agent)) = (&desired, agent) {
        checks.extend(lease(&client, desired).await);
        checks.extend(inside(context, client, agent, desired).await);
    }
    checks
}

/// Checks the file and what it names; gives as much of it as can be used.
async fn declared(
    context: &Context,
    topology: Result<Option<Topology>, Findings>,
    agent: Option<&Agent>,
    checks: &mut Vec<Check>,
) -> (Option<Topology>, Option<Desired>) {
    let file = context.file.display().to_string();
    let topology = match topology {
        Ok(Some(topology)) => topology,
        Ok(None) => {
            let hint = "name it with --file to have its images, files and containers checked";
            checks.push(Check::warning("topology", format!("there is no {file}"), hint));
            return (None, None);
        }
        Err(findings) => {
            let text = format!("{file} can't be used: it has {}", Ui::count(&findings));
            checks.push(Check::failure("topology", text, "see `distctl validate`"));
            return (None, None);
        }
    };
    let Some(agent) = agent else { return (Some(topology), None) };
    match line::desired(context, agent).await {
        Ok(desired) => {
            checks.push(Check::ok("topology", format!("{file}: {} containers", desired.containers.len())));
            checks.extend(host::artifacts(&desired));
            (Some(topology), Some(desired))
        }
        Err(error) => {
            let text = error.downcast_ref::<Findings>().map_or_else(|| format!("{error:#}"), Ui::count);
            checks.push(Check::failure("topology", format!("{file}: {text}"), "see `distctl validate`"));
            (Some(topology), None)
        }
    }
}

async fn lease(client: &Client, desired: &Desired) -> Vec<Check> {
    if let Some(why) = forbidden(client).await {
        return vec![Check::failure("lease", format!("{why}: it can look, and change nothing"), UNRESTRICTED)];
    }
    match holder_of(client, &desired.name).await {
        Ok(None) => vec![Check::ok("lease", format!("nobody is changing {}", desired.name))],
        Ok(Some(held)) => vec![Check::warning("lease", held.to_string(), "wait for it before you change anything")],
        Err(error) if error.is_project_missing() => Vec::new(),
        Err(error) => vec![Check::failure("lease", server::words(&error), "see `incus project show`")],
    }
}

async fn inside(context: &Context, client: Client, agent: Agent, desired: &Desired) -> Vec<Check> {
    let asked = Guests { client, agent: Arc::new(agent) };
    let now = || Timestamp::now().as_millisecond();
    let before = now();
    match collect(&asked, desired, context.parallel * 4).await {
        Ok(observed) => {
            let mut checks = guests(desired, &observed, (before, now()));
            let declared = desired.databases().map(String::as_str).collect();
            checks.extend(left::data(&desired.name, &declared, &observed));
            checks
        }
        Err(error) => vec![Check::failure("containers", server::words(&error), "see `distctl status`")],
    }
}

fn text(ui: &Ui, checks: &[Check]) -> String {
    let paint = ui.paint();
    let width = checks.iter().map(|check| check.about.chars().count()).max().unwrap_or_default();
    let lines = checks.iter().map(|check| {
        let (tone, word) = match check.verdict {
            Verdict::Ok => (Tone::Good, "OK     "),
            Verdict::Warning => (Tone::Warning, "warning"),
            Verdict::Failure => (Tone::Bad, "failure"),
        };
        let hint = check.hint.as_ref().map(|hint| format!("\n{:1$}-> {hint}", "", width + 11)).unwrap_or_default();
        format!("{}  {:width$}  {}{hint}", paint.tone(tone, word), check.about, check.text)
    });
    lines.collect::<Vec<_>>().join("\n")
}
