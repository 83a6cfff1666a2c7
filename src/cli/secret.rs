//! `distctl secret`

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use super::Context;
use super::line::Stage;
use crate::desired::{Content, SecretKind, SecretName};
use crate::ui::{Advise, Exit};

/// Shows secrets that the topology names; they are kept in the containers that use them and nowhere else.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl secret show admin")]
pub struct Secret {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows one secret.
    #[command(after_help = "Example: distctl secret show admin")]
    Show {
        /// Its name, as in `{{ secret('admin') }}`.
        name: String,
    },
    /// Lists names and where they are kept.
    #[command(after_help = "Example: distctl secret list")]
    List,
}

impl Secret {
    /// Reads from guests.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        match self.what {
            What::Show { name } => {
                let value = show(&stage, &SecretName::named(&name)).await?;
                context.ui.data(&serde_json::json!({ "name": name, "value": value }), || value.clone())?;
            }
            What::List => {
                let kept = kept(&stage);
                let rows: Vec<_> = kept
                    .iter()
                    .map(|(name, container)| serde_json::json!({ "name": name.to_string(), "container": container }))
                    .collect();
                context.ui.data(&rows, || {
                    let mut table = context.ui.table(&["SECRET", "KEPT IN"]);
                    kept.iter().for_each(|(name, container)| {
                        table.toned_row([(name.to_string(), None), (container.clone(), None)]);
                    });
                    table.to_string()
                })?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// Secrets that the topology names, each with the containers that keep it.
fn kept(stage: &Stage) -> Vec<(SecretName, String)> {
    let mut kept = Vec::new();
    for (container, wanted) in &stage.desired.containers {
        for file in wanted.files.values() {
            if let Content::Secret(name) = &file.content
                && name.kind == SecretKind::Named
            {
                kept.push((name.clone(), container.clone()));
            }
        }
    }
    kept.sort();
    kept
}

/// Reads a secret from a guest that keeps it.
pub(super) async fn show(stage: &Stage, name: &SecretName) -> Result<String> {
    let places: Vec<String> =
        kept(stage).into_iter().filter(|(known, _)| known == name).map(|(_, place)| place).collect();
    if places.is_empty() {
        let mut known: Vec<String> = kept(stage).into_iter().map(|(name, _)| name.to_string()).collect();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(anyhow::anyhow!("the topology names no secret {name}")).hint(format!("it names {known}"));
    }
    for container in &places {
        let path = name.store_path();
        let read = stage.guests.client.read_file(container, &path).await;
        if let Some(bytes) = read.with_context(|| format!("{name} could not be read from {container}"))? {
            return Ok(String::from_utf8_lossy(&bytes).trim().to_owned());
        }
    }
    Err(anyhow::anyhow!("{name} is not in {}", places.join(", "))).hint("it is made by `distctl up`")
}
