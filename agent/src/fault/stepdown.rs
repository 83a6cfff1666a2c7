//! A primary that is asked to step down, without any preparation.

use std::time::Duration;

use mongodb::bson::doc;
use protocol::{Failure, FaultMember};

use crate::mongo::connect::{Error, Login, Peer};

/// How long it stays away from elections, in seconds.
const AWAY: i32 = 10;

/// How long a secondary may take to catch up, in seconds.
const CATCHING_UP: i32 = 5;

/// Asks once. A connection that breaks at that is a success.
pub async fn ask(member: &FaultMember) -> Result<(), Failure> {
    let login = Login::read_if(member.credential.as_ref())?;
    let failed = |error: Error| Failure::new(&member.host, format!("does not step down: {error}"));
    let peer = Peer::connect(&member.host, login.as_ref()).await.map_err(failed)?;
    let command = doc! { "replSetStepDown": AWAY, "secondaryCatchUpPeriodSecs": CATCHING_UP };
    match peer.run(command, Duration::from_secs(8)).await {
        Ok(_) | Err(Error::Network(_)) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
