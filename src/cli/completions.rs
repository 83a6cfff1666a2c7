//! `distctl completions`: what a shell needs to complete distctl's commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Context};
use crate::ui::Exit;

/// Prints the completion script of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  distctl completions bash > /etc/bash_completion.d/distctl")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

pub(super) async fn run(args: &Completions, context: &Context) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "distctl", &mut script);
    context.ui.bytes(&script)?;
    Ok(Exit::Ok)
}
