//! Holding the writes of a whole system back, guest by guest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::future::{join_all, try_join_all};
use protocol::{Held, HeldMongod, HoldRequest, LetGo, LetGoRequest, Reply, Request};

use crate::desired::{Access, Desired, Mongod};
use crate::guest::{self, Guests};

/// After which a guest lets go by itself. Longer than all snapshots take where they are cheap, and short enough for
/// clients that wait.
const TTL: Duration = Duration::from_secs(10);

/// What is to be held, by container.
pub(super) struct Hold<'h> {
    guests: &'h Guests,
    id: String,
    ttl: Duration,
    parts: BTreeMap<String, HoldRequest>,
    /// Sets and single mongods that must be held, each by one of these hosts.
    owners: Vec<(String, Vec<String>)>,
}

/// Who is held, and by what clock each guest was asked.
pub(super) struct Holding(BTreeMap<String, Held>);

impl<'h> Hold<'h> {
    /// Decides who is to be held of a system, in those containers that run.
    pub fn of(guests: &'h Guests, desired: &Desired, id: &str, running: &BTreeSet<String>) -> Self {
        let mut hold = Self::sets(guests, desired, id, running);
        hold.add_singles(desired, running);
        hold
    }

    /// The same for replica sets alone.
    pub fn sets(guests: &'h Guests, desired: &Desired, id: &str, running: &BTreeSet<String>) -> Self {
        let mut hold = Self::nobody(guests, id, TTL);
        for set in desired.replica_sets.values() {
            hold.add(format!("replica set {}", set.name), &set.members, Some(&set.name), set.access.as_ref(), running);
        }
        hold
    }

    /// The same for mongods that are in no set alone, which may be held for as long as this.
    pub fn singles(guests: &'h Guests, desired: &Desired, id: &str, running: &BTreeSet<String>, ttl: Duration) -> Self {
        let mut hold = Self::nobody(guests, id, ttl);
        hold.add_singles(desired, running);
        hold
    }

    fn nobody(guests: &'h Guests, id: &str, ttl: Duration) -> Self {
        Self { guests, id: id.to_owned(), ttl, parts: BTreeMap::new(), owners: Vec::new() }
    }

    fn add_singles(&mut self, desired: &Desired, running: &BTreeSet<String>) {
        for single in desired.standalones.values() {
            let mongods = std::slice::from_ref(&single.mongod);
            self.add(format!("mongod {}", single.name), mongods, None, single.access.as_ref(), running);
        }
    }

    fn add(
        &mut self,
        owner: String,
        mongods: &[Mongod],
        set: Option<&String>,
        access: Option<&Access>,
        running: &BTreeSet<String>,
    ) {
        let runs: Vec<&Mongod> = mongods.iter().filter(|mongod| running.contains(&mongod.container)).collect();
        if runs.is_empty() {
            return;
        }
        for mongod in &runs {
            let part = self.parts.entry(mongod.container.clone()).or_insert_with(|| HoldRequest {
                id: self.id.clone(),
                mongods: Vec::new(),
                ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            });
            part.mongods.push(HeldMongod {
                host: mongod.host.clone(),
                set: set.cloned(),
                credential: access.map(|access| access.admin.clone()),
            });
        }
        self.owners.push((owner, runs.into_iter().map(|mongod| mongod.host.clone()).collect()));
    }

    /// The containers in which something may be held.
    pub fn containers(&self) -> impl Iterator<Item = &String> {
        self.parts.keys()
    }

    /// Has everything that is in memory written to disk, so that holding back is short.
    pub async fn flush(&self) -> Result<()> {
        let asked = self.parts.iter().map(|(container, part)| self.ask(container, Request::Flush(part.clone())));
        try_join_all(asked).await.map(drop)
    }

    /// Holds back; where one of them can't, all are let go.
    pub async fn begin(&self) -> Result<Holding> {
        let asked = join_all(self.parts.iter().map(|(container, part)| async move {
            match self.ask(container, Request::Hold(part.clone())).await? {
                Reply::Held(held) => Ok((container.clone(), held)),
                other => Err(unexpected(container, &other)),
            }
        }));
        let begun: Result<BTreeMap<String, Held>> = asked.await.into_iter().collect();
        match begun.map(Holding).and_then(|holding| self.is_whole(&holding).map(|()| holding)) {
            Ok(holding) => Ok(holding),
            Err(error) => {
                let _ = self.release().await;
                Err(error)
            }
        }
    }

    /// Lets go, and tells the longest that anybody was held, in milliseconds. An error where somebody was not held to
    /// the end.
    pub async fn end(&self, holding: &Holding) -> Result<u64> {
        let mut longest = 0;
        for (container, let_go) in self.release().await? {
            let Some(held) = holding.0.get(&container) else { continue };
            if let Some(lost) = held.hosts.iter().find(|host| !let_go.hosts.contains(host)) {
                return Err(anyhow!("{lost} in {container} let its writes go on before the cut was complete"));
            }
            longest = longest.max(let_go.done.us.saturating_sub(held.begun.us).div_ceil(1_000));
        }
        Ok(longest)
    }

    /// Lets everybody go, held or not; each is tried.
    pub async fn release(&self) -> Result<BTreeMap<String, LetGo>> {
        let asked = self.parts.keys().map(|container| async move {
            let request = Request::LetGo(LetGoRequest { id: self.id.clone() });
            match self.ask(container, request).await? {
                Reply::LetGo(let_go) => Ok((container.clone(), let_go)),
                other => Err(unexpected(container, &other)),
            }
        });
        join_all(asked).await.into_iter().collect()
    }

    /// Whether one host of every set is held, its primary, and every single mongod.
    fn is_whole(&self, holding: &Holding) -> Result<()> {
        let held = holding.hosts();
        for (owner, hosts) in &self.owners {
            match hosts.iter().filter(|host| held.contains(*host)).count() {
                1 => {}
                0 => return Err(anyhow!("{owner} has no primary whose writes could be held back")),
                _ => return Err(anyhow!("{owner} has two members that call themselves primary")),
            }
        }
        Ok(())
    }

    async fn ask(&self, container: &str, request: Request) -> Result<Reply> {
        let asked = guest::call(self.guests, container, &request, |_| {}).await;
        asked.with_context(|| format!("the writes in {container} can't be held back"))
    }
}

impl Holding {
    /// Who is held.
    pub fn hosts(&self) -> Vec<String> {
        self.0.values().flat_map(|held| held.hosts.iter().cloned()).collect()
    }
}

fn unexpected(container: &str, reply: &Reply) -> anyhow::Error {
    anyhow!("the agent in {container} answered something else: {reply:?}")
}
