//! From whom members copy, changed before it hurts.
//!
//! A write of `w: majority` needs a secondary that copies from the primary. A secondary whose source leaves, or is no
//! longer primary, notices at its next batch, finds nobody that is ahead of it, since no write has happened yet, and
//! sleeps for a second before it looks again; what it knows of the others by then may be as old as a heartbeat.
//! Measured with mongod 6.0.5: the election takes 10 ms, and the first write is acknowledged after 2.0 s.
//!
//! So members are asked to change over while all is well: to the heir before a primary steps down, to the primary
//! before a secondary stops. Measured: 0.03 to 0.12 s. A source must be ahead of who asks it, so entries are appended to
//! the oplog until each has changed over; one that is unlucky sleeps for its second once more. That works from anywhere;
//! a primary in this guest steps down in a better way ([`super::follow`]).

use std::time::{Duration, Instant};

use mongodb::bson::{Timestamp, doc};
use protocol::SetMember;

use super::connect::{Error, Login, Peer};
use super::primary::{AT_ONCE, Census};
use super::{code, config};
use crate::deadline::Deadline;

/// How long members may take to change over: a few sleeps of a second, and a bit.
const CHANGING_OVER_MS: u64 = 4_500;

/// How many entries are appended at once: while a member connects to the heir, more must reach that.
const ENTRIES: usize = 5;

/// How long to wait between two looks.
const STEP: Duration = Duration::from_millis(20);

/// After which a member is asked again: the request before has been served in vain.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Has the members copy from the one that takes over when this primary steps down.
///
/// # Errors
/// Also that some had not changed over after a while: that costs time, and is no reason not to step down.
pub async fn before_step_down(primary: &Peer, login: Option<&Login>) -> Result<(), Error> {
    let answer = primary.ask(doc! { "replSetGetConfig": 1 }).await?;
    let config = answer.get_document("config").map_err(|error| error.to_string());
    let config = config.and_then(config::from_document).map_err(Error::Network)?;
    let census = Census::within(AT_ONCE, config.members.iter().map(|member| &member.host)).await;
    // A delayed member holds back what it has copied: it neither takes over nor acknowledges.
    let copies = |member: &&SetMember| {
        member.secondary_delay_secs == 0 && matches!(census.get(&member.host), Some(Ok(hello)) if hello.secondary)
    };
    let mut secondaries: Vec<_> = config.members.iter().filter(copies).collect();
    let Some(heir) = heir(&secondaries) else { return Ok(()) };
    if secondaries.len() == 1 || !config.settings.chaining_allowed {
        return Ok(());
    }
    let mut followers = Vec::new();
    // The heir first: what copies from it must not be copied by it.
    secondaries.sort_by_key(|member| member.host != heir.host);
    for member in secondaries {
        let source = if member.host == heir.host { &primary.host } else { &heir.host };
        followers.push(Follower::new(Peer::connect(&member.host, login).await?, source));
    }
    let count = followers.len();
    match change_over(primary, followers).await? {
        done if done == count => Ok(()),
        done => Err(Error::Network(format!("{done} of {count} had changed over after {CHANGING_OVER_MS} ms"))),
    }
}

/// Has the members that copy from a secondary copy from the primary, and gives how many do so now.
pub async fn before_leaving(
    leaving: &str,
    primary: &str,
    others: impl Iterator<Item = &String>,
    login: Option<&Login>,
) -> Result<usize, Error> {
    let census = Census::within(AT_ONCE, others).await;
    let mut followers = Vec::new();
    for (host, _) in census.answers().filter(|(_, hello)| hello.secondary) {
        let peer = Peer::connect(host, login).await?;
        if peer.place().await?.source == leaving {
            followers.push(Follower::new(peer, primary));
        }
    }
    if followers.is_empty() {
        return Ok(0);
    }
    change_over(&Peer::connect(primary, login).await?, followers).await
}

/// Has followers change over, for a while, and gives how many did. One after the other: one that is unlucky
/// acknowledges nothing for a second, and a majority must go on doing so.
async fn change_over(primary: &Peer, followers: Vec<Follower>) -> Result<usize, Error> {
    let deadline = Deadline::after_ms(CHANGING_OVER_MS);
    let count = followers.len();
    for (done, mut follower) in followers.into_iter().enumerate() {
        loop {
            for _ in 0..ENTRIES {
                primary.append().await?;
            }
            if follower.copies(primary.place().await?.applied).await? {
                break;
            }
            if !deadline.pause(STEP).await {
                return Ok(done);
            }
        }
    }
    Ok(count)
}

/// Whom mongod chooses among those that have caught up: the first of the highest priority.
fn heir<'m>(secondaries: &[&'m SetMember]) -> Option<&'m SetMember> {
    let able = secondaries.iter().filter(|member| member.priority > 0.0);
    able.copied().reduce(|best, next| if next.priority > best.priority { next } else { best })
}

/// What a member says of its place in the set.
pub struct Place {
    /// From whom it copies; empty if from nobody.
    pub source: String,
    /// The time of the last entry that it has.
    applied: Option<Timestamp>,
}

impl Peer {
    pub async fn place(&self) -> Result<Place, Error> {
        let status = self.ask(doc! { "replSetGetStatus": 1 }).await?;
        let applied = status.get_document("optimes").and_then(|times| times.get_document("appliedOpTime"));
        Ok(Place {
            source: status.get_str("syncSourceHost").unwrap_or_default().to_owned(),
            applied: applied.and_then(|applied| applied.get_timestamp("ts")).ok(),
        })
    }

    /// Appends an entry to the oplog that changes nothing.
    async fn append(&self) -> Result<(), Error> {
        self.ask(doc! { "appendOplogNote": 1, "data": { "distctl": "hands over" } }).await.map(drop)
    }
}

/// A member that is to copy from a source.
struct Follower {
    peer: Peer,
    source: String,
    asked: Option<Instant>,
    progress: Progress,
}

/// How far a member has changed over.
enum Progress {
    /// It copies from another, or from nobody.
    Elsewhere,
    /// It names the source; it may still be told that the source is not ahead of it.
    Named,
    /// It has changed over when it has what was written at this time: it can have that only from the source.
    Proven(Option<Timestamp>),
}

impl Follower {
    fn new(peer: Peer, source: &str) -> Self {
        Self { peer, source: source.to_owned(), asked: None, progress: Progress::Elsewhere }
    }

    /// Whether it copies from its source, by an entry that was written just now; asks it to if not.
    async fn copies(&mut self, written: Option<Timestamp>) -> Result<bool, Error> {
        let place = self.peer.place().await?;
        if place.source != self.source {
            self.progress = Progress::Elsewhere;
            if self.asked.is_none_or(|asked| asked.elapsed() > ASK_AGAIN) {
                self.asked = Some(Instant::now());
                match self.peer.copy_from(&self.source).await {
                    // It has not heard yet that its source is up.
                    Err(error) if error.code() == Some(code::HOST_UNREACHABLE) => {}
                    other => drop(other?),
                }
            }
            return Ok(false);
        }
        let proof = match self.progress {
            Progress::Elsewhere => {
                self.progress = Progress::Named;
                return Ok(false);
            }
            Progress::Named => written,
            Progress::Proven(proof) => proof,
        };
        self.progress = Progress::Proven(proof);
        Ok(place.applied >= proof)
    }
}
