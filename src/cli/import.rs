//! `distctl import`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use ipnet::Ipv4Net;

use super::line::{self, Stage};
use super::sealing::{Opening, advised as advised_of_file};
use super::{Context, artifacts, status};
use crate::bundle::data::{self, Restore};
use crate::bundle::import::{
    Import as Work, Interrupted as Unfinished, Renamed, Unchangeable, default_folder, mark_all, secrets,
    unpack_topology,
};
use crate::bundle::open::BundleFile;
use crate::bundle::unfinished::{self, Mark};
use crate::bundle::{Kind, Manifest, Pace, size};
use crate::engine::event::Event;
use crate::guest::one_line;
use crate::observed::Observed;
use crate::plan::{Options, Plan, diff};
use crate::topology::Changes;
use crate::ui::{Advise, Exit, Interrupted};

mod resume;

/// Brings up the system that a bundle holds, and verifies it.
///
/// Checks every byte of the bundle first, and that nothing is in the way; only then makes network and containers, starts
/// them, and waits until all is as declared. The topology and the files that it names go into a folder, for `--file`.
/// A bundle of data comes into a system that is built anew, of its own topology or another one.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl import shop.distctl --name copy --subnet 10.20.30.0/24 --project copy")]
pub struct Import {
    /// The bundle: a file, a folder that holds one, or `-` for standard input
    bundle: PathBuf,
    #[command(flatten)]
    opening: Opening,
    /// Where the topology goes [default: a folder of its name, here]
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Another name for the system; its network is then named after it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Another name for its network
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Another network; containers keep their places in it
    #[arg(long, value_name = "NETWORK")]
    subnet: Option<Ipv4Net>,
    /// The storage pool [default: what the topology or the server says]
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Another address for the host to listen on: `127.0.0.1:3000=127.0.0.1:3001`
    #[arg(long, value_name = "OLD=NEW", value_parser = pair)]
    listen: Vec<(String, String)>,
    /// Make all keyfiles, passwords and secrets anew: who has the bundle knows the old ones
    #[arg(long)]
    rotate_secrets: bool,
    /// Another name for a container (`db1=db9`), a replica set or a single mongod (`rsA=rsX`)
    #[arg(long, value_name = "OLD=NEW", value_parser = pair)]
    map: Vec<(String, String)>,
    /// Bring up this topology instead of the bundle's own; for a bundle of data
    #[arg(long, value_name = "FILE", conflicts_with_all = ["into", "name", "network", "subnet", "pool", "listen"])]
    topology: Option<PathBuf>,
    /// Go on with an import that was interrupted
    #[arg(long)]
    resume: bool,
    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

/// The folder of a topology, gone again unless it is kept or was there before.
struct Unpacked(Option<PathBuf>);

impl Unpacked {
    fn of(folder: PathBuf) -> Self {
        Self((!folder.exists()).then_some(folder))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // One that was never made is none.
        let _ = self.0.take().map(std::fs::remove_dir_all);
    }
}

/// Old and new names.
type Names = Vec<(String, String)>;

/// Which of a system's databases takes which data of a bundle.
pub(super) type Targets = BTreeMap<String, String>;

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write OLD=NEW".to_owned()),
    }
}

impl Import {
    /// Checks, makes, starts, verifies.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let begun = Instant::now();
        let file = Arc::new(self.opening.find(&context.ui, &self.bundle).await?);
        let manifest = whole(context, &file).await?;
        let (containers, databases) = self.names(&manifest)?;
        let renamed = Renamed {
            containers: containers.iter().map(|(_, new)| new.clone()).collect(),
            databases: databases.iter().map(|(old, new)| (new.clone(), old.clone())).collect(),
        };
        let manifest = manifest.with_names(&containers);
        let made = Unpacked::of(self.folder(&manifest));
        // Before the topology: whoever finds that, finds this too.
        let mark = self.mark(context, &manifest)?;
        let topology = self.unpack(&file, &manifest).await?;
        let context = &Context { file: topology.clone(), ..context.clone() };
        let names = databases.iter().cloned().collect();
        let mut stage = Stage::prepare_in(context, |_| {}, |places| places.extend(manifest.places(&names))).await?;
        let targets = receive(&mut stage, &file, &manifest, &databases, self.rotate_secrets).await?;
        let work = Work {
            guests: stage.guests.clone(),
            desired: stage.desired.clone(),
            pool: self.pool.clone(),
            rotate_secrets: self.rotate_secrets,
            renamed,
            file,
            manifest,
            reporter: context.ui.reporter(),
            stop: context.stop(),
        };
        let left = clear_way(&stage, &work, self.resume).await?;
        let lock = stage.lock(context, &work.reporter, self.lock_wait).await?;
        made.keep();
        mark.keep();
        let imported = bring_up(context, &stage, &work, &left, &targets).await.map_err(stays);
        let released = lock.release().await;
        let (last, observed) = imported?;
        released?;
        stage.forget_import()?;
        let exit = status::show(context, &stage.desired, &observed, &last)?;
        context.ui.note(format!(
            "{} is up and verified ({:.1} s); its topology is {}",
            stage.desired.name,
            begun.elapsed().as_secs_f64(),
            topology.display()
        ));
        Ok(exit)
    }

    /// Other names: those of containers, and those of databases.
    fn names(&self, manifest: &Manifest) -> Result<(Names, Names)> {
        let is_full = manifest.kind == Kind::Full;
        if is_full && self.topology.is_some() {
            return Err(anyhow!("whole containers come up as they were: `--topology` is for bundles of data"))
                .hint("nothing was changed; leave it away, or export with `--kind data`");
        }
        // What is neither a container nor a database the topology tells.
        let is_container = |name: &String| match manifest.kind {
            Kind::Full => manifest.containers.contains_key(name),
            Kind::Data => self.topology.is_none() && !manifest.databases.contains_key(name),
        };
        let (containers, databases): (Names, Names) = self.map.iter().cloned().partition(|(old, _)| is_container(old));
        match databases.iter().find(|(_, new)| databases.iter().any(|(old, _)| old == new)) {
            Some((old, new)) if is_full => Err(anyhow!("{old} can't be called {new}, which is the name of another"))
                .hint("nothing was changed; give them names that the bundle has not"),
            _ => Ok((containers, databases)),
        }
    }

    /// The file of the topology that is to be brought up.
    async fn unpack(&self, file: &Arc<BundleFile>, manifest: &Manifest) -> Result<PathBuf> {
        if let Some(own) = &self.topology {
            return Ok(own.clone());
        }
        let topology = unpack_topology(file, self.folder(manifest), artifacts::cache(), self.changes()).await;
        topology.map_err(|error| match error.is::<Unchangeable>() {
            true => error.hint("nothing was changed; `distctl bundle show` tells what the bundle holds"),
            false => error.hint("`--into FOLDER` puts it elsewhere"),
        })
    }

    /// Marks the topology as one whose import was begun.
    fn mark(&self, context: &Context, manifest: &Manifest) -> Result<Mark> {
        let topology = self.topology.clone().unwrap_or_else(|| self.folder(manifest).join("topology.yaml"));
        let begun =
            unfinished::Unfinished { id: manifest.id.clone(), resume: resume::command(self, context, manifest) };
        Mark::set(&topology, &begun)
            .with_context(|| format!("{} can't be written", topology.parent().unwrap_or(&topology).display()))
            .hint("`--into FOLDER` puts it elsewhere")
    }

    fn folder(&self, manifest: &Manifest) -> PathBuf {
        self.into.clone().unwrap_or_else(|| default_folder(manifest, &self.changes()))
    }

    fn changes(&self) -> Changes {
        Changes {
            name: self.name.clone(),
            network: self.network.clone().or_else(|| self.name.as_deref().map(bridge)),
            subnet: self.subnet,
            pool: self.pool.clone(),
            listen: self.listen.clone(),
            names: self.map.clone(),
        }
    }
}

/// The network of a system that got another name; Incus takes at most 15 characters.
pub(super) fn bridge(name: &str) -> String {
    format!("{}br0", name.to_lowercase().chars().take(12).collect::<String>())
}

/// Reads every byte of a bundle, and gives what it says of itself.
pub(super) async fn whole(context: &Context, file: &Arc<BundleFile>) -> Result<Manifest> {
    let path = file.path.display().to_string();
    let (reporter, begun) = (context.ui.reporter(), Instant::now());
    let (lane, text) = ("bundle".to_owned(), format!("check {path}"));
    reporter.report(Event::Started { steps: 1 });
    reporter.report(Event::StepStarted { step: 1, lane: lane.clone(), text: text.clone() });
    let (work, mut pace) = (Arc::clone(file), Pace::new(&reporter, 1, &lane));
    let checked = tokio::task::spawn_blocking(move || {
        let (_, manifest) = work.open()?;
        let summary = work.verify(|done, whole| pace.at(done, Some(whole)))?;
        anyhow::Ok((manifest, summary))
    });
    let (manifest, summary) = match checked.await? {
        Ok(checked) => checked,
        Err(cause) => {
            let error = one_line(cause.as_ref());
            reporter.report(Event::StepFailed { step: 1, lane, text, error });
            return Err(advised_of_file(cause.context(format!("{path} can't be used; nothing was changed"))));
        }
    };
    reporter.report(Event::StepDone { step: 1, lane, text, took: begun.elapsed() });
    context.ui.note(format!(
        "{} of {}, {}: whole",
        manifest.topology,
        manifest.cut.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        size(summary.content)
    ));
    Ok(manifest)
}

/// Refuses what is in the way, before anything is made. Gives what an interrupted import has left.
pub(super) async fn clear_way(stage: &Stage, work: &Work, resume: bool) -> Result<Vec<String>> {
    let left = work.check(resume).await.map_err(advised)?;
    if left.is_empty() {
        // What `up` would refuse: addresses and networks of others.
        line::refuse(&diff(&stage.desired, &stage.observe().await?, &options(work)))?;
    }
    Ok(left)
}

/// Makes a stage ready for the data of a bundle; whole containers have all that they need.
pub(super) async fn receive(
    stage: &mut Stage,
    file: &Arc<BundleFile>,
    manifest: &Manifest,
    map: &[(String, String)],
    rotate_secrets: bool,
) -> Result<Targets> {
    mark_all(&mut stage.desired, manifest);
    if manifest.kind == Kind::Full {
        return Ok(Targets::new());
    }
    let targets = data::targets(&manifest.databases, map, &stage.desired.databases().collect())
        .hint("nothing was changed; `--map OLD=NEW` says where data goes")?;
    if !rotate_secrets {
        stage.given = Arc::new(secrets(file).await?);
    }
    Ok(targets)
}

/// Makes and starts what a bundle holds, until all is as declared.
pub(super) async fn bring_up(
    context: &Context,
    stage: &Stage,
    work: &Work,
    left: &[String],
    targets: &Targets,
) -> Result<(Plan, Observed)> {
    let made = async {
        match work.manifest.kind {
            Kind::Full => {
                work.make(left).await?;
                work.rehome().await?;
            }
            Kind::Data => {
                begin(context, stage, work, left).await?;
                put(context, stage, work, targets).await?;
                if work.rotate_secrets {
                    work.forget_inits().await?;
                }
            }
        }
        let settled = settle(context, stage, work).await?;
        stage.lead_again(stage.desired.replica_sets.values()).await?;
        work.finish().await?;
        Ok(settled)
    };
    made.await.map_err(|error| if context.stop().is_cancelled() { anyhow::Error::from(Interrupted) } else { error })
}

fn stays(error: anyhow::Error) -> anyhow::Error {
    error.hint(
        "what is made stays: mend the cause and run the same command with `--resume`, or remove it with `distctl \
         --file FOLDER/topology.yaml destroy`",
    )
}

/// Brings up the system that data goes into. All of it: what services make of empty databases goes when the data comes,
/// and what is run once must not be run after that. Where an import goes on, services may not work with half of the data.
async fn begin(context: &Context, stage: &Stage, work: &Work, left: &[String]) -> Result<()> {
    match settle(context, stage, work).await {
        Err(error) if !left.is_empty() && !context.stop().is_cancelled() => {
            let why = one_line(error.as_ref());
            context.ui.note(format!("not all of it works yet, which may be for want of its data: {why}"));
            Ok(())
        }
        settled => settled.map(drop),
    }
}

async fn settle(context: &Context, stage: &Stage, work: &Work) -> Result<(Plan, Observed)> {
    let options = options(work);
    let plan = diff(&stage.desired, &stage.observe().await?, &options);
    line::refuse(&plan)?;
    stage.settle(context, plan, |observed| diff(&stage.desired, observed, &options)).await
}

/// What this import has begun is its own.
fn options(work: &Work) -> Options {
    Options { import: Some(work.manifest.id.clone()), ..Options::default() }
}

/// Puts the data of a bundle into the databases.
async fn put(context: &Context, stage: &Stage, work: &Work, targets: &Targets) -> Result<()> {
    let restore = Restore {
        guests: &stage.guests,
        desired: &stage.desired,
        file: &work.file,
        databases: &work.manifest.databases,
        targets,
        reporter: &work.reporter,
        stop: &context.stop(),
    };
    restore.put().await
}

fn advised(error: anyhow::Error) -> anyhow::Error {
    if error.is::<Unfinished>() {
        return error.hint("go on with it: the same command with `--resume`; or delete the container");
    }
    anyhow!(error).hint(
        "nothing was changed; other names (`--map OLD=NEW`), another project (`--project NAME`), network (`--subnet`, \
         `--name`) or pool (`--pool`) may have room for it",
    )
}
