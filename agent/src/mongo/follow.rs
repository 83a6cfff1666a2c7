//! Having members copy from another at once.
//!
//! Told to (`replSetSyncFrom`), a member changes when its source answers next: after half an election timeout if nothing
//! is written there, since what it waits with can't be killed. So the connection is closed over which it waits. It asks
//! again, and takes the source that it was told. Measured: 0.06 s where it took 1.0 to 2.0 s.
//!
//! Only a source in this guest can have its connections closed, by who has the right to (CAP_NET_ADMIN).

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};

use super::connect::{Error, Login, Peer};
use super::hello::Hello;
use crate::deadline::Deadline;
use crate::inspect::network;
use crate::run::run;

/// How long an election may take that a primary has handed over.
const ELECTING: Duration = Duration::from_secs(5);

/// How long a member may take to change over: one that has nobody to copy from sleeps for a second first.
const CHANGING_OVER: Duration = Duration::from_millis(1_500);

/// How long to wait between two looks.
const STEP: Duration = Duration::from_millis(5);

/// What mongod calls the connections over which other members copy.
const FETCHER: &str = "OplogFetcher";

/// Whether a member runs in this guest.
pub fn is_near(host: &str) -> bool {
    host.parse::<SocketAddr>().is_ok_and(|host| network::is_own(host.ip()))
}

/// Waits for the one of these members that becomes primary, and has the others copy from it. Gives its host.
pub async fn follow_the_next(members: &[Peer], login: Option<&Login>) -> Result<String, Error> {
    let deadline = Deadline::after(ELECTING);
    loop {
        let hellos = join_all(members.iter().map(Peer::hello)).await;
        let is_primary = |hello: &Result<Hello, Error>| hello.as_ref().is_ok_and(|hello| hello.is_writable_primary);
        if let Some(place) = hellos.iter().position(is_primary) {
            let source = &members[place].host;
            follow(members.iter().filter(|member| member.host != *source), source, login).await?;
            return Ok(source.clone());
        }
        if !deadline.pause(STEP).await {
            return Err(Error::Network(format!("no other member was elected within {ELECTING:?}")));
        }
    }
}

/// Has members copy from another, and waits until they do so.
pub async fn follow(
    members: impl IntoIterator<Item = &Peer>,
    source: &str,
    login: Option<&Login>,
) -> Result<(), Error> {
    let members: Vec<&Peer> = members.into_iter().collect();
    let told = join_all(members.iter().map(|member| member.turn_to(source))).await;
    let mut old: Vec<&String> = told.iter().flatten().filter(|host| *host != source && is_near(host)).collect();
    old.sort_unstable();
    old.dedup();
    // Only now, when all know where to go.
    let ended = join_all(old.into_iter().map(|host| end_copying(host, login))).await;
    let followed = join_all(members.iter().map(|member| member.copies_from(source))).await;
    told.into_iter().map(|told| told.map(drop)).chain(ended).chain(followed).collect()
}

/// Closes the connections over which other members copy from this one.
async fn end_copying(host: &str, login: Option<&Login>) -> Result<(), Error> {
    let peer = Peer::connect(host, login).await?;
    let answer = peer.ask(doc! { "currentOp": 1, "appName": FETCHER }).await?;
    let operations = answer.get_array("inprog").into_iter().flatten().filter_map(|one| one.as_document());
    let mut clients: Vec<&str> = operations.filter_map(|one: &Document| one.get_str("client").ok()).collect();
    clients.sort_unstable();
    clients.dedup();
    for client in clients {
        let ran = run("ss", &["--kill", "--tcp", "src", host, "dst", client]).await;
        match ran {
            // Also where the connection has gone meanwhile.
            Ok(ran) if ran.ok => {}
            Ok(ran) => return Err(Error::Network(format!("can't close {client}: {}", ran.last_error()))),
            Err(failure) => return Err(Error::Network(failure.to_string())),
        }
    }
    Ok(())
}

impl Peer {
    /// Has it copy from another, if it does not already: one that is told its own source lets go of it, and sleeps for a
    /// second because it has chosen the same again. From whom it did before, empty if from nobody.
    async fn turn_to(&self, source: &str) -> Result<String, Error> {
        if self.place().await?.source == source { Ok(source.to_owned()) } else { self.copy_from(source).await }
    }

    /// Has it copy from another; from whom it did before, empty if from nobody.
    pub async fn copy_from(&self, source: &str) -> Result<String, Error> {
        let answer = self.ask(doc! { "replSetSyncFrom": source }).await?;
        Ok(answer.get_str("prevSyncTarget").unwrap_or_default().to_owned())
    }

    /// Waits until it copies from another.
    async fn copies_from(&self, source: &str) -> Result<(), Error> {
        let deadline = Deadline::after(CHANGING_OVER);
        while self.place().await?.source != source {
            if !deadline.pause(STEP).await {
                return Err(Error::Network(format!("{} does not copy from {source} yet", self.host)));
            }
        }
        Ok(())
    }
}
