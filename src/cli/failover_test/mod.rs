//! `distctl failover-test`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use protocol::{FaultKind, WorkloadKind};

use super::check::Asked;
use crate::drill::run::Objectives;
use crate::drill::target::Target;

mod asked;
mod run;

/// Breaks replica sets on purpose while clients write, measures what they felt, and checks that nothing was lost.
///
/// Faults come one after the other; each is undone and got over before the next. All that happened is kept in a folder:
/// a history of every operation, mongod's logs, and reports. Ends with 0 (passed), 1 (failed) or 3 (it can't be told).
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl failover-test rsA --fault kill,stop --rounds 3")]
pub struct FailoverTest {
    /// Replica sets, one after the other; all without names.
    sets: Vec<String>,

    /// What is broken: stop, kill, pause, freeze, container-stop, container-kill, partition, partition-pair,
    /// partition-one-way, slow, disk-full, stepdown, clock [default: stop,kill,partition, or what `checks` says]
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    fault: Vec<FaultKind>,

    /// Whom it hits: primary, secondary, majority, all, `ADDRESS:PORT`, or a container; of several one is drawn.
    #[arg(long, value_name = "WHO", value_delimiter = ',', default_value = "primary")]
    target: Vec<Target>,

    /// How many faults, each kind once before one comes again [default: each once, or what `checks` says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,

    /// Decides the order and every draw; the same number repeats a schedule [default: drawn, and told]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// How long each fault lasts [default: 3s, or what `checks` says]
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    hold: Option<Duration>,

    /// What clients do: insert documents, count registers up, both, or make products through web-server
    /// [default: mixed, or what `checks` says]
    #[arg(long, value_name = "WHAT")]
    workload: Option<What>,

    /// How many clients [default: 128, or what `checks` says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    clients: Option<u32>,

    /// Operations a second of all clients; 0: as many as can be done [default: 0, or what `checks` says]
    #[arg(long, value_name = "N")]
    rate: Option<u32>,

    /// When a write is acknowledged: `majority`, or by how many members [default: majority, or what `checks` says]
    #[arg(long, value_name = "W", value_parser = write_concern)]
    write_concern: Option<String>,

    /// What reads may see: local, available, majority, linearizable.
    #[arg(long, value_name = "LEVEL", default_value = "majority", value_parser = ["local", "available", "majority", "linearizable"])]
    read_concern: String,

    /// Whom reads ask.
    #[arg(long, value_name = "WHOM", default_value = "primary",
          value_parser = ["primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"])]
    read_preference: String,

    /// Let the driver repeat each write once. Off by default, so that what a fault does is seen.
    #[arg(long)]
    retry_writes: bool,

    /// Run the same schedule under several write concerns, and show what each lost: `w:1,w:majority`.
    #[arg(long, value_name = "W:...", value_delimiter = ',', value_parser = compared, conflicts_with = "write_concern")]
    compare: Vec<String>,

    #[command(flatten)]
    asked: Asked,

    /// What is asked of a run, once the topology was read.
    #[arg(skip)]
    objectives: Objectives,

    /// How long after a fault's time a guest waits for distctl, until it undoes the fault by itself.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = super::duration)]
    grace: Duration,

    /// The container that the clients run in [default: one of a service that uses the set]
    #[arg(long, value_name = "CONTAINER")]
    from: Option<String>,

    /// The folder for history, logs and reports [default: failover-reports/SET-TIME]
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,

    /// Also say what failed as annotations that GitHub shows beside a run.
    #[arg(long)]
    ci: bool,

    /// Begin although the system is not as declared.
    #[arg(long)]
    force: bool,

    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Insert documents.
    Inserts,
    /// Read registers and set them to the next value.
    Register,
    /// Both.
    Mixed,
    /// Make products through web-server.
    App,
}

impl From<What> for WorkloadKind {
    fn from(what: What) -> Self {
        match what {
            What::Inserts => Self::Inserts,
            What::Register => Self::Register,
            What::Mixed => Self::Mixed,
            What::App => Self::App,
        }
    }
}

fn write_concern(text: &str) -> Result<String, String> {
    match text.parse::<u32>() {
        Ok(0) => Err("0 acknowledges nothing, so nothing could be said to be lost".into()),
        Ok(_) => Ok(text.to_owned()),
        Err(_) if text == "majority" => Ok(text.to_owned()),
        Err(_) => Err("write `majority` or a number of members".into()),
    }
}

fn compared(text: &str) -> Result<String, String> {
    let concern = text.strip_prefix("w:").ok_or("write `w:1` or `w:majority`, several with commas between them")?;
    write_concern(concern)
}
