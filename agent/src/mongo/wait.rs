//! Waiting for mongods and for sets of them.

use protocol::{Failure, WaitMongodRequest, WaitReplicaSetRequest};

use super::connect::Error;
use super::hello::{self, Freshness};
use super::primary::Census;
use super::sync::Watch;
use crate::deadline::{Deadline, SOON};
use crate::inspect::units::{Shown, is_systemd, show};
use crate::units::explain;

/// After so many restarts by systemd a mongod won't come up by itself.
const HOPELESS: u32 = 3;

/// Waits until a mongod answers `hello`; fails at once when its unit has given up.
pub async fn mongod(request: &WaitMongodRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let host = format!("127.0.0.1:{}", request.port);
    loop {
        let Err(error) = hello::of(&host).await else {
            return Ok(());
        };
        let unit = unit(&request.unit).await?;
        if let Some(unit) = unit.as_ref().filter(|unit| is_hopeless(unit)) {
            return Err(explain(&request.unit, unit, Some(&request.log), "its mongod does not start").await);
        }
        if !deadline.pause(SOON).await {
            let cause = format!("its mongod does not answer on {host} after {} ms ({error})", request.timeout_ms);
            return Err(explain(&request.unit, &unit.unwrap_or_default(), Some(&request.log), &cause).await);
        }
    }
}

async fn unit(name: &String) -> Result<Option<Shown>, Failure> {
    if !is_systemd() {
        return Ok(None);
    }
    Ok(show(std::slice::from_ref(name)).await?.remove(name))
}

fn is_hopeless(unit: &Shown) -> bool {
    let over = unit.state.active == "inactive" && unit.ended.is_some() && !unit.has_job;
    unit.state.active == "failed" || unit.state.load == "not-found" || unit.state.restarts >= HOPELESS || over
}

/// Waits until members lead, copy or vote, follow the same primary, and have all that it had when it was first seen;
/// for as long as one that is missing gets on.
///
/// Each member is asked itself: the primary learns of a member's state only with its next heartbeat, by default up to
/// 2 s later. One that can't speak to the others, for its keyfile is wrong, calls itself SECONDARY too, but knows no
/// primary.
pub async fn replica_set(request: &WaitReplicaSetRequest) -> Result<(), Failure> {
    let mut deadline = Deadline::after_ms(request.timeout_ms);
    let (mut goal, mut watch) = (None, Watch::new(request));
    loop {
        let census = Census::of_set(&request.set.name, request.set.hosts.iter().chain(&request.members)).await;
        let Some(missing) = missing(&census, request, &mut goal) else {
            return Ok(());
        };
        if watch.sees_progress(&census, goal).await {
            deadline = Deadline::after_ms(request.timeout_ms);
        }
        if !deadline.pause(SOON).await {
            let (wait, states) = (request.timeout_ms, census.describe());
            let cause = format!("is not healthy, and nothing has moved for {wait} ms: {missing}; {states}");
            return Err(Failure::new(format!("replica set {}", request.set.name), cause)
                .with_hint("look with `distctl logs` at the mongod that lags behind; all must have the same keyfile"));
        }
    }
}

/// What is still missing; `None` if nothing is. The goal is set with the first primary that is seen.
fn missing(census: &Census, request: &WaitReplicaSetRequest, goal: &mut Option<Freshness>) -> Option<String> {
    let set = &request.set.name;
    let primary = census.primary(set).and_then(|host| Some((host, census.get(host)?.as_ref().ok()?)));
    let Some((host, primary)) = primary else {
        return Some("there is no primary".into());
    };
    let name = primary.me.as_deref().unwrap_or(host);
    let goal = *goal.get_or_insert(primary.freshness());
    request.members.iter().find_map(|member| match census.get(member)? {
        Err(Error::NotListening) => Some(format!("{member} is down")),
        Err(error) => Some(format!("{member}: {error}")),
        Ok(hello) if !hello.serves(set) => Some(format!("{member} does not serve yet")),
        Ok(hello) if hello.primary.as_deref() != Some(name) => {
            Some(format!("{member} does not follow the primary {name}"))
        }
        // One with a delay is behind because that is what it is for.
        Ok(hello) if !hello.arbiter_only && hello.secondary_delay_secs == 0 && hello.freshness() < goal => {
            Some(format!("{member} has not caught up yet"))
        }
        Ok(_) => None,
    })
}
