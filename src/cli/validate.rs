//! `distctl validate`: everything that is wrong with a topology, at once.

use anyhow::Result;
use clap::Args;

use super::{Context, artifacts};
use crate::desired::expand::{AgentFile, expand};
use crate::topology::{self, Findings, Topology};
use crate::ui::{Exit, Tone, Ui};

/// Checks the topology file and shows everything that is wrong or risky in it.
///
/// Asks no daemon and changes nothing. Ends with 1 where something is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl validate --file staging.yaml")]
pub struct Validate {}

impl Validate {
    /// Reads the file and shows what was found.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match checked(context) {
            Ok(topology) => {
                let findings = topology.warnings();
                show(&context.ui, &findings, Tone::Good, &format!("fine: {}", contents(&topology)))?;
                Ok(Exit::Ok)
            }
            Err(findings) => {
                show(&context.ui, &findings, Tone::Bad, "it can't be used")?;
                Ok(Exit::Failed)
            }
        }
    }
}

/// Reads the topology and expands it, which reads its artifacts and renders its templates.
fn checked(context: &Context) -> std::result::Result<Topology, Findings> {
    let mut topology = topology::load(&context.file)?;
    artifacts::known(&mut topology);
    // What is wrong does not depend on the agent, so that a file can be checked where there is none.
    let agent = AgentFile { sha256: String::new(), size: 0 };
    expand(&topology, context.folder(), &agent)?;
    Ok(topology)
}

/// Shows findings and a last line: the file, the verdict and how much was found.
fn show(ui: &Ui, findings: &Findings, tone: Tone, verdict: &str) -> Result<()> {
    let paint = ui.paint();
    ui.data(findings, || {
        let mut text = String::new();
        let mut verdict = format!("{}: {verdict}", findings.file.display());
        if !findings.list.is_empty() {
            text = findings.render(paint.is_on()) + "\n";
            verdict = format!("{verdict}; {}", Ui::count(findings));
        }
        text + &paint.tone(tone, &verdict)
    })
}

/// What a topology declares: `5 containers, 2 replica sets, 1 standalone`.
fn contents(topology: &Topology) -> String {
    let databases = &topology.mongodb;
    let counts = [
        (topology.containers.iter().count(), "container"),
        (databases.replica_sets.iter().count(), "replica set"),
        (databases.standalone.iter().count(), "standalone"),
        (topology.services.iter().count(), "service"),
    ];
    let words = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> =
        words.map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" })).collect();
    words.join(", ")
}
