//! `distctl completions`: what a shell needs to complete distctl's commands and options.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Context};
use crate::ui::Exit;

/// Prints the completion script of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl completions bash > /etc/bash_completion.d/distctl")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "distctl", &mut script);
        context.ui.bytes(&script)?;
        Ok(Exit::Ok)
    }
}
