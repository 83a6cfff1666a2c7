//! distctl's entry.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use distctl::cli::{self, Cli};
use distctl::ui::{Exit, Ui};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Ok(ui) = Ui::new(cli.options()) else {
        return Exit::Failed.into();
    };
    let exit = run(cli, &ui).unwrap_or_else(|error| ui.failure(&error));
    ui.settle();
    exit.into()
}

fn run(cli: Cli, ui: &Ui) -> anyhow::Result<Exit> {
    let runtime = runtime().context("can't start the runtime")?;
    let result = runtime.block_on(cli::run(cli, ui));
    // A read that hangs in the background must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Two workers wait for the network and the daemon as well as twenty, in less memory.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).max_blocking_threads(8).enable_all().build()
}
