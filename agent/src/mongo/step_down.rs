//! Making a primary hand over, and handing back to the member that should lead.

use std::time::Duration;

use futures_util::future::join_all;
use mongodb::bson::doc;
use protocol::{Failure, HandBackRequest, StepDownRequest};
use tokio::time::timeout;

use super::connect::{Error, Login, Peer};
use super::primary::Census;
use super::{follow, look, sources};
use crate::call::progress;
use crate::deadline::{Deadline, SOON};

/// How long the old primary stays away from elections: long enough for another to win one.
pub const AWAY: i32 = 20;

/// How long a secondary may take to catch up before the primary gives way.
const CATCHING_UP: i32 = 10;

/// How long a member may take to let the agent in; one that does not is not waited for.
const CONNECTING: Duration = Duration::from_secs(1);

/// How long a member that is to lead again stays away from elections at most, in seconds.
const FROZEN: i32 = 10;

/// How far a member may be behind that is to take over, in milliseconds; mongod tells whole seconds.
const LAG_MS: i64 = 1_000;

/// Makes a member hand over if it is primary, and waits until another is.
pub async fn step_down(request: &StepDownRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let login = Login::read_if(request.set.credential.as_ref())?;
    let mut last = "it was not tried".to_owned();
    loop {
        let census = Census::of_set(&request.set.name, request.set.hosts.iter().chain([&request.host])).await;
        match census.primary(&request.set.name) {
            Some(other) if other != request.host => return Ok(()),
            Some(_) => match ask(&request.host, login.as_ref(), CATCHING_UP).await {
                Ok(done) => progress(done),
                Err(error @ Error::Login(_)) => return Err(explain(request, &error.to_string())),
                Err(error) => last = error.to_string(),
            },
            None => last = census.describe(),
        }
        if !deadline.pause(SOON).await {
            return Err(explain(request, &last));
        }
    }
}

/// Makes the member of the highest priority primary again, before it would take over by itself: that costs the clients
/// a second, this doesn't (see [`sources`]). A try: what does not succeed here, the set does later.
pub async fn hand_back(request: &HandBackRequest) -> Result<(), Failure> {
    lead_again(request).await.map(drop)
}

/// As [`hand_back`]; tells whether the member leads now.
pub async fn lead_again(request: &HandBackRequest) -> Result<bool, Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let login = Login::read_if(request.set.credential.as_ref())?;
    let mut asked = false;
    loop {
        let census = Census::of_set(&request.set.name, &request.set.hosts).await;
        match census.primary(&request.set.name) {
            Some(host) if host == request.host => return Ok(true),
            Some(host) if !asked && knows(host, &request.host, login.as_ref()).await => {
                asked = true;
                let done = ask_for(&request.host, host, login.as_ref()).await;
                progress(done.unwrap_or_else(|error| format!("{host}: {error}")));
            }
            _ => {}
        }
        if !deadline.pause(SOON).await {
            progress(format!("{} will take over by itself: {}", request.host, census.describe()));
            return Ok(false);
        }
    }
}

/// Whether a primary has heard that a member is a secondary again that has caught up; before that it hands over to
/// another, or lets writes wait until the member is that far.
async fn knows(primary: &str, member: &str, login: Option<&Login>) -> bool {
    let Ok(peer) = Peer::connect(primary, login).await else { return false };
    let members = look::members(&peer.ask(doc! { "replSetGetStatus": 1 }).await.unwrap_or_default());
    let of = |host: &str| members.iter().find(|seen| seen.host == host);
    let Some(seen) = of(member).filter(|seen| seen.healthy && seen.state == "SECONDARY") else { return false };
    let (Some(own), Some(last)) = (seen.optime_ms, of(primary).and_then(|primary| primary.optime_ms)) else {
        return false;
    };
    last - own <= LAG_MS
}

/// Asks a primary to step down, and says how that went. A connection that breaks at that is a success: whether it was
/// one shows afterwards.
pub async fn ask(host: &str, login: Option<&Login>, catching_up: i32) -> Result<String, Error> {
    let primary = Peer::connect(host, login).await?;
    if follow::is_near(host) {
        step_down_near(&primary, login, catching_up).await
    } else {
        let prepared = sources::before_step_down(&primary, login).await;
        step_down_prepared(&primary, prepared, catching_up).await
    }
}

/// Asks a primary to hand back to a member.
async fn ask_for(favourite: &str, host: &str, login: Option<&Login>) -> Result<String, Error> {
    let primary = Peer::connect(host, login).await?;
    let done = if follow::is_near(host) {
        step_down_near(&primary, login, CATCHING_UP).await?
    } else {
        // Its own takeover would come in between.
        let favourite = Peer::connect(favourite, login).await?;
        favourite.ask(doc! { "replSetFreeze": FROZEN }).await?;
        let prepared = sources::before_step_down(&primary, login).await;
        favourite.ask(doc! { "replSetFreeze": 0 }).await?;
        step_down_prepared(&primary, prepared, CATCHING_UP).await?
    };
    // It need not stay away: the next time it may be the one that the favourite hands over to.
    let _ = primary.ask(doc! { "replSetFreeze": 0 }).await;
    Ok(done)
}

/// In this guest the others can be had to follow the next primary at once, whoever that is.
async fn step_down_near(primary: &Peer, login: Option<&Login>, catching_up: i32) -> Result<String, Error> {
    let members = members(primary, login).await?;
    step_down_now(primary, catching_up).await?;
    let done = format!("{} has stepped down", primary.host);
    Ok(match follow::follow_the_next(&members, login).await {
        Ok(next) => format!("{done}, and {next} has taken over"),
        Err(why) => format!("{done}; the others find the next primary by themselves: {why}"),
    })
}

/// From afar they have changed over before, to the one that should take over.
async fn step_down_prepared(primary: &Peer, prepared: Result<(), Error>, catching_up: i32) -> Result<String, Error> {
    step_down_now(primary, catching_up).await?;
    let done = format!("{} has stepped down", primary.host);
    Ok(prepared.map_or_else(|why| format!("{done}; the others were not prepared for it: {why}"), |()| done.clone()))
}

/// A primary and the members that answer at once, connected and logged in before time counts. What they are they say
/// themselves: the primary may not have heard it yet.
async fn members(primary: &Peer, login: Option<&Login>) -> Result<Vec<Peer>, Error> {
    let status = look::members(&primary.ask(doc! { "replSetGetStatus": 1 }).await?);
    let others = status.iter().filter(|member| member.host != primary.host);
    let asked = join_all(others.map(|member| timeout(CONNECTING, serving(&member.host, login)))).await;
    let mut members: Vec<Peer> = asked.into_iter().filter_map(|answer| answer.ok()?.ok().flatten()).collect();
    members.push(primary.clone());
    Ok(members)
}

async fn serving(host: &str, login: Option<&Login>) -> Result<Option<Peer>, Error> {
    let peer = Peer::connect(host, login).await?;
    let secondary = peer.hello().await?.secondary;
    peer.ask(doc! { "replSetGetStatus": 1 }).await?;
    Ok(secondary.then_some(peer))
}

async fn step_down_now(primary: &Peer, catching_up: i32) -> Result<(), Error> {
    let command = doc! { "replSetStepDown": AWAY, "secondaryCatchUpPeriodSecs": catching_up };
    let patience = Duration::from_secs(u64::try_from(catching_up).unwrap_or(0) + 2);
    match primary.run(command, patience).await {
        Err(Error::Network(_)) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

fn explain(request: &StepDownRequest, why: &str) -> Failure {
    let cause = format!("{} does not hand over to another member: {why}", request.host);
    Failure::new(format!("replica set {}", request.set.name), cause)
        .with_hint("another member that may be primary must be up and caught up: look with `distctl status`")
}
