//! Letting another member take over, run by the unit of a mongod.
//!
//! `stop` (ExecStop) makes a primary step down before it is stopped: the secondary that takes over is elected at once.
//! Members that copy from one that leaves are given another source before.
//! `crash` (ExecStopPost) asks the freshest secondary to step up after a primary has died, instead of waiting for the
//! election timeout. That is an ordinary election, which a majority must vote for: nothing is at risk.
//! `start` (a unit beside each mongod's, since that one is not up before its ExecStartPost has ended) does the same for
//! a set whose members have all just started, and has the primary hand back to a member that should lead. Then the
//! member writes a checkpoint.
//!
//! All are tries. They never fail their unit, they end after a while, and say one line to the journal.

mod checkpoint;
mod start;

use std::cmp::Reverse;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::future::join_all;
use mongodb::bson::doc;
use protocol::Credential;
use tokio::time::timeout;

use crate::deadline::Deadline;
use crate::mongo::connect::{Error, Login, Peer};
use crate::mongo::follow::follow;
use crate::mongo::hello::{self, Hello};
use crate::mongo::primary::{AT_ONCE, Census};
use crate::mongo::{sources, step_down};

/// After which a stop goes on without a handover.
const STOPPING: Duration = Duration::from_secs(10);

/// After which members elect a primary by themselves, sooner or later.
const CRASHED: Duration = Duration::from_secs(8);

/// How long a mongod may take to start and to catch up; afterwards a favourite takes over by itself.
const STARTING: Duration = Duration::from_secs(120);

/// How long the others may take to hear of their new primary after a crash.
const TELLING: Duration = Duration::from_secs(1);

/// How long a secondary may take to catch up before a stop goes on.
const CATCHING_UP: i32 = 3;

/// When to hand over.
#[derive(Debug, Subcommand)]
pub enum Handover {
    /// Before a mongod is stopped: it steps down if it is primary, and nobody copies from it any more.
    Stop(Member),
    /// After a mongod has ended: if it crashed as primary, the freshest secondary steps up.
    Crash(Member),
    /// After a mongod has started: a set without a primary elects one, and the favourite leads again.
    Start(Member),
}

/// The member whose unit this is.
#[derive(Debug, Args)]
pub struct Member {
    /// The replica set.
    #[arg(long)]
    set: String,
    /// The member itself, `address:port`.
    #[arg(long = "self", value_name = "HOST")]
    host: String,
    /// All members of the set, the one that should lead first.
    #[arg(long, value_delimiter = ',')]
    hosts: Vec<String>,
    /// As whom to ask.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// The file with the user's password.
    #[arg(long, requires = "user")]
    password_file: Option<String>,
}

impl Member {
    fn login(&self) -> Result<Option<Login>, String> {
        Login::read_if(self.credential().as_ref()).map_err(|failure| failure.to_string())
    }

    fn credential(&self) -> Option<Credential> {
        Some(Credential { user: self.user.clone()?, password_file: self.password_file.clone()? })
    }

    /// Its place among those that should lead.
    fn rank(&self, host: &str) -> usize {
        self.hosts.iter().position(|other| other == host).unwrap_or(usize::MAX)
    }

    fn others(&self) -> impl Iterator<Item = &String> {
        self.hosts.iter().filter(|host| **host != self.host)
    }
}

/// Hands over if there is something to hand over. Always a success: a unit must stop, whatever its set does.
pub async fn run(handover: Handover) -> ExitCode {
    let (limit, said) = match handover {
        Handover::Stop(member) => (STOPPING, timeout(STOPPING, stop(&member)).await),
        Handover::Crash(_) if !has_crashed() => return ExitCode::SUCCESS,
        Handover::Crash(member) => (CRASHED, timeout(CRASHED, crash(&member)).await),
        // It has a deadline of its own, which comes first.
        Handover::Start(member) => (STARTING, timeout(STARTING * 2, after_start(&member)).await),
    };
    let line = match said {
        Ok(Ok(done)) => format!("handover: {done}"),
        Ok(Err(why)) => format!("handover: left to the set itself: {why}"),
        Err(_) => format!("handover: left to the set itself: it took longer than {limit:?}"),
    };
    let _ = writeln!(std::io::stderr(), "{line}");
    ExitCode::SUCCESS
}

async fn after_start(member: &Member) -> Result<String, String> {
    let deadline = Deadline::after(STARTING);
    if !start::loaded(member, deadline).await? {
        return Ok(format!("{} is in no set yet", member.host));
    }
    let done = start::start(member, deadline).await;
    let written = checkpoint::take(member, deadline).await;
    let also = written.err().map(|why| format!("; no checkpoint was written: {why}")).unwrap_or_default();
    done.map(|done| done + &also).map_err(|why| why + &also)
}

/// What systemd tells of the end of the main process (systemd.exec(5)). Without systemd it is a crash: somebody asks.
fn has_crashed() -> bool {
    let says = |name: &str, value: &str| std::env::var(name).is_ok_and(|said| said == value);
    std::env::var("SERVICE_RESULT").map_or(true, |result| result != "success") || says("EXIT_CODE", "killed")
}

async fn stop(member: &Member) -> Result<String, String> {
    if member.others().next().is_none() {
        return Ok("nobody to hand over to".into());
    }
    let host = &member.host;
    let hello = hello::of(host).await.map_err(|error| format!("{host}: {error}"))?;
    let login = member.login()?;
    if !hello.is_writable_primary {
        return leave(member, &hello, login.as_ref()).await.map_err(|error| error.to_string());
    }
    step_down::ask(host, login.as_ref(), CATCHING_UP).await.map_err(|error| format!("{host}: {error}"))
}

/// What a member does that is not primary: others may copy from it.
async fn leave(member: &Member, hello: &Hello, login: Option<&Login>) -> Result<String, Error> {
    let done = format!("{} is not primary", member.host);
    let Some(primary) = &hello.primary else { return Ok(done) };
    let others = member.others().filter(|host| *host != primary);
    Ok(match sources::before_leaving(&member.host, primary, others, login).await? {
        0 => done,
        count => format!("{done}; {count} that copied from it copy from {primary} now"),
    })
}

async fn crash(member: &Member) -> Result<String, String> {
    let mut census = Census::within(AT_ONCE, member.others()).await;
    // Where somebody knows another primary, that one gets all the time it needs to answer.
    let other = |hello: &Hello| hello.primary.as_ref().is_some_and(|primary| *primary != member.host);
    if heirs(member, &census).is_empty() || census.answers().any(|(_, hello)| other(hello)) {
        census = Census::of_set(&member.set, member.others()).await;
    }
    if let Some(primary) = census.primary(&member.set) {
        return Ok(format!("{primary} is primary already"));
    }
    elect(member, &census).await
}

/// Has the best of those that may lead elected, and tells the others at once from whom to copy.
async fn elect(member: &Member, census: &Census) -> Result<String, String> {
    let heirs = heirs(member, census);
    let login = member.login()?;
    let mut last = format!("no secondary may step up: {}", census.describe());
    for (host, _) in &heirs {
        match step_up(host, login.as_ref()).await {
            Ok(()) => {
                // Those that don't hear it find their new primary by themselves, a little later.
                let _ = timeout(TELLING, tell(&heirs, host, login.as_ref())).await;
                return Ok(format!("{host} has stepped up"));
            }
            Err(why) => last = format!("{host}: {why}"),
        }
    }
    Err(last)
}

/// Tells members at once from whom to copy.
async fn tell(members: &[(&str, &Hello)], source: &str, login: Option<&Login>) -> Result<(), Error> {
    let others = members.iter().filter(|(host, _)| *host != source);
    let peers = join_all(others.map(|(host, _)| Peer::connect(host, login))).await;
    follow(peers.iter().flatten(), source, login).await
}

/// Secondaries that may become primary, the freshest first, and of those the one that should lead.
fn heirs<'c>(member: &Member, census: &'c Census) -> Vec<(&'c str, &'c Hello)> {
    let able =
        |(_, hello): &(&str, &Hello)| hello.serves(&member.set) && hello.secondary && !hello.hidden && !hello.passive;
    let mut heirs: Vec<_> = census.answers().filter(able).collect();
    heirs.sort_by_key(|(host, hello)| (Reverse(hello.freshness()), member.rank(host)));
    heirs
}

async fn step_up(host: &str, login: Option<&Login>) -> Result<(), String> {
    let peer = Peer::connect(host, login).await.map_err(|error| error.to_string())?;
    peer.ask(doc! { "replSetStepUp": 1 }).await.map(drop).map_err(|error| error.to_string())
}
