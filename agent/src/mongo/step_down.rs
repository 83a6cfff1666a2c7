//! Making a primary hand over.

use std::time::Duration;

use mongodb::bson::doc;
use protocol::{Failure, StepDownRequest};

use super::connect::{Error, Login, Peer};
use super::primary::Census;
use crate::call::progress;
use crate::deadline::{Deadline, SOON};

/// How long the old primary stays away from elections: long enough for another to win one.
pub const AWAY: i32 = 20;

/// How long a secondary may take to catch up before the primary gives way.
const CATCHING_UP: i32 = 10;

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
                Ok(()) => progress(format!("{} has stepped down", request.host)),
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

/// Asks a member to step down. A connection that breaks at that is a success: whether it was one shows afterwards.
pub async fn ask(host: &str, login: Option<&Login>, catching_up: i32) -> Result<(), Error> {
    let patience = Duration::from_secs(u64::try_from(catching_up).unwrap_or(0) + 2);
    let command = doc! { "replSetStepDown": AWAY, "secondaryCatchUpPeriodSecs": catching_up };
    match Peer::connect(host, login).await?.run(command, patience).await {
        Err(Error::Network(_)) => Ok(()),
        other => other.map(drop),
    }
}

fn explain(request: &StepDownRequest, why: &str) -> Failure {
    let cause = format!("{} does not hand over to another member: {why}", request.host);
    Failure::new(format!("replica set {}", request.set.name), cause)
        .with_hint("another member that may be primary must be up and caught up: look with `distctl status`")
}
