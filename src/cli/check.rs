//! `distctl check`: judges a failover test again that was kept.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::judge::{Judging, judge};
use super::{Context, duration};
use crate::drill::folder::Folder;
use crate::drill::run::Objectives;
use crate::ui::Exit;

/// Judges a kept failover test again, from its history and logs alone. Asks no daemon.
///
/// Ends with 0 for pass, 1 for fail, 3 where it can't be told. A folder that holds several runs compares them.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl check failover-reports/rsA-20261124-141500 --max-write-gap 3s --ci")]
pub struct Check {
    /// The folder that `failover-test` has kept.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    asked: Asked,

    /// Write the reports beside the history: report.json, junit.xml, report.html.
    #[arg(long)]
    write: bool,

    /// Print annotations for GitHub to standard error.
    #[arg(long)]
    ci: bool,
}

/// What is asked of a run on the command line; it goes before what the topology asks.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Objectives")]
pub(super) struct Asked {
    /// The longest time without an acknowledged write.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_write_gap: Option<Duration>,

    /// The longest time without an answered read.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_read_gap: Option<Duration>,

    /// The longest time from a winner's candidacy until it takes writes.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_election: Option<Duration>,

    /// How many acknowledged writes may be lost.
    #[arg(long, value_name = "N")]
    lost_writes: Option<u64>,

    /// How many reads may be stale.
    #[arg(long, value_name = "N")]
    stale_reads: Option<u64>,
}

impl Asked {
    /// As a run keeps it.
    pub(super) fn objectives(self) -> Objectives {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Objectives {
            max_write_gap_ms: self.max_write_gap.map(millis),
            max_read_gap_ms: self.max_read_gap.map(millis),
            max_election_ms: self.max_election.map(millis),
            lost_writes: self.lost_writes,
            stale_reads: self.stale_reads,
        }
    }
}

impl Check {
    /// Reads the folder and shows what it proves.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let judging = Judging { objectives: self.asked.objectives(), ci: self.ci, write: self.write };
        judge(context, &Folder::at(self.folder), &judging)
    }
}
