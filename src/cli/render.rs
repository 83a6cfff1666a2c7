//! `distctl render`: everything that would be pushed, as a folder to look at.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{Context, line};
use crate::desired::render::write_tree;
use crate::guest::Agent;
use crate::ui::Exit;

/// Writes all files that `up` would push into a folder, with a manifest.json that lists the rest.
///
/// Asks no daemon. Secrets are named, not made. Files that are there already are overwritten.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl render --into before && vi topology.yaml && distctl render --into after")]
pub struct Render {
    /// The folder to write to; it is made if it isn't there.
    #[arg(long, value_name = "FOLDER", default_value = "rendered")]
    into: PathBuf,
}

impl Render {
    /// Expands the topology and writes it down.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let desired = line::desired(context, &Agent::find()?).await?;
        let files = write_tree(&desired, &self.into)?;
        let folder = self.into.display().to_string();
        context.ui.data(&json!({ "folder": folder, "files": files }), || {
            format!("wrote {} files to {folder}; {folder}/manifest.json lists what is in them", files.len())
        })?;
        Ok(Exit::Ok)
    }
}
