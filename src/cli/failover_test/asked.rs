//! What was asked, filled in: from the command line, else from the topology's `checks`, else what is usual.

use std::time::Duration;

use anyhow::{Result, anyhow};
use protocol::{AppTarget, FaultKind, WorkloadKind};

use super::{FailoverTest, What};
use crate::desired::{Desired, ReplicaSet};
use crate::drill::folder::Folder;
use crate::drill::run::Objectives;
use crate::drill::schedule::Wish;
use crate::drill::workload::Load;
use crate::topology::{Failover, Workload};
use crate::ui::Advise;

/// What is broken where nobody says what.
const FAULTS: [FaultKind; 3] = [FaultKind::Stop, FaultKind::Kill, FaultKind::Partition];

/// How many clients write where nobody says how many: enough for 2,000 writes of `w: majority` a second on two processors
/// (64 made 1,900, 128 made 2,400).
const CLIENTS: u32 = 128;

/// How many clients make products: web-server is for people, not for floods.
const APP_CLIENTS: u32 = 16;

/// How long a fault lasts where nobody says how long.
const HOLD: Duration = Duration::from_secs(3);

/// One run that is to come.
pub(super) struct Wanted<'s> {
    pub set: &'s ReplicaSet,
    /// What tells it apart from others of the same set: `w:1`.
    pub label: Option<String>,
    pub load: Load,
    pub folder: Folder,
}

impl FailoverTest {
    /// Takes from the topology what the command line does not say.
    pub(super) fn fill_in(&mut self, checks: Option<&Failover>) -> Result<()> {
        let asked = self.asked.objectives();
        let Some(checks) = checks else {
            self.objectives = asked;
            return Ok(());
        };
        self.objectives = Objectives::of(checks).overridden(asked);
        if self.fault.is_empty() {
            let named = checks.faults.iter().map(|fault| fault.value.parse::<FaultKind>().map_err(|why| anyhow!(why)));
            self.fault = named.collect::<Result<_>>()?;
        }
        self.rounds = self.rounds.or(checks.rounds.map(|rounds| rounds.value));
        self.hold = self.hold.or(checks.hold.map(|hold| hold.get()));
        self.workload = self.workload.or(checks.workload.map(|workload| workload.value.into()));
        self.clients = self.clients.or(checks.clients.map(|clients| clients.value));
        self.rate = self.rate.or(checks.rate.and_then(|rate| u32::try_from(rate.value.0).ok()));
        self.write_concern = self.write_concern.take().or(checks.write_concern.as_ref().map(|one| one.value.clone()));
        Ok(())
    }

    /// The sets that are meant; fails where a set, a target or a container is not there.
    pub(super) fn sets<'d>(&self, desired: &'d Desired) -> Result<Vec<&'d ReplicaSet>> {
        let known = || desired.replica_sets.keys().cloned().collect::<Vec<_>>().join(", ");
        if desired.replica_sets.is_empty() {
            return Err(anyhow!("{} has no replica set to test", desired.name))
                .hint("declare one under `mongodb.replica_sets`");
        }
        if let Some(stranger) = self.sets.iter().find(|name| !desired.replica_sets.contains_key(*name)) {
            return Err(anyhow!("{} has no replica set {stranger}", desired.name)).hint(format!("it has {}", known()));
        }
        let wanted = |set: &&ReplicaSet| self.sets.is_empty() || self.sets.contains(&set.name);
        let sets: Vec<&ReplicaSet> = desired.replica_sets.values().filter(wanted).collect();
        for (set, target) in sets.iter().flat_map(|set| self.target.iter().map(move |target| (set, target))) {
            target.check(set).map_err(|why| anyhow!(why))?;
        }
        if let Some(from) = self.from.as_ref().filter(|from| !desired.containers.contains_key(*from)) {
            let known = desired.containers.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(anyhow!("{} has no container {from} for the clients to run in", desired.name))
                .hint(format!("it has {known}"));
        }
        Ok(sets)
    }

    /// What the schedule is drawn from.
    pub(super) fn wish(&self, seed: u64) -> Wish {
        let mut faults = if self.fault.is_empty() { FAULTS.to_vec() } else { self.fault.clone() };
        faults.sort_unstable();
        faults.dedup();
        let each = u32::try_from(faults.len()).unwrap_or(u32::MAX);
        let (rounds, hold) = (self.rounds.unwrap_or(each), self.hold.unwrap_or(HOLD));
        Wish { faults, targets: self.target.clone(), rounds, hold, seed }
    }

    /// One run for each set, or for each set and each write concern that is compared.
    pub(super) fn wanted<'s>(&self, sets: &[&'s ReplicaSet], parent: &Folder) -> Vec<Wanted<'s>> {
        let usual = self.write_concern.clone().unwrap_or_else(|| "majority".to_owned());
        let concerns = if self.compare.is_empty() { vec![usual] } else { self.compare.clone() };
        let is_single = sets.len() * concerns.len() == 1;
        let mut wanted = Vec::new();
        for (set, concern) in sets.iter().flat_map(|set| concerns.iter().map(move |concern| (*set, concern))) {
            let label = match (self.compare.is_empty(), sets.len()) {
                (true, 1) => None,
                (true, _) => Some(set.name.clone()),
                (false, 1) => Some(format!("w:{concern}")),
                (false, _) => Some(format!("{} w:{concern}", set.name)),
            };
            let folder = label.as_ref().filter(|_| !is_single).map(|label| label.replace([':', ' '], "-"));
            let folder = folder.map_or_else(|| parent.clone(), |name| Folder::at(parent.path().join(name)));
            wanted.push(Wanted { set, label, load: self.load(concern), folder });
        }
        wanted
    }

    fn load(&self, write_concern: &str) -> Load {
        let kind = WorkloadKind::from(self.workload.unwrap_or(What::Mixed));
        let usual = if kind == WorkloadKind::App { APP_CLIENTS } else { CLIENTS };
        Load {
            kind,
            write_concern: write_concern.to_owned(),
            read_concern: self.read_concern.clone(),
            read_preference: self.read_preference.clone(),
            retry_writes: self.retry_writes,
            clients: self.clients.unwrap_or(usual),
            rate: self.rate.unwrap_or(0),
            record: true,
        }
    }

    /// The product platform and the container that keeps its administrator's password, where that is driven: the workload
    /// runs there.
    pub(super) fn app(&self, desired: &Desired) -> Result<Option<(AppTarget, String)>> {
        if self.workload != Some(What::App) {
            return Ok(None);
        }
        let routers = desired.fragmented.values().flat_map(|fragmented| &fragmented.routers);
        let target = routers.filter_map(|router| {
            let login = router.login.as_ref()?;
            let target = AppTarget { host: router.host.clone()?, credential: login.credential.clone() };
            Some((target, login.container.clone()))
        });
        let Some((target, container)) = target.into_iter().next() else {
            let cause = "the workload `app` drives the product platform";
            return Err(anyhow!(
                "{cause}, and {} has no service that routes by a `fragmentation`, has a healthcheck, and depends on one \
                 whose `init` makes a user",
                desired.name
            ))
            .hint("take another workload: inserts, register or mixed");
        };
        match &self.from {
            Some(from) if *from != container => {
                Err(anyhow!("the workload `app` runs in {container}, where the password is kept, and not in {from}"))
                    .hint("leave --from out")
            }
            _ => Ok(Some((target, container))),
        }
    }
}

impl From<Workload> for What {
    fn from(workload: Workload) -> Self {
        match workload {
            Workload::Inserts => Self::Inserts,
            Workload::Register => Self::Register,
            Workload::Mixed => Self::Mixed,
            Workload::App => Self::App,
        }
    }
}
