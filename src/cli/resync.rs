//! `distctl resync`

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use super::Context;
use super::line::{self, Stage};
use crate::desired::{Desired, Mongod, ReplicaSet};
use crate::plan::{Brief, Plan, resync};
use crate::ui::{Advise, Exit};

/// Empties one member of a replica set and has the others fill it anew.
///
/// For a member that is too stale to catch up, or whose files are damaged. It is refused unless a primary and a majority
/// of other members hold all data. That is checked once more when the member has been stopped, before anything is removed.
#[derive(Debug, Args)]
#[command(after_help = "Example: distctl resync db2:27018")]
pub struct Resync {
    /// The member: CONTAINER:PORT, SET/PORT or ADDRESS:PORT.
    member: String,

    /// How long to wait while another run changes this topology (`30s`, `5m`).
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = super::duration)]
    lock_wait: Duration,
}

impl Resync {
    /// Plans it, asks, looks again under the lease, and does it.
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let stage = Stage::prepare(context).await?;
        let (set, member) = find(&stage.desired, &self.member)?;
        let plan = planned(&stage, set, member).await?;
        context.ui.note(Brief(&plan).to_string());
        let data = format!("{} in {}", member.data, member.container);
        if !context.ui.confirm(&format!("Empty {data}, and fill it anew from {}?", set.name)).await? {
            context.ui.note("nothing was changed");
            return Ok(Exit::Ok);
        }
        let reporter = context.ui.reporter();
        let lock = stage.lock(context, &reporter, self.lock_wait).await?;
        let done = async {
            let plan = planned(&stage, set, member).await?;
            let outcome = stage.apply(context, &plan, &reporter).await;
            line::check(&plan, outcome)
        };
        let done = done.await;
        let released = lock.release().await;
        done?;
        released?;
        context.ui.note(format!("{} was filled anew by {}", member.host, set.name));
        Ok(Exit::Ok)
    }
}

async fn planned(stage: &Stage, set: &ReplicaSet, member: &Mongod) -> Result<Plan> {
    let plan = resync(&stage.desired, &stage.observe().await?, set, member);
    line::refuse(&plan)?;
    Ok(plan)
}

/// The one member that a text names.
fn find<'d>(desired: &'d Desired, name: &str) -> Result<(&'d ReplicaSet, &'d Mongod)> {
    let members = || desired.replica_sets.values().flat_map(|set| set.members.iter().map(move |member| (set, member)));
    let is_named = |set: &ReplicaSet, member: &Mongod| {
        let Mongod { container, port, host, .. } = member;
        [format!("{container}:{port}"), format!("{}/{port}", set.name), host.clone()].iter().any(|one| one == name)
    };
    let found: Vec<_> = members().filter(|(set, member)| is_named(set, member)).collect();
    let list = |all: &[(&ReplicaSet, &Mongod)]| {
        let names: Vec<String> = all.iter().map(|(_, one)| format!("{}:{}", one.container, one.port)).collect();
        names.join(", ")
    };
    match found[..] {
        [one] => Ok(one),
        [] => {
            let single = desired.standalones.values().map(|one| &one.mongod);
            let mut single = single.filter(|one| format!("{}:{}", one.container, one.port) == name || one.host == name);
            if single.next().is_some() {
                bail!("{name} is in no replica set: nobody else has its data");
            }
            let all: Vec<_> = members().collect();
            Err(anyhow::anyhow!("{} has no member {name} of a replica set", desired.name))
                .hint(format!("name one of {}", list(&all)))
        }
        _ => Err(anyhow::anyhow!("{name} names several members")).hint(format!("name one of {}", list(&found))),
    }
}
