//! `distctl snapshot`

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Subcommand};

use super::Context;
use super::line::{self, Stage};
use crate::cut::{self, Cut, Kept, PREFIX};
use crate::desired::{DATA_KEY, Places};
use crate::observed::{Part, Status};
use crate::plan::{self, Options, diff};
use crate::ui::{Advise, Exit};

/// Keeps the whole system as it is at one moment, and goes back to that: before an experiment, and after it.
///
/// The snapshots are Incus's own, one in each container, and lie on the server's disk: they are no backup. `export`
/// makes one.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl snapshot create before-lab && distctl snapshot restore before-lab")]
pub struct Snapshot {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Takes a snapshot of all containers, of one moment.
    #[command(after_help = "Example: distctl snapshot create before-lab")]
    Create {
        /// Its name [default: the time]
        name: Option<String>,
        #[command(flatten)]
        way: Way,
        #[command(flatten)]
        lock: LockWait,
    },
    /// Lists them, the oldest first.
    #[command(after_help = "Example: distctl snapshot list")]
    List,
    /// Makes the whole system what it was. What happened since is lost.
    #[command(after_help = "Example: distctl snapshot restore before-lab")]
    Restore {
        /// Its name.
        name: String,
        #[command(flatten)]
        lock: LockWait,
    },
    /// Deletes one.
    #[command(after_help = "Example: distctl snapshot delete before-lab")]
    Delete {
        /// Its name.
        name: String,
        #[command(flatten)]
        lock: LockWait,
    },
}

/// How all databases are had as they are at one moment.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Way {
    /// While the system runs; writes wait for a moment [default]
    #[arg(long)]
    live: bool,
    /// Stop the system for it, and start it again afterwards
    #[arg(long)]
    pub(super) stop: bool,
}

/// How long another run is waited for.
#[derive(Debug, Args)]
struct LockWait {
    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Snapshot {
    /// Does what is asked, under the lease where it changes something.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        match self.what {
            What::List => list(context, &stage).await,
            What::Create { name, way, lock } => create(context, &stage, name, &way, lock.lock_wait).await,
            What::Restore { name, lock } => restore(context, &stage, &name, lock.lock_wait).await,
            What::Delete { name, lock } => delete(context, &stage, &name, lock.lock_wait).await,
        }
    }
}

async fn create(context: &Context, stage: &Stage, name: Option<String>, way: &Way, patience: Duration) -> Result<Exit> {
    let name = name.unwrap_or_else(|| jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string());
    check(&name)?;
    refuse_attached(context, stage, "snapshot").await?;
    let reporter = context.ui.reporter();
    let lock = stage.lock(context, &reporter, patience).await?;
    let taken = async {
        if find(stage, &name).await.is_ok() {
            return Err(anyhow!("there is a snapshot {name} already"))
                .hint(format!("name another, or delete it: `distctl snapshot delete {name}`"));
        }
        take(context, stage, &format!("{PREFIX}{name}"), way.stop).await
    };
    let taken = taken.await;
    let released = lock.release().await;
    let cut = taken?;
    released?;
    context.ui.data(&cut, || format!("{name}: {} containers, {}", cut.containers.len(), cut.how))?;
    Ok(Exit::Ok)
}

/// Takes a cut in the way that was asked for. The caller has the lease.
pub(super) async fn take(context: &Context, stage: &Stage, snapshot: &str, stop: bool) -> Result<Cut> {
    if !stop {
        let cut = cut::live(&stage.guests, &stage.desired, snapshot).await;
        return cut.hint("`distctl status` tells how the system is; `--stop` needs no primary, but stops the system");
    }
    let reporter = context.ui.reporter();
    let plan = plan::stop(&stage.desired, &stage.observe().await?);
    let outcome = stage.apply(context, &plan, &reporter).await;
    let taken = match line::check(&plan, outcome) {
        Ok(()) => cut::stopped(&stage.guests, &stage.desired, snapshot).await,
        Err(error) => Err(error),
    };
    // Whatever happened, it runs again.
    let started = start(context, stage).await.hint("`distctl up` starts the system again");
    let cut = taken?;
    started?;
    Ok(cut)
}

/// Refuses where data of the system lies on a disk that no snapshot of a container has; tells of such disks elsewhere.
pub(super) async fn refuse_attached(context: &Context, stage: &Stage, what: &str) -> Result<()> {
    let disks = cut::attached_disks(&stage.guests, &stage.desired).await?;
    let (data, others): (Vec<_>, Vec<_>) = disks.into_iter().partition(|disk| disk.holds_data);
    let [first, rest @ ..] = data.as_slice() else {
        for disk in others {
            context.ui.note(format!("not in the {what}: {disk} of container {}", disk.container));
        }
        return Ok(());
    };
    let mut text = format!("container {} has data on {first}, which no {what} has", first.container);
    rest.iter().for_each(|disk| text.push_str(&format!("\nand container {} on {disk}", disk.container)));
    Err(anyhow!("{text}; nothing was changed")).hint(format!(
        "take what the databases hold: `distctl export FILE --kind data`; for a {what}, move the data of {} to the \
         container's own disk and detach the device",
        first.path
    ))
}

async fn start(context: &Context, stage: &Stage) -> Result<()> {
    let plan = diff(&stage.desired, &stage.observe().await?, &Options::default());
    line::refuse(&plan)?;
    stage.settle(context, plan, |observed| diff(&stage.desired, observed, &Options::default())).await?;
    stage.lead_again(stage.desired.replica_sets.values()).await
}

async fn restore(context: &Context, stage: &Stage, name: &str, patience: Duration) -> Result<Exit> {
    let kept = find(stage, name).await?;
    refuse_attached(context, stage, "snapshot").await?;
    if !kept.missing.is_empty() {
        return Err(anyhow!(
            "the snapshot {name} is not whole: {} have none; nothing was changed",
            kept.missing.join(", ")
        ))
        .hint("a container that was made since is not in it: remove it from the topology to go back before it");
    }
    refuse_unlike(context, stage, &kept).await?;
    context.ui.note(format!(
        "This will be lost for good:\n  all that happened in {} since {}",
        kept.containers.join(", "),
        kept.created
    ));
    if !context.ui.ask_name(&stage.desired.name).await? {
        context.ui.note("nothing was changed");
        return Ok(Exit::Ok);
    }
    let reporter = context.ui.reporter();
    let lock = stage.lock(context, &reporter, patience).await?;
    let restored = async {
        cut::restore(&stage.guests, &kept).await?;
        // Where data lies is now what it was then.
        start(context, &Stage::prepare(context).await?).await
    };
    let restored = restored.await.hint(format!("mend the cause, then run `distctl snapshot restore {name}` again"));
    let released = lock.release().await;
    restored?;
    released?;
    context.ui.note(format!("{} is what it was at {}", stage.desired.name, kept.created));
    Ok(Exit::Ok)
}

/// Refuses, before anything is lost, what `up` would refuse afterwards: the file may have changed since the snapshot.
async fn refuse_unlike(context: &Context, stage: &Stage, kept: &Kept) -> Result<()> {
    let mut then = BTreeMap::new();
    for container in &kept.containers {
        let all = stage.guests.client.snapshots(container).await?;
        let snapshot = all.into_iter().find(|one| one.name == format!("{PREFIX}{}", kept.name));
        then.insert(container.clone(), snapshot.and_then(|mut one| one.config.remove(DATA_KEY)));
    }
    let know = |places: &mut Places| then.iter().for_each(|(name, data)| places.insert(name, data.as_deref()));
    let back = Stage::prepare_in(context, |_| {}, know).await?;
    let mut observed = back.observe().await?;
    for (name, data) in then {
        let Some(Part::Present(container)) = observed.containers.get_mut(&name) else { continue };
        (container.status, container.guest) = (Status::Stopped, Part::Absent);
        container.config.remove(DATA_KEY);
        container.config.extend(data.map(|data| (DATA_KEY.to_owned(), data)));
    }
    line::refuse(&diff(&back.desired, &observed, &Options::default()))
        .hint("the file is another than when the snapshot was taken: put it back as it was, then restore")
}

async fn delete(context: &Context, stage: &Stage, name: &str, patience: Duration) -> Result<Exit> {
    let kept = find(stage, name).await?;
    let reporter = context.ui.reporter();
    let lock = stage.lock(context, &reporter, patience).await?;
    let removed = cut::remove(&stage.guests, &kept).await;
    let released = lock.release().await;
    removed?;
    released?;
    context.ui.note(format!("the snapshot {name} is deleted"));
    Ok(Exit::Ok)
}

async fn list(context: &Context, stage: &Stage) -> Result<Exit> {
    let all = cut::kept(&stage.guests, &stage.desired).await?;
    context.ui.data(&all, || {
        if all.is_empty() {
            return format!("{} has no snapshots", stage.desired.name);
        }
        let mut table = context.ui.table(&["SNAPSHOT", "TAKEN", "CONTAINERS", "MISSING IN"]);
        for cut in &all {
            let count = cut.containers.len().to_string();
            let missing = cut.missing.join(", ");
            table.toned_row([(cut.name.clone(), None), (cut.created.clone(), None), (count, None), (missing, None)]);
        }
        table.to_string()
    })?;
    Ok(Exit::Ok)
}

async fn find(stage: &Stage, name: &str) -> Result<Kept> {
    let all = cut::kept(&stage.guests, &stage.desired).await.context("the snapshots could not be listed")?;
    let names: Vec<String> = all.iter().map(|cut| cut.name.clone()).collect();
    all.into_iter().find(|cut| cut.name == name).ok_or_else(|| anyhow!("there is no snapshot {name}")).hint(match names
        .is_empty()
    {
        true => "make one with `distctl snapshot create`".to_owned(),
        false => format!("there are {}", names.join(", ")),
    })
}

/// Whether it can be a part of names in Incus and in guests.
fn check(name: &str) -> Result<()> {
    let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if is_plain && !name.is_empty() && name.len() <= 40 && !name.starts_with('-') && !name.starts_with("export-") {
        return Ok(());
    }
    Err(anyhow!("`{name}` can't be the name of a snapshot"))
        .hint("write at most 40 letters, digits and hyphens; `export-` is for those of exports")
}
