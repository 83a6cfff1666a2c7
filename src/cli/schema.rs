//! `distctl schema`: what may be written in a topology, for editors.

use anyhow::Result;
use clap::Args;

use super::Context;
use crate::topology;
use crate::ui::Exit;

/// Prints the JSON Schema of topology.yaml.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl schema > topology.schema.json")]
pub struct Schema {}

impl Schema {
    /// Prints the schema.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        context.ui.bytes(topology::schema().as_bytes())?;
        Ok(Exit::Ok)
    }
}
