//! Taking a cut.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use tokio::time::sleep;

use super::hold::Hold;
use super::{Cut, How};
use crate::desired::{BUNDLE_KEY, Desired, OWNER_KEY};
use crate::guest::Guests;
use crate::incus::Status;

/// How often a cut is tried whose primaries change under it.
pub(super) const TRIES: u32 = 3;

/// How long to wait before the next try: an election is under way.
pub(super) const BETWEEN: Duration = Duration::from_secs(2);

/// Takes a cut of a system that runs. Its containers may stand too: those are taken as they are.
///
/// # Errors
/// Where a container is missing or a set has no primary; then nothing is left of it.
pub async fn live(guests: &Guests, desired: &Desired, snapshot: &str) -> Result<Cut> {
    let at = guests.client.server_time().unwrap_or_else(jiff::Timestamp::now);
    let (containers, running) = containers(guests, desired).await?;
    let mut tries = 0;
    let (how, others) = loop {
        tries += 1;
        // A name of its own for each try: the timer of one that failed may still be needed.
        let hold = Hold::of(guests, desired, &format!("{snapshot}-{tries}"), &running);
        let with_data: BTreeSet<&String> = hold.containers().collect();
        let (data, others): (Vec<&String>, Vec<&String>) = containers.iter().partition(|name| with_data.contains(name));
        match held(guests, &hold, &data, snapshot).await {
            Ok(how) => break (how, others),
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => sleep(BETWEEN).await,
        }
    };
    if let Err(error) = shoot(guests, &others, snapshot).await {
        // What can't be deleted is found by its name later.
        let _ = discard(guests, &containers, snapshot).await;
        return Err(error);
    }
    Ok(Cut { snapshot: snapshot.to_owned(), containers, how, at })
}

/// Takes a cut of a system whose containers stand.
///
/// # Errors
/// Where a container is missing or runs.
pub async fn stopped(guests: &Guests, desired: &Desired, snapshot: &str) -> Result<Cut> {
    let at = guests.client.server_time().unwrap_or_else(jiff::Timestamp::now);
    let (containers, running) = containers(guests, desired).await?;
    if let Some(runs) = running.first() {
        bail!("{runs} runs again: something has started it meanwhile");
    }
    let all: Vec<&String> = containers.iter().collect();
    if let Err(error) = shoot(guests, &all, snapshot).await {
        // What can't be deleted is found by its name later.
        let _ = discard(guests, &containers, snapshot).await;
        return Err(error);
    }
    Ok(Cut { snapshot: snapshot.to_owned(), containers, how: How::Stopped, at })
}

/// The system's containers, and which of them run.
pub(super) async fn containers(guests: &Guests, desired: &Desired) -> Result<(Vec<String>, BTreeSet<String>)> {
    let seen = guests.client.instances().await?;
    let mut running = BTreeSet::new();
    for name in desired.containers.keys() {
        match seen.iter().find(|one| one.name == *name) {
            None => bail!("container {name} is not there: `distctl up` makes it"),
            Some(one) if one.config.get(OWNER_KEY) != Some(&desired.name) => {
                bail!("container {name} is not of {}: it is somebody else's", desired.name)
            }
            Some(one) if one.config.get(BUNDLE_KEY).is_some_and(|mark| mark.starts_with("import ")) => {
                bail!("container {name} is of an import that was not finished: `distctl plan` names the command")
            }
            Some(one) if one.status == Status::Running => _ = running.insert(name.clone()),
            Some(one) if one.status == Status::Stopped => {}
            Some(one) => bail!("container {name} is {}: `distctl up` mends that", one.status),
        }
    }
    Ok((desired.containers.keys().cloned().collect(), running))
}

/// Snapshots disks while the writes to them are held back.
async fn held(guests: &Guests, hold: &Hold<'_>, data: &[&String], snapshot: &str) -> Result<How> {
    hold.flush().await?;
    let holding = hold.begin().await?;
    let shot = shoot(guests, data, snapshot).await;
    let ended = hold.end(&holding).await;
    match shot.and(ended) {
        Ok(paused_ms) => Ok(How::Live { paused_ms, held: holding.hosts() }),
        Err(error) => {
            let _ = discard(guests, data.iter().copied(), snapshot).await;
            Err(error)
        }
    }
}

async fn shoot(guests: &Guests, containers: &[&String], snapshot: &str) -> Result<()> {
    let taken = containers.iter().map(|container| async move {
        let taken = guests.client.create_snapshot(container, snapshot).await;
        taken.with_context(|| format!("no snapshot of {container} could be taken"))
    });
    // All are waited for: one that is under way can't be taken back.
    join_all(taken).await.into_iter().collect()
}

/// Deletes snapshots of one name wherever they are.
///
/// # Errors
/// What can't be deleted; all are tried.
pub async fn discard(guests: &Guests, containers: impl IntoIterator<Item = &String>, snapshot: &str) -> Result<()> {
    let deleted = containers.into_iter().map(|container| async move {
        match guests.client.delete_snapshot(container, snapshot).await {
            Err(error) if !error.is_not_found() => {
                Err(error).with_context(|| format!("the snapshot {snapshot} of {container} can't be deleted"))
            }
            _ => Ok(()),
        }
    });
    join_all(deleted).await.into_iter().collect()
}
