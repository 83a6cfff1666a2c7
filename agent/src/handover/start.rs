//! After a mongod has started: a set that stands still elects at once, and its favourite leads again.
//!
//! Left alone, members that start together wait for the election timeout, and a favourite takes over one timeout after
//! it has caught up, unprepared: that costs `w: majority` a second (see [`crate::mongo::sources`]).

use std::time::{Duration, Instant};

use mongodb::bson::doc;
use protocol::{HandBackRequest, SetAddress, SetConfig};

use super::{Member, elect, heirs};
use crate::deadline::Deadline;
use crate::mongo::connect::{Login, Peer};
use crate::mongo::hello::{self, Hello};
use crate::mongo::primary::{AT_ONCE, Census};
use crate::mongo::{config, step_down};

/// How long to wait between two looks.
const STEP: Duration = Duration::from_millis(100);

/// How long a mongod may take until it knows the set that it belongs to; a new one belongs to none.
const LOADING: Duration = Duration::from_secs(1);

/// How long a majority waits for the other members, one of which may be fresher.
const WAITING_FOR_ALL: Duration = Duration::from_secs(1);

/// How long to wait for the freshest member's own unit to do what any of them could.
const AFTER_YOU: Duration = Duration::from_millis(500);

/// How long an election may take until another is asked for.
const ELECTING: Duration = Duration::from_secs(2);

/// Waits until the member serves, and does what is then to be done.
pub async fn start(member: &Member, deadline: Deadline) -> Result<String, String> {
    let host = &member.host;
    let mut alone: Option<Instant> = None;
    let mut election: Option<Election> = None;
    loop {
        let census = Census::within(AT_ONCE, &member.hosts).await;
        let serves = matches!(census.get(host), Some(Ok(hello)) if hello.serves(&member.set));
        match census.primary(&member.set) {
            Some(primary) if primary == host => return Ok(format!("{host} is primary")),
            Some(primary) if serves => return lead_again(member, &census, primary, deadline).await,
            Some(_) => alone = None,
            None if serves => {
                let since = *alone.get_or_insert_with(Instant::now);
                let again = election.as_ref().is_none_or(|last| last.at.elapsed() > ELECTING);
                if again && is_turn(member, &census, since.elapsed()) {
                    election = Some(Election { at: Instant::now(), said: elect(member, &census).await });
                }
            }
            None => {}
        }
        if !deadline.pause(STEP).await {
            return election.map_or_else(|| Err(census.describe()), |last| last.said);
        }
    }
}

/// An election that was asked for: when, and what came of asking.
struct Election {
    at: Instant,
    said: Result<String, String>,
}

/// Waits until the mongod answers; whether it belongs to a set.
pub async fn loaded(member: &Member, deadline: Deadline) -> Result<bool, String> {
    let mut first: Option<Instant> = None;
    loop {
        let why = match hello::of(&member.host).await {
            Ok(Hello { set_name: Some(_), .. }) => return Ok(true),
            Ok(_) if first.get_or_insert_with(Instant::now).elapsed() > LOADING => return Ok(false),
            Ok(_) => "is in no set yet".to_owned(),
            Err(error) => error.to_string(),
        };
        if !deadline.pause(STEP).await {
            return Err(format!("{}: {why}", member.host));
        }
    }
}

/// Whether it is this unit's turn to have a primary elected, in a set that has been without one for a while.
fn is_turn(member: &Member, census: &Census, alone: Duration) -> bool {
    let serving = serving(member, census).count();
    let enough = serving == member.hosts.len() || (serving * 2 > member.hosts.len() && alone > WAITING_FOR_ALL);
    let is_best = heirs(member, census).first().is_some_and(|(best, _)| *best == member.host);
    enough && (is_best || alone > WAITING_FOR_ALL + AFTER_YOU)
}

/// Members that lead, copy or vote.
fn serving<'c>(member: &Member, census: &'c Census) -> impl Iterator<Item = (&'c str, &'c Hello)> {
    census.answers().filter(|(_, hello)| hello.serves(&member.set))
}

/// Has the primary hand back if this member is the one that should lead.
async fn lead_again(member: &Member, census: &Census, primary: &str, deadline: Deadline) -> Result<String, String> {
    let host = &member.host;
    let login = member.login()?;
    if !is_favourite(member, census, primary, login.as_ref()).await? {
        return Ok(format!("{primary} is primary"));
    }
    let request = HandBackRequest {
        set: SetAddress { name: member.set.clone(), hosts: member.hosts.clone(), credential: member.credential() },
        host: host.clone(),
        timeout_ms: u64::try_from(deadline.left().as_millis()).unwrap_or(u64::MAX),
    };
    match step_down::lead_again(&request).await {
        Ok(true) => Ok(format!("{primary} has handed back to {host}")),
        Ok(false) => Err(format!("{primary} did not hand back to {host} in time")),
        Err(failure) => Err(failure.to_string()),
    }
}

/// Whether a member's priority is above the primary's and that of all others that could lead.
async fn is_favourite(member: &Member, census: &Census, primary: &str, login: Option<&Login>) -> Result<bool, String> {
    let config = configuration(&member.host, login).await?;
    let priority = |host: &str| config.members.iter().find(|one| one.host == host).map_or(0.0, |one| one.priority);
    let own = priority(&member.host);
    let mut rivals = serving(member, census).map(|(host, _)| host).filter(|host| *host != member.host);
    Ok(own > priority(primary) && rivals.all(|rival| priority(rival) < own))
}

async fn configuration(host: &str, login: Option<&Login>) -> Result<SetConfig, String> {
    let peer = Peer::connect(host, login).await.map_err(|error| error.to_string())?;
    let answer = peer.ask(doc! { "replSetGetConfig": 1 }).await.map_err(|error| error.to_string())?;
    config::from_document(answer.get_document("config").map_err(|error| error.to_string())?)
}
