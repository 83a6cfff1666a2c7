//! Faults from outside: which guest does what, what Incus does, and what is written down beside the containers.
//!
//! Before anything is broken, the fault stands in the guest and as a key of its container, so that `distctl heal` finds
//! it from any machine.

mod cuts;
mod heal;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use protocol::{FaultKind, FaultMember, GuestFault, HealRequest, Reply, Request, When};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::desired::{Desired, FAULT_KEY, Mongod, ReplicaSet};
use crate::guest::{self, Guests};

pub use heal::{Left, clear, end, heal, inside_left, left};

/// How long a clean stop of a container may take.
const STOPPING: Duration = Duration::from_secs(60);

/// A fault as a container's key tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// What it is.
    pub kind: FaultKind,
    /// The run that it belongs to.
    pub run: String,
}

/// A fault, ready to be injected: what is done in which container.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: FaultKind,
    /// Its run.
    pub run: String,
    /// The part of each container: its members that are hit, and what its members can't send.
    pub parts: BTreeMap<String, GuestFault>,
}

/// When something began and was done, and what was used for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// When it began.
    pub begun: When,
    /// When it was done.
    pub done: When,
    /// What was used.
    pub note: Option<String>,
}

impl Times {
    /// The times of several parts of one thing.
    fn of(parts: impl IntoIterator<Item = Self>) -> Self {
        let merged = parts.into_iter().reduce(|all, one| Self {
            begun: all.begun.min(one.begun),
            done: all.done.max(one.done),
            note: all.note.or(one.note),
        });
        merged.unwrap_or_default()
    }
}

impl Fault {
    /// Decides what a fault does to members of a set, guest by guest. Guests undo it by themselves when `ttl` is over.
    pub fn plan(
        desired: &Desired,
        set: &ReplicaSet,
        kind: FaultKind,
        members: &[&Mongod],
        name: (&str, u32),
        ttl: Duration,
        draw: &mut impl Rng,
    ) -> Self {
        let (run, round) = name;
        let id = format!("{run}-{round}");
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let mut parts: BTreeMap<String, GuestFault> = BTreeMap::new();
        let new = || GuestFault { id: id.clone(), kind, members: Vec::new(), cuts: Vec::new(), ttl_ms };
        for member in members {
            let part = parts.entry(member.container.clone()).or_insert_with(new);
            part.members.push(described(desired, set, member));
        }
        for (container, cuts) in cuts::of(set, kind, members, draw) {
            parts.entry(container).or_insert_with(new).cuts = cuts;
        }
        Self { id, kind, run: run.to_owned(), parts }
    }

    /// Whom it hits, as histories have it: containers, or `address:port` of members.
    pub fn targets(&self) -> Vec<String> {
        if self.kind.is_of_container() {
            return self.parts.keys().cloned().collect();
        }
        self.parts.values().flat_map(|part| part.members.iter().map(|member| member.host.clone())).collect()
    }

    /// Asks every guest whether it can do it. Changes nothing.
    pub async fn check(&self, guests: &Guests) -> Result<()> {
        if self.kind.is_of_container() {
            return Ok(());
        }
        let asked = self.parts.iter().map(|(container, part)| async move {
            guest::call(guests, container, &Request::CheckFault(part.clone()), |_| {})
                .await
                .with_context(|| format!("{container} can't do the fault {}; nothing was touched", self.kind))
        });
        try_join_all(asked).await.map(drop)
    }

    /// Breaks it. `watch` is the container whose clock the times of Incus's own faults are read from.
    pub async fn inject(&self, guests: &Guests, watch: &str) -> Result<Times> {
        try_join_all(self.parts.keys().map(|container| note(guests, container, self, true))).await?;
        if !self.kind.is_of_container() {
            let broken = self.parts.iter().map(|(container, part)| async move {
                match guest::call(guests, container, &Request::InjectFault(part.clone()), |_| {}).await? {
                    Reply::Injected(injected) => Ok::<_, anyhow::Error>(Times {
                        begun: injected.begun,
                        done: injected.done,
                        note: injected.note,
                    }),
                    other => bail!("the agent in {container} answers {other:?}"),
                }
            });
            return Ok(Times::of(try_join_all(broken).await?));
        }
        let begun = time(guests, watch).await?;
        try_join_all(self.parts.keys().map(|container| self.break_container(guests, container))).await?;
        Ok(Times { begun, done: time(guests, watch).await?, note: None })
    }

    async fn break_container(&self, guests: &Guests, container: &str) -> Result<()> {
        let client = &guests.client;
        match self.kind {
            FaultKind::Freeze => client.freeze_instance(container).await?,
            FaultKind::ContainerStop => client.stop_instance(container, STOPPING, false).await?,
            _ => client.stop_instance(container, Duration::ZERO, true).await?,
        }
        Ok(())
    }

    /// Undoes it.
    pub async fn heal(&self, guests: &Guests, watch: &str) -> Result<Times> {
        let begun = time(guests, watch).await?;
        let healed = self.parts.keys().map(|container| async move {
            if self.kind.is_of_container() {
                heal::container(guests, container, self.kind).await?;
            } else {
                let request = Request::Heal(HealRequest::Faults(vec![self.id.clone()]));
                guest::call(guests, container, &request, |_| {}).await?;
            }
            note(guests, container, self, false).await
        });
        try_join_all(healed).await?;
        Ok(Times { begun, done: time(guests, watch).await?, note: None })
    }
}

fn described(desired: &Desired, set: &ReplicaSet, member: &Mongod) -> FaultMember {
    FaultMember {
        host: member.host.clone(),
        unit: member.unit.clone(),
        data: member.data.clone(),
        disk_limit: desired.containers.get(&member.container).and_then(|container| container.disk_limit()),
        credential: set.access.as_ref().map(|access| access.agent.clone()),
    }
}

/// Writes a fault down as a key of a container, or strikes it out.
async fn note(guests: &Guests, container: &str, fault: &Fault, is_on: bool) -> Result<()> {
    let noted = Noted { kind: fault.kind, run: fault.run.clone() };
    let value = is_on.then(|| serde_json::to_string(&noted)).transpose()?;
    set_key(guests, container, &format!("{FAULT_KEY}{}", fault.id), value).await
}

async fn set_key(guests: &Guests, container: &str, key: &str, value: Option<String>) -> Result<()> {
    let seen = guests.client.instance(container).await?;
    let config = BTreeMap::from([(key.to_owned(), value)]);
    guests.client.patch_instance(container, &config, &BTreeMap::new(), &seen.description).await?;
    Ok(())
}

/// What time it is where the workload runs: all lines of a history are of that clock.
pub async fn time(guests: &Guests, container: &str) -> Result<When> {
    match guest::call(guests, container, &Request::TellTime, |_| {}).await? {
        Reply::Time(when) => Ok(when),
        other => bail!("the agent in {container} answers {other:?}"),
    }
}
