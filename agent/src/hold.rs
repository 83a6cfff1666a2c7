//! Holding the writes of mongods back for a moment, so that several databases can be had as they were at one.
//!
//! `fsyncLock` outlives the connection that asked for it. So what is held is written down first, and a timer is set that
//! lets go when its time is over: whoever asked may be gone by then.

mod journal;

use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::try_join_all;
use mongodb::bson::doc;
use protocol::{Failure, Held, HeldMongod, HoldRequest, LetGo};

use crate::clock::now;
use crate::deadline::{Deadline, SOON};
use crate::mongo::connect::{Error, Login, Peer};
use crate::transient::{self, Transient};

/// How long a flush may take: a checkpoint of all that is in memory.
const FLUSHING: Duration = Duration::from_secs(60);

/// How long a mongod may take to hold back: it waits for the writes that are under way.
const HOLDING: Duration = Duration::from_secs(5);

/// How long a lock that was asked for may still be given when its time is over.
const LATE: Duration = Duration::from_secs(60);

/// `fsyncUnlock` of a mongod that is not locked.
const NOT_LOCKED: i32 = 20;

/// Writes to disk what those mongods have in memory.
pub async fn flush(request: &HoldRequest) -> Result<(), Failure> {
    let peers = meant(request).await?;
    try_join_all(peers.iter().map(|peer| async move {
        let asked = peer.run(doc! { "fsync": 1 }, FLUSHING).await;
        asked.map_err(|error| failed(peer, "does not write to disk what it has in memory", &error))
    }))
    .await
    .map(drop)
}

/// Holds the writes of all of them back. What fails at one lets go of all.
pub async fn hold(request: &HoldRequest) -> Result<Held, Failure> {
    let peers = meant(request).await?;
    let held = request.mongods.iter().filter(|mongod| peers.iter().any(|peer| peer.host == mongod.host)).cloned();
    journal::write(&request.id, &held.collect::<Vec<_>>())?;
    let timer = Transient {
        unit: &timer(&request.id),
        description: "lets writes go on that a cut of distctl holds back",
        arguments: &["let-go", &request.id],
        properties: &[],
    };
    if let Err(failure) = transient::start_after(&timer, request.ttl_ms).await {
        journal::remove(&request.id)?;
        return Err(failure);
    }
    let begun = now();
    let locked = try_join_all(peers.iter().map(|peer| async move {
        let asked = peer.run(doc! { "fsync": 1, "lock": true }, HOLDING).await;
        asked.map_err(|error| failed(peer, "does not hold its writes back", &error))
    }))
    .await;
    match locked {
        Ok(_) => Ok(Held { hosts: peers.into_iter().map(|peer| peer.host).collect(), begun, done: now() }),
        Err(failure) => Err(match let_go(&request.id).await {
            Ok(_) => failure,
            Err(also) => failure.with_hint(format!("its guest lets go by itself in a moment ({also})")),
        }),
    }
}

/// Lets go of all that a cut holds. Where one of them was not held, the timer stays: a lock that was asked for and not
/// waited for to the end may still be given.
pub async fn let_go(id: &str) -> Result<LetGo, Failure> {
    let mongods = journal::read(id)?;
    let begun = now();
    let hosts = release(&mongods).await?;
    let done = now();
    if hosts.len() == mongods.len() {
        journal::remove(id)?;
        transient::stop(&format!("{}.timer", timer(id))).await?;
    }
    Ok(LetGo { begun, done, hosts })
}

/// Lets go as the timer asks, and goes on trying for a while where one was not held yet.
pub async fn let_go_in_time(id: &str) -> ExitCode {
    let released = async {
        let mut left = journal::read(id)?;
        let deadline = Deadline::after(LATE);
        loop {
            let hosts = release(&left).await?;
            left.retain(|mongod| !hosts.contains(&mongod.host));
            if left.is_empty() || !deadline.pause(SOON).await {
                return journal::remove(id);
            }
        }
    };
    match released.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("cut {id}: {failure}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Unlocks mongods, and tells which of them were locked until now.
async fn release(mongods: &[HeldMongod]) -> Result<Vec<String>, Failure> {
    let unlocked = try_join_all(mongods.iter().map(|mongod| async move {
        let peer = connect(mongod).await?;
        match unlock(&peer).await {
            Ok(was_locked) => Ok(was_locked.then(|| mongod.host.clone())),
            Err(error) => Err(failed(&peer, "does not let its writes go on", &error)),
        }
    }))
    .await?;
    Ok(unlocked.into_iter().flatten().collect())
}

/// Unlocks a mongod, however often it was locked; whether it was.
async fn unlock(peer: &Peer) -> Result<bool, Error> {
    let mut was_locked = false;
    loop {
        match peer.run(doc! { "fsyncUnlock": 1 }, HOLDING).await {
            Ok(answer) => {
                was_locked = true;
                if answer.get_i64("lockCount").unwrap_or(0) == 0 {
                    return Ok(true);
                }
            }
            Err(error) if error.code() == Some(NOT_LOCKED) => return Ok(was_locked),
            Err(error) => return Err(error),
        }
    }
}

/// Connections to those that are primary or in no set.
async fn meant(request: &HoldRequest) -> Result<Vec<Peer>, Failure> {
    Ok(try_join_all(request.mongods.iter().map(one_meant)).await?.into_iter().flatten().collect())
}

/// A connection, if it is one of those. A member of a set that is down holds nothing back; whoever asks sees whether
/// its set had a primary.
async fn one_meant(mongod: &HeldMongod) -> Result<Option<Peer>, Failure> {
    let peer = match reach(mongod).await? {
        Ok(peer) => peer,
        Err(_) if mongod.set.is_some() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    match peer.hello().await {
        Ok(hello) => Ok((mongod.set.is_none() || hello.is_writable_primary).then_some(peer)),
        Err(Error::NotListening | Error::Network(_)) if mongod.set.is_some() => Ok(None),
        Err(error) => Err(failed(&peer, "can't be asked what it is", &error)),
    }
}

async fn connect(mongod: &HeldMongod) -> Result<Peer, Failure> {
    reach(mongod).await?
}

/// A connection, or why there is none; a failure of its own where the password can't be read.
async fn reach(mongod: &HeldMongod) -> Result<Result<Peer, Failure>, Failure> {
    let login = Login::read_if(mongod.credential.as_ref())?;
    let connected = Peer::connect(&mongod.host, login.as_ref()).await;
    Ok(connected.map_err(|error| Failure::new(&mongod.host, format!("can't be reached: {error}"))))
}

fn failed(peer: &Peer, what: &str, error: &Error) -> Failure {
    Failure::new(&peer.host, format!("{what}: {error}"))
}

fn timer(id: &str) -> String {
    format!("distctl-hold-{id}")
}
