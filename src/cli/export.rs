//! `distctl export`

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use rand::Rng;

use super::artifacts;
use super::context::Context;
use super::line::Stage;
use super::sealing::Sealing;
use super::snapshot::{Way, refuse_attached, take};
use crate::bundle::export::{Begun, Export as Work, Exported, Unfinished};
use crate::bundle::open::Encrypted;
use crate::bundle::sources;
use crate::bundle::target::Target;
use crate::bundle::{self, remove_leftovers, size};
use crate::cut::{Cut, EXPORT, How};
use crate::ui::{Advise, Exit, Interrupted};

/// Packs the whole system into one file: topology, binaries, containers and their data, all of one moment.
///
/// The system goes on running; writes wait for a moment. `import` brings it up elsewhere. With `--kind data` the file holds
/// what the databases hold instead of the containers: small, and for another version of mongod or another shape, too.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl export shop.distctl && distctl bundle verify shop.distctl")]
pub struct Export {
    /// The file to write, a folder to write it into, or `-` for standard output
    bundle: PathBuf,
    /// What it holds: the containers as they are, or what is in their databases
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    #[command(flatten)]
    way: Way,
    #[command(flatten)]
    sealing: Sealing,
    /// Go on with an export that was interrupted
    #[arg(long)]
    resume: bool,
    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

/// What a bundle holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Containers as they are
    #[default]
    Full,
    /// Topology, secrets, and a logical dump of the databases
    Data,
}

impl From<Kind> for bundle::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Full => Self::Full,
            Kind::Data => Self::Data,
        }
    }
}

impl Export {
    /// Takes a cut and packs it, under the lease.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let begun = Instant::now();
        if self.kind == Kind::Data && self.way.stop {
            return Err(anyhow!("data is read from databases that run: `--stop` would stop them"))
                .hint("leave `--stop` away, or take the containers as they are: `--kind full --stop`");
        }
        let (recipient, passphrase) = match self.sealing.read(&context.ui).await? {
            Some(sealed) => (Some(sealed.recipient), sealed.passphrase),
            None => (None, None),
        };
        let stage = Stage::prepare(context).await?;
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let target = Target::of(&self.bundle, &stage.desired.name, &now);
        let work = Work {
            guests: stage.guests.clone(),
            desired: stage.desired.clone(),
            kind: self.kind.into(),
            files: files(context).await?,
            recipient,
            reporter: context.ui.reporter(),
            stop: context.stop(),
            target,
        };
        let checked = work.check(self.resume).await;
        checked.map_err(advised)?;
        if self.kind == Kind::Full {
            refuse_attached(context, &stage, "bundle of containers").await?;
        }
        if work.recipient.is_none() {
            let held = match self.kind {
                Kind::Full => "keyfiles, passwords",
                Kind::Data => "secrets of the topology",
            };
            context.ui.note(format!(
                "the bundle will hold {held} and data as they are: keep it where nobody else reads it, or encrypt it \
                 (`--encrypt`)",
            ));
        }
        let lock = stage.lock(context, &work.reporter, self.lock_wait).await?;
        let exported = match self.kind {
            Kind::Full => self.export(context, &stage, &work, passphrase).await,
            Kind::Data => self.export_data(context, &work, passphrase).await,
        };
        let released = lock.release().await;
        let exported = exported?;
        released?;
        show(context, &exported, begun.elapsed())?;
        Ok(Exit::Ok)
    }

    async fn export(
        &self,
        context: &Context,
        stage: &Stage,
        work: &Work,
        passphrase: Option<::bundle::SecretString>,
    ) -> Result<Exported> {
        let begun = self.begin(context, stage, work, passphrase).await?;
        let cut = begun.cut().clone();
        context.ui.note(format!("{} containers as they are at one moment: {}", cut.containers.len(), cut.how));
        let packed = work.pack(begun).await;
        let stays = packed.is_err() && matches!(work.target, Target::File(_));
        if !stays {
            work.forget(&cut).await?;
        }
        match packed {
            Ok(exported) => Ok(exported),
            Err(error) => Err(again(context, work.named(error), stays)),
        }
    }

    /// Reads all databases as they are at one moment. One that was interrupted goes on with another moment: the past of
    /// its own is not kept for long.
    async fn export_data(
        &self,
        context: &Context,
        work: &Work,
        passphrase: Option<::bundle::SecretString>,
    ) -> Result<Exported> {
        let id = format!("{:08x}", rand::rng().random::<u32>());
        let at = work.guests.client.server_time().unwrap_or_else(jiff::Timestamp::now);
        let how = How::Live { paused_ms: 0, held: Vec::new() };
        let cut = Cut { snapshot: String::new(), containers: Vec::new(), how, at };
        let begun = match self.resume {
            true => work.begin_anew(work.resume(passphrase).await.map_err(unreadable)?, &id, cut),
            false => work.begin(&id, cut).await?,
        };
        let stays = matches!(work.target, Target::File(_));
        work.pack_data(begun).await.map_err(|error| {
            let error = match context.stop().is_cancelled() {
                true => anyhow::Error::from(Interrupted),
                false => work.named(error).hint(
                    "`distctl status` tells how the databases are; `--kind full` takes containers as they are, and holds \
                     writes back for a moment only",
                ),
            };
            match stays {
                true => error.hint("mend the cause and run the same command with `--resume`"),
                false => error,
            }
        })
    }

    /// Begins an export, or goes on with one: with its own moment if that is still kept, else with a new one.
    async fn begin(
        &self,
        context: &Context,
        stage: &Stage,
        work: &Work,
        passphrase: Option<::bundle::SecretString>,
    ) -> Result<Begun> {
        let id = format!("{:08x}", rand::rng().random::<u32>());
        let snapshot = format!("{EXPORT}{id}");
        let earlier = match self.resume {
            true => Some(work.resume(passphrase).await.map_err(unreadable)?),
            false => None,
        };
        if let Some(earlier) = earlier {
            let kept = earlier.cut().snapshot.clone();
            if work.still_has(&earlier).await? {
                remove_leftovers(&stage.guests, &stage.desired, Some(&kept)).await?;
                return Ok(earlier);
            }
            context.ui.note("the moment that was being packed is gone; another is taken, and what both share is kept");
            remove_leftovers(&stage.guests, &stage.desired, None).await?;
            let cut = take(context, stage, &snapshot, self.way.stop).await?;
            return Ok(work.begin_anew(earlier, &id, cut));
        }
        let removed = remove_leftovers(&stage.guests, &stage.desired, None).await?;
        if removed > 0 {
            context.ui.note(format!("removed {removed} things that an export had left in Incus"));
        }
        let cut = take(context, stage, &snapshot, self.way.stop).await?;
        let begun = work.begin(&id, cut.clone()).await;
        if begun.is_err() {
            work.forget(&cut).await?;
        }
        begun
    }
}

/// The topology, what it names, and what was downloaded for it.
async fn files(context: &Context) -> Result<Vec<sources::SourceFile>> {
    let mut topology = context.topology()?;
    let mut files = sources::of_topology(&topology, context.folder())?;
    let downloads = artifacts::downloaded(context, &mut topology).await?;
    if let Some(cache) = artifacts::cache() {
        files.extend(downloads.iter().filter_map(|file| sources::of_download(file, &cache)));
    }
    Ok(files)
}

fn advised(error: anyhow::Error) -> anyhow::Error {
    let missing = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    match error.is::<Unfinished>() {
        true => error.hint("go on with it: the same command with `--resume`; or delete it"),
        false if missing => error.hint("make the folder first, or name another"),
        false => error,
    }
}

fn unreadable(error: anyhow::Error) -> anyhow::Error {
    match error.is::<Encrypted>() {
        true => error.hint(
            "with the passphrase it could be (`--passphrase-file`); one for a key can only be read by whoever has that: \
             delete it, and export anew",
        ),
        false => error,
    }
}

/// What to do about an export that failed.
fn again(context: &Context, error: anyhow::Error, stays: bool) -> anyhow::Error {
    let error = if context.stop().is_cancelled() { anyhow::Error::from(Interrupted) } else { error };
    match stays {
        true => error.hint(
            "what is packed is kept, and so is the moment: mend the cause and run the same command with `--resume`; a new \
             export without it removes what is left in Incus",
        ),
        false => error,
    }
}

fn show(context: &Context, exported: &Exported, took: Duration) -> Result<()> {
    let Some(file) = &exported.file else {
        context.ui.note(format!("{} written in {:.1} s", size(exported.size), took.as_secs_f64()));
        return Ok(());
    };
    context
        .ui
        .data(exported, || {
            format!(
                "{}: {} of {}, {}, {}, in {:.1} s",
                file.display(),
                size(exported.size),
                size(exported.content),
                exported.manifest.told(),
                exported.manifest.cut.how,
                took.as_secs_f64()
            )
        })
        .context("the result can't be shown")
}
