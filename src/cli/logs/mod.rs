//! `distctl logs`

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

mod source;

use super::Context;
use super::line::Stage;
use crate::guest::one_line;
use crate::incus::{Client, Command, Error};
use crate::report::log::{Line, Severity, merge};
use crate::ui::{Advise, Exit, Tone};
use source::{Reach, Source, sources};

/// How many lines of a followed log may wait to be shown.
const QUEUE: usize = 1024;

/// Shows the journals of containers and the logs of mongods, oldest lines first.
///
/// A container stands for its journal and its mongods, a set or standalone for its mongods and the journal of their
/// units, a service for the journal of its units, a unit for its own. Without a name everything is shown.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl logs rsA db3/mongod-27017 --since 10m --follow")]
pub struct Logs {
    /// Containers, replica sets, standalones, services or units (`mongod-27017`, `db1/mongod-27017`).
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Go on with what is written from now on, until Ctrl-C
    #[arg(short, long)]
    follow: bool,

    /// At most so many lines of each log [default: 50; with --since all]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,

    /// Only what is not older than this (`30s`, `10m`, `2h`)
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    since: Option<Duration>,
}

impl Logs {
    /// Reads the logs and shows them.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let sources = sources(&stage.desired, &self.names)?;
        let ago =
            |since| SignedDuration::try_from(since).ok().and_then(|since| Timestamp::now().checked_sub(since).ok());
        let since = self.since.map(|since| ago(since).context("--since goes too far back")).transpose()?;
        let reach = Reach { lines: self.lines, since };
        let width = sources.iter().map(|source| source.label.chars().count()).max().unwrap_or_default();
        let show = Show { context, width };
        let client = &stage.guests.client;
        if self.follow {
            return follow(client, sources, reach, &show).await;
        }
        let is_whole = read(client, &sources, &reach, context.parallel, &show).await?;
        Ok(if is_whole { Exit::Ok } else { Exit::Degraded })
    }
}

/// Shows lines, and what keeps a log from being read.
struct Show<'c> {
    context: &'c Context,
    width: usize,
}

impl Show<'_> {
    fn line(&self, line: &Line) -> Result<()> {
        let tone = match line.severity {
            Some(Severity::Fatal | Severity::Error) => Some(Tone::Bad),
            Some(Severity::Warning) => Some(Tone::Warning),
            _ => None,
        };
        self.context.ui.line(line, || {
            let text = line.text(self.width);
            tone.map_or(text.clone(), |tone| self.context.ui.paint().tone(tone, &text))
        })
    }

    fn amiss(&self, source: &Source, why: &str) {
        self.context.ui.warn(format!("{} can't be read: {why}", source.what()));
    }
}

/// Reads all logs up to now and shows them in the order of time; tells whether all could be read.
async fn read(client: &Client, sources: &[Source], reach: &Reach, parallel: usize, show: &Show<'_>) -> Result<bool> {
    let ended: Vec<_> = stream::iter(sources)
        .map(|source| async move { (source, tail(client, source, reach).await) })
        .buffered(parallel.max(1))
        .collect()
        .await;
    let mut logs = Vec::new();
    let mut is_whole = true;
    for (source, ended) in ended {
        match ended {
            Ok(lines) => logs.push(lines),
            Err(why) => {
                is_whole = false;
                show.amiss(source, &why);
            }
        }
    }
    merge(logs).iter().try_for_each(|line| show.line(line))?;
    Ok(is_whole)
}

async fn tail(client: &Client, source: &Source, reach: &Reach) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let command = source.command(reach, false);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let heard = |text: &str| lines.push(source.line(text));
    let ended = client.run_lines(&source.container, &words, Vec::new(), heard).await.map_err(|error| why(&error))?;
    match ended.code {
        0 => Ok(lines),
        code => Err(first_line(&ended.stderr).unwrap_or_else(|| format!("{} ended with {code}", command[0]))),
    }
}

/// Shows lines of all logs as they come. It ends with an error, when no log is left.
async fn follow(client: &Client, sources: Vec<Source>, reach: Reach, show: &Show<'_>) -> Result<Exit> {
    let (sender, mut lines) = mpsc::channel(QUEUE);
    let mut tasks = JoinSet::new();
    for source in sources {
        let (client, reach, sender) = (client.clone(), reach.clone(), sender.clone());
        tasks.spawn(async move {
            let ended = stream_one(&client, &source, &reach, &sender).await;
            (source, ended)
        });
    }
    drop(sender);
    loop {
        tokio::select! {
            biased;
            line = lines.recv() => match line {
                Some(line) => show.line(&line)?,
                None => break,
            },
            Some(Ok((source, why))) = tasks.join_next() => show.amiss(&source, &why),
        }
    }
    while let Some(Ok((source, why))) = tasks.join_next().await {
        show.amiss(&source, &why);
    }
    Err(anyhow::anyhow!("no log is left to follow")).hint("see `distctl status`")
}

/// Sends the lines of one log; gives the reason why it ended.
async fn stream_one(client: &Client, source: &Source, reach: &Reach, lines: &mpsc::Sender<Line>) -> String {
    // A session, not `run_lines`: it holds no slot, and its end is the end of the command in the guest.
    let session = client.exec(&source.container, &Command::new(source.command(reach, true))).await;
    let mut session = match session {
        Ok(session) => session,
        Err(error) => return why(&error),
    };
    let (mut stdout, mut stderr) = (std::mem::take(&mut session.stdout), std::mem::take(&mut session.stderr));
    let (mut rest, mut errors) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            biased;
            bytes = stdout.next() => match bytes {
                Some(bytes) => rest.extend_from_slice(&bytes),
                None => break,
            },
            Some(bytes) = stderr.next() => errors.extend_from_slice(&bytes),
        }
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let text: Vec<u8> = rest.drain(..=end).collect();
            let line = source.line(&String::from_utf8_lossy(&text));
            let is_wanted = reach.since.is_none_or(|since| line.time.is_none_or(|time| time >= since));
            if is_wanted && lines.send(line).await.is_err() {
                return String::new();
            }
        }
    }
    match session.wait().await {
        Err(error) => why(&error),
        Ok(_) => first_line(&errors).unwrap_or_else(|| "it ended".to_string()),
    }
}

fn first_line(stderr: &[u8]) -> Option<String> {
    String::from_utf8_lossy(stderr).lines().find(|line| !line.trim().is_empty()).map(str::to_string)
}

/// Says in a few words why a guest could not be asked.
pub(super) fn why(error: &Error) -> String {
    match error {
        error if error.is_not_running() => "the container is not running".to_string(),
        error if error.is_frozen() => "the container is frozen".to_string(),
        error if error.is_not_found() => "there is no such container".to_string(),
        error => one_line(error),
    }
}
