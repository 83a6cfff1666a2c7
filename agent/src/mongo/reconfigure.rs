//! From one configuration of a set to the next.

use mongodb::bson::{Document, doc};
use protocol::{Failure, ReconfigureRequest};

use super::attempt::{Missed, keep_trying};
use super::connect::{Error, Login, Peer};
use super::{code, config, primary};
use crate::deadline::Deadline;

/// Brings a set to a configuration through its primary, and waits until a majority has it.
pub async fn reconfigure(request: &ReconfigureRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    let login = Login::read_if(request.set.credential.as_ref())?;
    keep_trying(deadline, async || try_once(request, login.as_ref(), deadline).await).await
}

async fn try_once(request: &ReconfigureRequest, login: Option<&Login>, deadline: Deadline) -> Result<(), Missed> {
    let object = format!("replica set {}", request.set.name);
    let primary = primary::connect(&request.set, login).await.map_err(Missed::Yet)?;
    let missed = |error: Error| miss(&object, &primary.host, &error);
    let answer = primary.ask(doc! { "replSetGetConfig": 1, "commitmentStatus": true }).await.map_err(missed)?;
    let current = answer.get_document("config").map_err(|_| unreadable(&object, "it has no field `config`"))?;
    let now = config::from_document(current).map_err(|why| unreadable(&object, &why))?;
    let mut next = config::merge(current, &request.config);
    let wanted = config::from_document(&next).map_err(|why| unreadable(&object, &why))?;
    if config::is_same(&now, &wanted) {
        let pending = || Missed::Yet(Failure::new(&object, "a majority has not taken the new configuration in time"));
        return answer.get_bool("commitmentStatus").unwrap_or(true).then_some(()).ok_or_else(pending);
    }
    let changes = config::voting_changes(&now, &wanted);
    if changes.len() > 1 {
        let cause = format!("only one member may gain or lose its vote at a time, not {}", changes.join(", "));
        return Err(Missed::Ever(
            Failure::new(object, cause).with_hint("run distctl again: the set has changed since it looked"),
        ));
    }
    next.insert("version", now.version + 1);
    send(&primary, next, deadline).await.map_err(missed)
}

/// mongod waits until a majority has the configuration.
async fn send(primary: &Peer, config: Document, deadline: Deadline) -> Result<(), Error> {
    let left = deadline.left();
    let limit = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(1);
    primary.run(doc! { "replSetReconfig": config, "maxTimeMS": limit }, left + super::connect::ASKING).await.map(drop)
}

fn unreadable(object: &str, why: &str) -> Missed {
    Missed::Ever(Failure::new(object, format!("has a configuration that can't be read: {why}")))
}

fn miss(object: &str, host: &str, error: &Error) -> Missed {
    let failure = Failure::new(object, format!("its primary {host} does not take the configuration: {error}"));
    match error {
        Error::Login(_) => {
            Missed::Ever(failure.with_hint("the administrator's password file in the guest is not what mongod knows"))
        }
        error if error.is_transient() => Missed::Yet(failure),
        // A member that is to be added may be about to start.
        error if error.code() == Some(code::NODE_NOT_FOUND) => {
            Missed::Yet(failure.with_hint("the new member must run, be reachable and have the set's keyfile"))
        }
        _ => Missed::Ever(failure),
    }
}
