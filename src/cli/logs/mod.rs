//! `distctl logs`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
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
use crate::guest::{self, Guests, one_line};
use crate::incus::{Client, Command, Error};
use crate::report::log::{Line, Severity, merge};
use crate::ui::{Advise, Exit, Tone};
use source::{Reach, Source, sources};

/// How many lines of a followed log may wait to be shown.
const QUEUE: usize = 1024;

/// Shows the journals of containers and the logs of mongods, oldest lines first.
///
/// A container stands for its journal and its mongods, a set or standalone for its mongods and the journal of their
/// units, a service for the journal of its units, a unit for its own. Without a name everything is shown. Secrets that
/// distctl made are shown as `***`.
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
        let reader = Reader::find(&stage.guests, &sources, context.parallel).await;
        if self.follow {
            return follow(reader, sources, reach, &show).await;
        }
        let is_whole = read(&reader, &sources, &reach, context.parallel, &show).await?;
        Ok(if is_whole { Exit::Ok } else { Exit::Degraded })
    }
}

/// Reads logs through the agents of their guests, which know the secrets that a program may have written there and
/// leave them out: so no secret leaves its guest.
struct Reader {
    client: Client,
    agents: BTreeMap<String, Result<String, String>>,
}

impl Reader {
    /// Finds the agent of each container.
    async fn find(guests: &Guests, sources: &[Source], parallel: usize) -> Self {
        let containers: BTreeSet<&String> = sources.iter().map(|source| &source.container).collect();
        let agents = stream::iter(containers)
            .map(|name| async move { (name.clone(), guest::find(guests, name).await.map_err(|error| why(&error))) })
            .buffer_unordered(parallel.max(1))
            .collect()
            .await;
        Self { client: guests.client.clone(), agents }
    }

    /// The command that writes a log without secrets, or why there is none.
    fn command(&self, source: &Source, reach: &Reach, follow: bool) -> Result<Vec<String>, String> {
        let agent =
            self.agents.get(&source.container).cloned().unwrap_or_else(|| Err("its guest was not asked".into()))?;
        let reader = [agent, "mask".into(), "--".into()];
        Ok([&reader[..], &source.command(reach, follow)].concat())
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
        let paint = self.context.ui.paint();
        self.context.ui.line(&line.without_colours(), || match tone {
            // A line has the colour of its severity, or those that the program gave it.
            Some(tone) if paint.is_on() && !line.has_colours() => paint.tone(tone, &line.text(self.width, false)),
            _ => line.text(self.width, paint.is_on()),
        })
    }

    fn amiss(&self, source: &Source, why: &str) {
        self.context.ui.warn(format!("{} can't be read: {why}", source.what()));
    }
}

/// Reads all logs up to now and shows them in the order of time; tells whether all could be read.
async fn read(reader: &Reader, sources: &[Source], reach: &Reach, parallel: usize, show: &Show<'_>) -> Result<bool> {
    let ended: Vec<_> = stream::iter(sources)
        .map(|source| async move { (source, tail(reader, source, reach).await) })
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

async fn tail(reader: &Reader, source: &Source, reach: &Reach) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let command = reader.command(source, reach, false)?;
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let heard = |text: &str| lines.push(source.line(text));
    let ended =
        reader.client.run_lines(&source.container, &words, Vec::new(), heard).await.map_err(|error| why(&error))?;
    match ended.code {
        0 => Ok(lines),
        code => Err(first_line(&ended.stderr).unwrap_or_else(|| format!("its reader ended with {code}"))),
    }
}

/// Shows lines of all logs as they come. It ends with an error, when no log is left.
async fn follow(reader: Reader, sources: Vec<Source>, reach: Reach, show: &Show<'_>) -> Result<Exit> {
    let reader = Arc::new(reader);
    let (sender, mut lines) = mpsc::channel(QUEUE);
    let mut tasks = JoinSet::new();
    for source in sources {
        let (reader, reach, sender) = (Arc::clone(&reader), reach.clone(), sender.clone());
        tasks.spawn(async move {
            let ended = stream_one(&reader, &source, &reach, &sender).await;
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
async fn stream_one(reader: &Reader, source: &Source, reach: &Reach, lines: &mpsc::Sender<Line>) -> String {
    // A session, not `run_lines`: it holds no slot, and its end is the end of the command in the guest.
    let command = match reader.command(source, reach, true) {
        Ok(command) => command,
        Err(why) => return why,
    };
    let session = reader.client.exec(&source.container, &Command::new(command)).await;
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
