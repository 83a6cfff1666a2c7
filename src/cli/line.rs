//! The straight line that commands share: load, expand, connect, look, plan, carry out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use tokio::sync::OnceCell;

use super::{Context, artifacts};
use crate::bundle::unfinished;
use crate::desired::expand::{AgentFile, expand_in};
use crate::desired::{CONTAINER_KEY, DATA_KEY, Desired, Mongod, OWNER_KEY, Other, Places, ReplicaSet};
use crate::engine::event::Reporter;
use crate::engine::lock::{Lock, UNRESTRICTED, forbidden};
use crate::engine::{self, Given, Hands, Outcome};
use crate::guest::{Agent, Guests, one_line};
use crate::incus::{Client, Target};
use crate::observed::{Import, Observed, collect::collect};
use crate::plan::{Action, Cause, Finding, Plan};
use crate::topology::Topology;
use crate::ui::{Advise, Interrupted};

/// How often `up` looks again before it says that the system does not settle. The longest honest way is four: start
/// what was stopped, bring back what was down, create users, change configurations.
const PASSES: usize = 6;

/// How many calls that look or wait may be under way for each that changes something. The engine bounds the changes
/// itself; the client's bound must leave room for steps that only wait in a guest.
const WAITS_PER_CHANGE: usize = 4;

/// A topology, expanded, with a daemon to make it true.
pub(super) struct Stage {
    pub desired: Desired,
    pub guests: Guests,
    /// Secrets that an import brings along.
    pub given: Given,
    parallel: usize,
    file: PathBuf,
    no_lease: OnceCell<Option<String>>,
}

impl Stage {
    /// Loads the topology and connects.
    pub async fn prepare(context: &Context) -> Result<Self> {
        Self::prepare_with(context, |_| {}).await
    }

    /// The same with a change of the topology.
    pub async fn prepare_with(context: &Context, change: impl FnOnce(&mut Topology)) -> Result<Self> {
        Self::prepare_in(context, change, |_| {}).await
    }

    /// The same with more that is known of where data lies.
    pub async fn prepare_in(
        context: &Context,
        change: impl FnOnce(&mut Topology),
        know: impl FnOnce(&mut Places),
    ) -> Result<Self> {
        let agent = Arc::new(Agent::find()?);
        let mut topology = context.topology()?;
        change(&mut topology);
        let client = connect(context).await?;
        let mut places = places(&client, &topology).await?;
        know(&mut places);
        let desired = expanded(context, topology, &agent, &places).await?;
        Ok(Self {
            desired,
            guests: Guests { client, agent },
            given: Given::default(),
            parallel: context.parallel,
            file: context.file.clone(),
            no_lease: OnceCell::new(),
        })
    }

    /// Looks at what is.
    pub async fn observe(&self) -> Result<Observed> {
        let seen = collect(&self.guests, &self.desired, self.parallel * WAITS_PER_CHANGE).await;
        let begun = unfinished::read(&self.file);
        let import = begun.map(|begun| Import { id: begun.id, resume: begun.resume });
        let no_lease = self.no_lease.get_or_init(|| forbidden(&self.guests.client)).await.clone();
        Ok(Observed { import, no_lease, ..seen.context("the system could not be looked at")? })
    }

    /// Strikes out that an import into the topology's folder was begun, once all of it is there or gone for good.
    pub fn forget_import(&self) -> Result<()> {
        unfinished::forget(&self.file).context("the mark of an import beside the topology can't be removed")
    }

    /// Takes the lease; waits for another holder up to `patience`.
    pub async fn lock(&self, context: &Context, reporter: &Arc<dyn Reporter>, patience: Duration) -> Result<Lock> {
        let stop = context.stop();
        let taken = Lock::take(&self.guests.client, &self.desired.name, patience, reporter, &stop).await;
        match taken {
            Err(_) if stop.is_cancelled() => Err(anyhow::Error::from(Interrupted)).hint("nothing was changed"),
            Err(error)
                if error.downcast_ref::<crate::incus::Error>().is_some_and(crate::incus::Error::is_forbidden) =>
            {
                Err(error.context(format!("no lease of {} could be taken; nothing was changed", self.desired.name)))
                    .hint(UNRESTRICTED)
            }
            taken => taken.hint(
                "wait for the other run, or let this one wait with `--lock-wait 5m`; a run that died loses its lease \
                 by itself",
            ),
        }
    }

    /// Carries a plan out.
    pub async fn apply(&self, context: &Context, plan: &Plan, reporter: &Arc<dyn Reporter>) -> Outcome {
        let hands = Hands::new(self.guests.clone(), plan, Arc::clone(&self.given));
        engine::apply(plan, hands, Arc::clone(reporter), context.stop(), self.parallel).await
    }

    /// Carries out a plan once, under the lease.
    pub async fn carry_out(&self, context: &Context, plan: &Plan, patience: Duration) -> Result<()> {
        let reporter = context.ui.reporter();
        let lock = self.lock(context, &reporter, patience).await?;
        let outcome = self.apply(context, plan, &reporter).await;
        let released = lock.release().await;
        check(plan, outcome)?;
        released
    }

    /// Has sets be led by the member that takes over from any other. After a start it would do so in a moment, and its set be
    /// without a primary just when all is said to be well.
    pub async fn lead_again(&self, sets: impl Iterator<Item = &ReplicaSet>) -> Result<()> {
        let hands = &Hands::new(self.guests.clone(), &Plan::default(), Arc::clone(&self.given));
        let backs = sets.filter_map(|set| {
            let Mongod { container, host, .. } = set.favourite()?.clone();
            Some(Action::HandBack { container, set: set.address(), host })
        });
        try_join_all(backs.map(|back| async move { hands.perform(&back, |_| {}).await })).await.map(drop)
    }

    /// Carries out a plan and what shows afterwards, until nothing is left to do; gives the last plan, which has no
    /// steps.
    pub async fn settle(
        &self,
        context: &Context,
        mut plan: Plan,
        replan: impl Fn(&Observed) -> Plan,
    ) -> Result<(Plan, Observed)> {
        let reporter = context.ui.reporter();
        for _ in 0..PASSES {
            let outcome = self.apply(context, &plan, &reporter).await;
            check(&plan, outcome)?;
            self.lead_again(awaited(&plan).filter_map(|name| self.desired.replica_sets.get(name))).await?;
            let observed = self.observe().await?;
            let next = replan(&observed);
            refuse_after(&next, "what was done before stays, and nothing more was changed")?;
            if next.steps.is_empty() {
                return Ok((next, observed));
            }
            if next == plan {
                break;
            }
            plan = next;
        }
        Err(anyhow::anyhow!("the system does not settle; these steps stay necessary:\n{plan}"))
            .hint("something inside keeps changing what distctl writes: look at `distctl plan -v` and `distctl logs`")
    }
}

/// The sets that a plan waits for since they had no primary.
fn awaited(plan: &Plan) -> impl Iterator<Item = &String> {
    let stood = plan.steps.iter().filter(|step| matches!(step.cause, Cause::State(_)));
    stood.filter_map(|step| match &step.action {
        Action::WaitReplicaSet { set, .. } => Some(&set.name),
        _ => None,
    })
}

/// Loads the topology, fetches what it names by URL, and expands it as if there were nothing yet.
pub(super) async fn desired(context: &Context, agent: &Agent) -> Result<Desired> {
    expanded(context, context.topology()?, agent, &Places::default()).await
}

/// What the topology's containers say of where data lies.
async fn places(client: &Client, topology: &Topology) -> Result<Places> {
    let mut places = Places::default();
    let instances = match client.instances().await {
        Err(error) if error.is_project_missing() => Vec::new(),
        instances => instances.context("the system could not be looked at")?,
    };
    let is_there = |name: &str| instances.iter().any(|one| one.name == name);
    let ours = instances.iter().filter(|one| one.config.get(OWNER_KEY) == Some(&topology.name.value));
    for instance in ours.clone() {
        places.insert(&instance.name, instance.config.get(DATA_KEY).map(String::as_str));
    }
    // One that will get its name from a container that stands under another has the data of that.
    for (name, declared) in topology.containers.iter().filter(|(name, _)| !is_there(name)) {
        let mut others = ours.clone().filter(|one| topology.containers.get(&one.name).is_none());
        let stands = others.find(|one| {
            let made_as = one.config.get(CONTAINER_KEY).map(String::as_str);
            let address = one.devices.values().find_map(|device| device.get("ipv4.address")?.parse().ok());
            Other { name: &one.name, made_as, address }.may_be(name, declared.ipv4.value, is_there)
        });
        if let Some(stands) = stands {
            places.insert(name, stands.config.get(DATA_KEY).map(String::as_str));
        }
    }
    Ok(places)
}

async fn expanded(context: &Context, mut topology: Topology, agent: &Agent, places: &Places) -> Result<Desired> {
    artifacts::fetch(context, &mut topology).await?;
    let file = AgentFile { sha256: agent.sha256().to_string(), size: agent.size() };
    Ok(expand_in(&topology, context.folder(), &file, places)?)
}

/// Connects to the daemon that the user means.
pub(super) async fn connect(context: &Context) -> Result<Client> {
    let target = Target {
        remote: context.remote.clone(),
        project: context.project.clone(),
        parallel: context.parallel * WAITS_PER_CHANGE,
    };
    Ok(Client::connect(&target).await?)
}

/// Turns what keeps a plan from being carried out into an error.
pub(super) fn refuse(plan: &Plan) -> Result<()> {
    refuse_after(plan, "nothing was changed")
}

fn refuse_after(plan: &Plan, so_far: &str) -> Result<()> {
    let Some(first) = plan.refusals.first() else { return Ok(()) };
    let rest: Vec<String> = plan.refusals.iter().skip(1).map(ToString::to_string).collect();
    let mut text = format!("{} {}; {so_far}", first.object, first.message);
    for more in rest {
        text.push_str("\nand ");
        text.push_str(&more);
    }
    Err(anyhow::anyhow!(text)).hint(first.hint.clone())
}

/// Turns failed or unfinished steps into an error that names them.
pub(super) fn check(plan: &Plan, outcome: Outcome) -> Result<()> {
    if outcome.is_complete() {
        return Ok(());
    }
    let left: Vec<String> = outcome.left.iter().map(|index| plan.steps[*index].action.to_string()).collect();
    let unfinished = match left.len() {
        0 => String::new(),
        count => format!("{count} steps were not done: {}", shorten(&left)),
    };
    let mut failed = outcome.failed.into_iter().map(|(_, error)| error);
    let Some(first) = failed.next() else {
        return Err(anyhow::Error::from(Interrupted)).hint(format!("{unfinished}; the same command goes on there"));
    };
    // Shown from the last to the first: the other failures, each with what to do about it, then what is left.
    let mut error = first;
    if !unfinished.is_empty() {
        error = error.hint(format!("{unfinished}; mend the cause and run the same command again"));
    }
    for other in failed.rev() {
        if let Some(advice) = super::advice(&other) {
            error = error.hint(advice);
        }
        error = error.hint(format!("also {}", one_line(other.as_ref())));
    }
    Err(error)
}

fn shorten(steps: &[String]) -> String {
    const SHOWN: usize = 4;
    match steps.len() {
        count if count > SHOWN => format!("{} and {} more", steps[..SHOWN].join("; "), count - SHOWN),
        _ => steps.join("; "),
    }
}

/// One line for each thing that is worth knowing.
pub(super) fn tell(context: &Context, notes: &[Finding]) {
    for note in notes {
        context.ui.note(format!("note: {note}"));
    }
}

/// One line a finding.
pub(super) fn warn(context: &Context, findings: &[Finding]) {
    for finding in findings {
        context.ui.warn(format!("{finding}"));
    }
}
