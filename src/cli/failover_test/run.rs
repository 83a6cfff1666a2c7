//! From what was asked to runs: their schedules, their folders, and what they come to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use protocol::AppTarget;
use rand::Rng;

use super::FailoverTest;
use super::asked::Wanted;
use crate::cli::Context;
use crate::cli::judge::{Judging, judge};
use crate::cli::line::Stage;
use crate::desired::{Mongod, ReplicaSet};
use crate::drill::faults;
use crate::drill::folder::Folder;
use crate::drill::run::{FORMAT, Planned, Run};
use crate::drill::runner::Drill;
use crate::drill::schedule::draw;
use crate::drill::workload::place;
use crate::observed::Observed;
use crate::plan::{Action, Options, Plan, Step, diff};
use crate::ui::{Advise, Exit};

/// How long services may take to hear that their databases are back.
const SETTLING: Duration = Duration::from_secs(20);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How many of a set's letters are in the name of a run, which names units and keys.
const NAME_LENGTH: usize = 24;

/// How long a system may take until each set is led by the member that the topology prefers: `up` may just have ended.
const LEADING: Duration = Duration::from_secs(60);

/// The folder that holds the reports where nobody names another.
const REPORTS: &str = "failover-reports";

/// What all runs of a test share.
struct Test<'t> {
    context: &'t Context,
    stage: &'t Stage,
    schedule: Vec<Planned>,
    seed: u64,
    /// The product platform, and where it is driven from.
    app: Option<(AppTarget, String)>,
}

impl FailoverTest {
    /// Runs the tests that were asked for, and judges them.
    ///
    /// 1 means that a test failed, so what could not even begin ends otherwise: with 2 where the command line is wrong,
    /// with 3 where the system can't be tested.
    pub async fn run(mut self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        self.fill_in(context.topology()?.checks.failover.as_deref())?;
        let sets = match self.sets(&stage.desired) {
            Ok(sets) => sets,
            Err(error) => return Ok(shown_as(context, &error, Exit::Pending)),
        };
        let parent = self.folder(&sets);
        let wanted = self.wanted(&sets, &parent);
        let seed = self.seed.unwrap_or_else(|| rand::rng().random_range(1..1_000_000));
        let prepared = async {
            refuse_existing(&parent)?;
            let app = self.app(&stage.desired)?;
            let test = Test { context, stage: &stage, schedule: draw(&self.wish(seed)), seed, app };
            self.refuse_unless_healthy(&stage, &sets).await?;
            for one in &wanted {
                self.drill(&test, one, String::new()).check().await?;
            }
            Ok::<_, anyhow::Error>(test)
        };
        let test = match prepared.await {
            Ok(test) => test,
            Err(error) => return Ok(shown_as(context, &error, Exit::Degraded)),
        };
        let question = format!("Break {} {} times on purpose?", names(&sets), wanted.len() * test.schedule.len());
        if !context.ui.confirm(&question).await? {
            context.ui.note("nothing was broken");
            return Ok(Exit::Ok);
        }
        self.carry_out(&test, &wanted, &parent).await
    }

    async fn carry_out(&self, test: &Test<'_>, wanted: &[Wanted<'_>], parent: &Folder) -> Result<Exit> {
        let Test { context, stage, seed, .. } = test;
        let reporter = context.ui.reporter();
        let lock = match stage.lock(context, &reporter, self.lock_wait).await {
            Ok(lock) => lock,
            Err(error) => return Ok(shown_as(context, &error, Exit::Degraded)),
        };
        if let Err(error) = self.make_ready(test, wanted).await {
            lock.release().await?;
            return Ok(shown_as(context, &error, Exit::Degraded));
        }
        context.ui.note(format!("history, logs and reports go to {}", parent.path().display()));
        context.ui.note(format!("`--seed {seed}` repeats this schedule"));
        for one in wanted {
            if context.stop().is_cancelled() {
                break;
            }
            // What went wrong is in the history, or is missing there: that decides.
            if let Err(error) = self.one(test, one).await {
                context.ui.failure(&error);
                break;
            }
        }
        lock.release().await?;
        let judging = Judging { ci: self.ci, write: true, ..Judging::default() };
        let judged = judge(context, parent, &judging)?;
        self.settled(stage).await?;
        Ok(if context.stop().is_cancelled() { Exit::Interrupted } else { judged })
    }

    /// Has git pass over the reports, and removes what a killed run had begun to write down: it broke nothing yet, and would
    /// stay for ever.
    async fn make_ready(&self, test: &Test<'_>, wanted: &[Wanted<'_>]) -> Result<()> {
        if self.report.is_none() {
            Folder::at(REPORTS).begin_ignored()?;
        }
        let members = wanted.iter().flat_map(|one| &one.set.members).map(|member| &member.container);
        let containers: BTreeSet<&String> = members.collect();
        for left in faults::clear(&test.stage.guests, containers.into_iter()).await? {
            test.context.ui.note(format!("removed in {}: {}", left.container, left.what));
        }
        Ok(())
    }

    async fn one(&self, test: &Test<'_>, wanted: &Wanted<'_>) -> Result<()> {
        let name = format!("{}-{}", plain(&wanted.set.name), jiff::Zoned::now().strftime("%Y%m%d-%H%M%S"));
        let drill = self.drill(test, wanted, name.clone());
        wanted.folder.begin(&Run {
            format: FORMAT,
            distctl: env!("CARGO_PKG_VERSION").to_owned(),
            name,
            topology: test.stage.desired.name.clone(),
            object: wanted.set.name.clone(),
            label: wanted.label.clone(),
            options: std::env::args().skip(1).collect(),
            seed: test.seed,
            schedule: test.schedule.clone(),
            objectives: self.objectives,
        })?;
        let label = wanted.label.as_ref().map(|label| format!(" under {label}")).unwrap_or_default();
        let (clients, container) = (wanted.load.clients, &drill.container);
        test.context.ui.note(format!("{}{label}: {clients} clients in {container} write", wanted.set.name));
        drill.run().await
    }

    fn drill<'d>(&self, test: &'d Test<'_>, wanted: &'d Wanted<'_>, run: String) -> Drill<'d> {
        let stage = test.stage;
        let (app, place) = match &test.app {
            Some((app, container)) => (Some(app.clone()), container.clone()),
            None => (None, self.from.clone().unwrap_or_else(|| place(&stage.desired, wanted.set))),
        };
        Drill {
            guests: &stage.guests,
            desired: &stage.desired,
            set: wanted.set,
            load: &wanted.load,
            app,
            schedule: &test.schedule,
            seed: test.seed,
            run,
            container: place,
            grace: self.grace,
            folder: &wanted.folder,
            stop: test.context.stop(),
            reporter: test.context.ui.reporter(),
        }
    }

    async fn refuse_unless_healthy(&self, stage: &Stage, sets: &[&ReplicaSet]) -> Result<()> {
        let noted = faults::left(&stage.guests, &stage.desired).await?;
        if !noted.is_empty() {
            return Err(anyhow!("faults of an earlier test are left in {}", noted.join(", ")))
                .hint("undo them first: `distctl heal`");
        }
        let deadline = Instant::now() + LEADING;
        loop {
            let observed = stage.observe().await?;
            let plan = diff(&stage.desired, &observed, &Options::default());
            let unled: Vec<String> = sets.iter().filter_map(|set| unled(set, &observed)).collect();
            if self.force || (plan.is_clean() && unled.is_empty()) {
                return Ok(());
            }
            // What `up` would only wait for comes by itself, as an election does.
            let is_wait = |step: &Step| {
                matches!(
                    step.action,
                    Action::WaitMongod(_) | Action::WaitReplicaSet { .. } | Action::WaitService { .. }
                )
            };
            let is_coming = !unled.is_empty() || !plan.steps.is_empty();
            let waits = plan.refusals.is_empty() && is_coming && plan.steps.iter().all(is_wait);
            if !waits || Instant::now() > deadline {
                return Err(not_ready(&stage.desired.name, &plan, unled))
                    .hint("bring it up first: `distctl up`; or begin all the same with --force");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fails unless the system is again as declared. A service may need a moment to hear that its database is back.
    async fn settled(&self, stage: &Stage) -> Result<()> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let plan = diff(&stage.desired, &stage.observe().await?, &Options::default());
            if plan.is_clean() || self.force {
                return Ok(());
            }
            if Instant::now() > deadline {
                let error = anyhow!("{} is not as declared after the test:\n{plan}", stage.desired.name);
                return Err(error).hint("mend it with `distctl up`; what was found stands in the report");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The folder of a single run, or that of several.
    fn folder(&self, sets: &[&ReplicaSet]) -> Folder {
        let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
        let named = || PathBuf::from(format!("{REPORTS}/{}-{time}", names(sets).replace(" and ", "-")));
        Folder::at(self.report.clone().unwrap_or_else(named))
    }
}

/// Why a set is not led as it should be, if it isn't.
fn unled(set: &ReplicaSet, observed: &Observed) -> Option<String> {
    let leads = |member: &&Mongod| {
        let seen = observed.guest(&member.container).and_then(|guest| guest.mongods.get(&member.port));
        matches!(seen, Some(Ok(mongod)) if mongod.writable)
    };
    match (set.members.iter().find(leads), set.favourite()) {
        (None, _) => Some(format!("{} has no primary", set.name)),
        (Some(leader), Some(preferred)) if leader.host != preferred.host => {
            let (name, leader, preferred) = (&set.name, &leader.host, &preferred.host);
            Some(format!("{name} is led by {leader}, and not yet by {preferred}, which the topology prefers"))
        }
        _ => None,
    }
}

fn not_ready(name: &str, plan: &Plan, unled: Vec<String>) -> anyhow::Error {
    let findings = plan.refusals.iter().chain(&plan.findings).map(ToString::to_string);
    let steps = (!plan.steps.is_empty()).then(|| format!("{} steps are to do", plan.steps.len()));
    let why: Vec<String> = findings.chain(steps).chain(unled).collect();
    anyhow!("{name} is not as declared, so a test would prove nothing: {}", why.join("; "))
}

/// A history is never written over.
fn refuse_existing(folder: &Folder) -> Result<()> {
    if folder.path().exists() {
        return Err(anyhow!("{} is there already", folder.path().display()))
            .hint("name another folder with --report; a history is never written over");
    }
    Ok(())
}

/// Shows an error that is no verdict.
fn shown_as(context: &Context, error: &anyhow::Error, exit: Exit) -> Exit {
    match context.ui.failure(error) {
        Exit::Failed => exit,
        other => other,
    }
}

fn names(sets: &[&ReplicaSet]) -> String {
    sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>().join(" and ")
}

/// What can stand in the names of units and keys.
fn plain(name: &str) -> String {
    let plain = name.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' });
    plain.take(NAME_LENGTH).collect()
}
