//! The command line: what can be said, and one match that says who does it. One file a command.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::incus;
use crate::ui::{Advise, Exit, Options, Output, Progress, Ui};

mod artifacts;
mod attach;
mod bundle;
mod check;
mod completions;
mod context;
mod destroy;
mod doctor;
mod down;
mod exec;
mod export;
mod failover_test;
mod fragmentation_check;
mod fragmentation_plan;
mod heal;
mod import;
mod incus_ui;
mod interrupt;
mod judge;
mod line;
mod logs;
mod open;
mod plan;
mod render;
mod restart;
mod resync;
mod schema;
mod sealing;
mod secret;
mod shell;
mod snapshot;
mod status;
mod top;
mod trial;
mod up;
mod validate;
mod verify;

pub use context::Context;
pub use interrupt::Interrupt;

/// Builds, proves and moves distributed systems on Incus, from one topology.yaml.
#[derive(Debug, Parser)]
#[command(name = "distctl", version, max_term_width = 100, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Standard output carries data only; progress, notes and errors go to standard error.
Exit codes: 0 all done or nothing to do, 1 an error, 2 changes pending (plan --exit-code) or wrong
usage, 3 degraded or not to be seen, 130 interrupted; exec and shell end as their command does.";

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The topology to work on
    // No `-f`: that is `logs --follow`.
    #[arg(long, global = true, value_name = "PATH", default_value = "topology.yaml", env = "DISTCTL_FILE")]
    file: PathBuf,

    /// A remote of the incus command line's configuration [default: the local daemon]
    #[arg(long, global = true, value_name = "NAME")]
    remote: Option<String>,

    /// The project in Incus [default: the remote's own, or `default`]
    #[arg(long, global = true, value_name = "NAME")]
    project: Option<String>,

    /// The form of data on standard output: table or json
    #[arg(short, long, global = true, value_name = "FORM", default_value = "table", hide_possible_values = true)]
    output: Output,

    /// The form of progress on standard error: auto, tty, plain, json or quiet
    #[arg(long, global = true, value_name = "FORM", default_value = "auto", hide_possible_values = true)]
    progress: Progress,

    /// Answer every question with yes
    #[arg(short, long, global = true)]
    yes: bool,

    /// How many things are done at once [default: twice the processors, at least 4]
    #[arg(long, global = true, value_name = "N")]
    parallel: Option<NonZeroUsize>,

    /// Say more; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

/// A command with its own arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Plan(plan::Plan),
    Status(status::Status),
    Down(down::Down),
    Destroy(destroy::Destroy),
    Restart(restart::Restart),
    Resync(resync::Resync),
    FailoverTest(Box<failover_test::FailoverTest>),
    Heal(heal::Heal),
    Snapshot(snapshot::Snapshot),
    Export(export::Export),
    Import(Box<import::Import>),
    Bundle(bundle::Bundle),
    Verify(verify::Verify),
    Logs(logs::Logs),
    Exec(exec::Exec),
    Shell(shell::Shell),
    Top(top::Top),
    Open(open::Open),
    Secret(secret::Secret),
    FragmentationCheck(fragmentation_check::FragmentationCheck),
    FragmentationPlan(fragmentation_plan::FragmentationPlan),
    Doctor(doctor::Doctor),
    Check(check::Check),
    Validate(validate::Validate),
    Render(render::Render),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

impl Cli {
    /// What the global options say about input and output.
    pub fn options(&self) -> Options {
        let Global { output, progress, yes, verbose, .. } = self.global;
        Options { output, progress, yes, verbosity: verbose }
    }
}

/// Runs the command.
///
/// # Errors
/// What [`Ui::failure`] shows.
pub async fn run(cli: Cli, ui: &Ui) -> anyhow::Result<Exit> {
    let context = Context {
        ui: ui.clone(),
        file: cli.global.file,
        remote: cli.global.remote,
        project: cli.global.project,
        parallel: cli.global.parallel.map_or_else(default_parallel, NonZeroUsize::get),
        yes: cli.global.yes,
        interrupt: Interrupt::watch(ui)?,
    };
    dispatch(cli.command, &context).await.map_err(advised)
}

/// Adds what the Incus client knows to do about an error of its own, for every command alike.
fn advised(error: anyhow::Error) -> anyhow::Error {
    let hint = error.chain().find_map(|link| link.downcast_ref::<incus::Error>()?.hint());
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What is known to do about an error that is not shown in full.
fn advice(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|link| {
        let incus = link.downcast_ref::<incus::Error>().and_then(incus::Error::hint);
        incus.or_else(|| link.downcast_ref::<protocol::Failure>()?.hint.clone())
    })
}

#[allow(clippy::cognitive_complexity, reason = "a flat match, an arm a command")]
async fn dispatch(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Up(command) => command.run(context).await,
        Command::Plan(command) => command.run(context).await,
        Command::Status(command) => command.run(context).await,
        Command::Down(command) => command.run(context).await,
        Command::Destroy(command) => command.run(context).await,
        Command::Restart(command) => command.run(context).await,
        Command::Resync(command) => command.run(context).await,
        Command::FailoverTest(command) => command.run(context).await,
        Command::Heal(command) => command.run(context).await,
        Command::Snapshot(command) => command.run(context).await,
        Command::Export(command) => command.run(context).await,
        Command::Import(command) => command.run(context).await,
        Command::Bundle(command) => command.run(context).await,
        Command::Verify(command) => command.run(context).await,
        Command::Logs(command) => command.run(context).await,
        Command::Exec(command) => command.run(context).await,
        Command::Shell(command) => command.run(context).await,
        Command::Top(command) => command.run(context).await,
        Command::Open(command) => command.run(context).await,
        Command::Secret(command) => command.run(context).await,
        Command::FragmentationCheck(command) => command.run(context).await,
        Command::FragmentationPlan(command) => command.run(context).await,
        Command::Doctor(command) => command.run(context).await,
        Command::Check(command) => command.run(context).await,
        Command::Validate(command) => command.run(context).await,
        Command::Render(command) => command.run(context).await,
        Command::Schema(command) => command.run(context).await,
        Command::Completions(command) => command.run(context).await,
    }
}

/// Twice the processors: most of the work waits for Incus or for mongod.
fn default_parallel() -> usize {
    std::thread::available_parallelism().map_or(4, |processors| (2 * processors.get()).max(4))
}

/// Reads a duration of the command line: `30s`, `5m`, `1h 30m`.
///
/// # Errors
/// A text for clap's message where it is none, or is negative.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_| "write a number and its unit: 500ms, 30s, 5m, 1h".to_string())?;
    Duration::try_from(duration).map_err(|_| "a duration can't be negative".to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("distctl "), "{} has no example", command.get_name());
        }
    }

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert!(duration("5").is_err());
        assert!(duration("-5s").is_err());
    }
}
