//! A member whose configuration names its set otherwise than its command line.
//!
//! Such a member has replayed its oplog like any other, and then waits for a configuration that it never gets. No command
//! changes a set's name; what the member keeps in its database `local` can be written, and counts from its next start.

use mongodb::bson::{Document, doc};
use protocol::{Failure, RenameRequest};

use super::attempt::{Missed, keep_trying};
use super::connect::{ASKING, Error, Login, Peer};
use crate::deadline::Deadline;

/// Where a member keeps its configuration: in the database `local`.
const KEPT: &str = "system.replset";

/// Writes the name into the configuration that the member keeps; whether it has to be started again. May be done twice.
pub async fn rename(request: &RenameRequest) -> Result<bool, Failure> {
    let login = request.keyfile.as_deref().map(Login::member).transpose()?;
    let mut written = false;
    let deadline = Deadline::after_ms(request.timeout_ms);
    keep_trying(deadline, async || try_once(request, login.as_ref(), deadline).await.map(|done| written = done))
        .await?;
    Ok(written)
}

async fn try_once(request: &RenameRequest, login: Option<&Login>, deadline: Deadline) -> Result<bool, Missed> {
    let object = format!("replica set {}", request.set);
    let miss = |error: Error| {
        let cause = format!("its member on port {} does not take the name: {error}", request.port);
        let failure = Failure::new(&object, cause).with_hint("look with `distctl logs` at its mongods");
        if error.is_transient() { Missed::Yet(failure) } else { Missed::Ever(failure) }
    };
    let member = Peer::local(request.port, login).await.map_err(miss)?;
    let answer = member.ask(doc! { "replSetGetConfig": 1 }).await.map_err(miss)?;
    let mut config = answer.get_document("config").cloned().unwrap_or_default();
    let name = config.get_str("_id").unwrap_or_default();
    if name == request.set {
        return Ok(false);
    }
    if name != request.before {
        let cause = format!("its member on port {} belongs to {name}, not to {}", request.port, request.before);
        return Err(Missed::Ever(Failure::new(object, cause)));
    }
    // A document's name is for ever. While there are two, the member reads the first: nothing is lost in between.
    config.insert("_id", &request.set);
    let update = doc! { "q": { "_id": &request.set }, "u": config, "upsert": true };
    write(&member, doc! { "update": KEPT, "updates": [update] }).await.map_err(miss)?;
    let delete = doc! { "q": { "_id": &request.before }, "limit": 1 };
    write(&member, doc! { "delete": KEPT, "deletes": [delete] }).await.map_err(miss)?;
    // A member that belongs to no set does not wait for its journal, whatever a write asks for.
    member.run(doc! { "fsync": 1 }, deadline.left()).await.map_err(miss)?;
    Ok(true)
}

async fn write(member: &Peer, command: Document) -> Result<(), Error> {
    let answer = member.run_on("local", command, ASKING).await?;
    match answer.get_array("writeErrors") {
        Ok(errors) => Err(Error::Command { code: 0, message: format!("{errors:?}") }),
        Err(_) => Ok(()),
    }
}
