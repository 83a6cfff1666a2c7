//! A failover test: a workload, faults one after the other, and in the end a look at all that is there.
//!
//! It decides nothing about pass or fail: that is judged from what it wrote down. Whatever happens, what it broke is
//! healed, and what it left is removed.

mod finish;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use protocol::{AppTarget, FaultKind, Phase, Request, SeenState, WaitReplicaSetRequest, WorkloadStatus};
use tokio_util::sync::CancellationToken;

use super::faults::{Fault, Times};
use super::folder::Folder;
use super::journal::Journal;
use super::run::Planned;
use super::schedule::draws_of;
use super::target::Target;
use super::workload::{Load, Workload};
use crate::desired::{Desired, Mongod, ReplicaSet};
use crate::engine::event::{Event, Reporter};
use crate::guest::{self, Guests, one_line};

/// How often what runs is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long a workload writes before the first fault and after the last: what is normal must be in the history too.
const LEAD: Duration = Duration::from_secs(2);

/// How long it writes in peace between two faults, so that what each costs can be told apart.
const CALM: Duration = Duration::from_secs(1);

/// How long a workload may take until its writes are acknowledged.
const WARMING: Duration = Duration::from_secs(30);

/// How long a set may take to be healthy after a fault, in milliseconds.
const RECOVERY_MS: u64 = 90_000;

/// How long the member that should lead may take to lead again.
const TAKEOVER: Duration = Duration::from_secs(30);

/// How much longer than its schedule a workload may run.
const MARGIN: Duration = Duration::from_secs(300);

/// How often a workload that is left to itself is asked whether it lives.
const PULSE: Duration = Duration::from_secs(3);

/// How long one round takes at most besides its hold, for the time that a workload gets.
const ROUND: Duration = Duration::from_secs(60);

/// One run of a failover test on one set.
pub struct Drill<'d> {
    /// How agents are spoken to.
    pub guests: &'d Guests,
    /// The system.
    pub desired: &'d Desired,
    /// The set that is broken.
    pub set: &'d ReplicaSet,
    /// What the clients do.
    pub load: &'d Load,
    /// The product platform, where that is driven.
    pub app: Option<AppTarget>,
    /// The faults.
    pub schedule: &'d [Planned],
    /// What draws within rounds come from.
    pub seed: u64,
    /// The name of the run.
    pub run: String,
    /// The container that the workload runs in.
    pub container: String,
    /// How much longer than it is held a guest keeps a fault, until it undoes it by itself.
    pub grace: Duration,
    /// Where everything is written down.
    pub folder: &'d Folder,
    /// Whether it is to end early.
    pub stop: CancellationToken,
    /// Who is told how it goes.
    pub reporter: Arc<dyn Reporter>,
}

impl Drill<'_> {
    /// Fails if a fault can't be done. Changes nothing.
    pub async fn check(&self) -> Result<()> {
        let mut kinds: Vec<FaultKind> = self.schedule.iter().map(|planned| planned.fault).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let all: Vec<&Mongod> = self.set.members.iter().collect();
        for kind in kinds {
            if kind.is_of_container() && all.iter().any(|member| member.container == self.container) {
                bail!(
                    "the workload in {} would die with the fault {kind}: name a container with --from in which no member \
                     of {} is",
                    self.container,
                    self.set.name
                );
            }
            self.fault(kind, &all, 0, Duration::ZERO).check(self.guests).await?;
        }
        Ok(())
    }

    /// Runs it to its end, or until it is stopped.
    pub async fn run(&self) -> Result<()> {
        let journal = Journal::at(self.folder.history());
        let workload =
            Workload { guests: self.guests, set: self.set, run: self.run.clone(), container: self.container.clone() };
        let since_ms = super::faults::time(self.guests, &self.container).await?.wall_ms;
        let started = workload.start(self.load, self.app.clone(), self.longest()).await;
        let went = match started {
            Ok(()) => self.rounds(&workload, &journal).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &went {
            self.say(format!("the test ends early: {}", one_line(error.as_ref())));
        }
        self.say("reading everything back".to_owned());
        let finished = self.finish(&workload, &journal, since_ms).await;
        went.and(finished)
    }

    fn longest(&self) -> Duration {
        let rounds = self.schedule.iter().map(|planned| Duration::from_millis(planned.hold_ms) + ROUND);
        rounds.sum::<Duration>() + MARGIN
    }

    fn say(&self, text: String) {
        self.reporter.report(Event::Note(text));
    }

    fn fault(&self, kind: FaultKind, members: &[&Mongod], round: u32, hold: Duration) -> Fault {
        let mut draw = draws_of(self.seed, round);
        Fault::plan(self.desired, self.set, kind, members, (&self.run, round), hold + self.grace, &mut draw)
    }

    async fn rounds(&self, workload: &Workload<'_>, journal: &Journal) -> Result<()> {
        self.warm(workload).await?;
        for planned in self.schedule {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            self.round(workload, journal, planned).await?;
            self.pause(workload, CALM).await?;
        }
        self.pause(workload, LEAD.saturating_sub(CALM)).await
    }

    async fn warm(&self, workload: &Workload<'_>) -> Result<()> {
        let deadline = Instant::now() + WARMING;
        while self.alive(workload).await?.ok < u64::from(2 * self.load.clients) {
            if Instant::now() > deadline {
                bail!("no {} writes were acknowledged within {} s", 2 * self.load.clients, WARMING.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
        self.pause(workload, LEAD).await
    }

    /// Lets the workload go on for some time. One that dies meanwhile is waited for no longer.
    async fn pause(&self, workload: &Workload<'_>, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            tokio::select! {
                () = tokio::time::sleep(left.min(PULSE)) => {}
                () = self.stop.cancelled() => {}
            }
            self.alive(workload).await?;
            if left <= PULSE || self.stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    async fn alive(&self, workload: &Workload<'_>) -> Result<WorkloadStatus> {
        let status = workload.status().await.context("the workload can't be asked")?;
        match &status.error {
            Some(error) => Err(anyhow!("the workload in {} has ended: {error}", self.container)),
            None if !status.running => Err(anyhow!("the workload in {} has ended by itself", self.container)),
            None => Ok(status),
        }
    }

    async fn round(&self, workload: &Workload<'_>, journal: &Journal, planned: &Planned) -> Result<()> {
        let Planned { round, fault: kind, .. } = *planned;
        let hold = Duration::from_millis(planned.hold_ms);
        let primary = self.leader(workload).await?;
        let target = planned.target.parse::<Target>().unwrap_or(Target::Primary);
        let members = target.resolve(self.set, &primary, &mut draws_of(self.seed, round));
        let fault = self.fault(kind, &members, round, hold);
        let hit = fault.targets().join(", ");
        self.say(format!("{} of {}: {kind} of {hit} ({target})", round + 1, self.schedule.len()));
        let begun = Instant::now();
        match fault.inject(self.guests, &self.container).await {
            Ok(Times { begun, done, note }) => {
                journal.fault(round, &fault, Phase::Injecting, begun, note.clone())?;
                journal.fault(round, &fault, Phase::Injected, done, note)?;
            }
            Err(error) => return self.not_injected(journal, round, &fault, error).await,
        }
        let held = self.pause(workload, hold).await;
        let healed = fault.heal(self.guests, &self.container).await;
        let Times { begun: healing, done, .. } = match healed {
            Ok(times) => times,
            Err(error) => {
                self.record_failure(journal, round, &fault, &error).await?;
                return Err(error.context(format!("the fault {kind} of {hit} can't be undone")));
            }
        };
        journal.fault(round, &fault, Phase::Healing, healing, None)?;
        journal.fault(round, &fault, Phase::Healed, done, None)?;
        held?;
        match self.recover(workload, done.us).await {
            Ok(when) => journal.fault(round, &fault, Phase::Healthy, when, None)?,
            Err(error) => {
                self.record_failure(journal, round, &fault, &error).await?;
                return Err(error.context(format!("{} does not get over the fault {kind} of {hit}", self.set.name)));
            }
        }
        self.say(format!("   healthy again, {:.1} s after it began", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Waits for a primary, for as long as for a set that heals: on a busy machine there may be none for a moment, and no
    /// fault is to blame for that.
    async fn leader(&self, workload: &Workload<'_>) -> Result<String> {
        let deadline = Instant::now() + Duration::from_millis(RECOVERY_MS);
        loop {
            if let Some(primary) = primary_of(&self.alive(workload).await?) {
                return Ok(primary);
            }
            if Instant::now() > deadline || self.stop.is_cancelled() {
                bail!("no member of {} was primary within {} s", self.set.name, RECOVERY_MS / 1_000);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Undoes what may have been injected of a fault.
    async fn not_injected(&self, journal: &Journal, round: u32, fault: &Fault, error: anyhow::Error) -> Result<()> {
        self.record_failure(journal, round, fault, &error).await?;
        fault.heal(self.guests, &self.container).await.context("and what was done of it can't be undone")?;
        Err(error.context(format!("the fault {} of {} can't be injected", fault.kind, fault.targets().join(", "))))
    }

    async fn record_failure(&self, journal: &Journal, round: u32, fault: &Fault, error: &anyhow::Error) -> Result<()> {
        let when = super::faults::time(self.guests, &self.container).await.unwrap_or_default();
        journal.fault(round, fault, Phase::Failed, when, Some(one_line(error.as_ref())))
    }

    /// Waits until all members serve, the member leads that should, and it takes writes; says when that was.
    async fn recover(&self, workload: &Workload<'_>, healed_us: u64) -> Result<protocol::When> {
        self.wait_for_set().await?;
        let deadline = Instant::now() + TAKEOVER;
        let mut leads_since = None;
        loop {
            let status = self.alive(workload).await?;
            let leads = primary_of(&status).is_some_and(|primary| self.should_lead(&primary));
            // Writes that another acknowledged before say nothing of this one.
            leads_since = leads.then(|| leads_since.unwrap_or(status.now_us));
            let writes_since = |us: u64| status.last_ok_us > us;
            if leads_since.is_some_and(writes_since) || self.stop.is_cancelled() {
                break;
            }
            if Instant::now() > deadline {
                match writes_since(healed_us) {
                    true => break,
                    false => bail!("no write was acknowledged within {} s", TAKEOVER.as_secs()),
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        super::faults::time(self.guests, &self.container).await
    }

    async fn wait_for_set(&self) -> Result<()> {
        let hosts: Vec<String> = self.set.members.iter().map(|member| member.host.clone()).collect();
        let (set, members, timeout_ms) = (self.set.address(), hosts, RECOVERY_MS);
        // It must not take longer than that, however well a member gets on.
        let request = WaitReplicaSetRequest { set, members, keyfile: None, timeout_ms };
        let request = Request::WaitReplicaSet(request);
        let first = self.set.members.first().context("the set has no members")?;
        guest::call(self.guests, &first.container, &request, |_| {}).await?;
        Ok(())
    }

    /// Whether nobody has a higher priority.
    fn should_lead(&self, host: &str) -> bool {
        let priority = |host: &str| {
            let member = self.set.config.members.iter().find(|member| member.host == host);
            member.map_or(0.0, |member| member.priority)
        };
        let highest = self.set.config.members.iter().map(|member| member.priority).fold(0.0, f64::max);
        priority(host) >= highest
    }
}

fn primary_of(status: &WorkloadStatus) -> Option<String> {
    let mut primaries = status.members.iter().filter(|(_, state)| **state == SeenState::Primary);
    primaries.next().map(|(host, _)| host.clone())
}
