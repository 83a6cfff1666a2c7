//! A member is emptied, for its set to fill it anew.

use std::path::{Path, PathBuf};
use std::{fs, io};

use mongodb::bson::doc;
use protocol::{EmptyMemberRequest, Failure, UnitsRequest, WriteRequest};

use super::connect::Login;
use super::{config, look, primary};
use crate::call::progress;
use crate::inspect::units::is_systemd;
use crate::{units, write};

/// Stops a member and empties its data folder, if the others hold all data before and after it was stopped.
pub async fn empty(request: &EmptyMemberRequest) -> Result<(), Failure> {
    others_hold(request).await?;
    let stop = UnitsRequest { stop: vec![request.unit.clone()], ..UnitsRequest::default() };
    change(&stop).await?;
    if let Err(failure) = others_hold(request).await {
        let start = UnitsRequest { start: vec![request.unit.clone()], timeout_ms: 60_000, ..UnitsRequest::default() };
        change(&start).await?;
        return Err(failure);
    }
    progress(format!("emptying {}", request.data.path));
    let folder = PathBuf::from(&request.data.path);
    let moved = tokio::task::spawn_blocking(move || put_away(&folder)).await;
    let failed = |error: io::Error| {
        let hint = "see in the container what holds the folder; the member starts again with `distctl up`";
        Failure::new(&request.data.path, format!("can't be emptied: {error}")).with_hint(hint)
    };
    let moved = moved.map_err(io::Error::other).flatten().map_err(failed)?;
    write::write(&WriteRequest { directories: vec![request.data.clone()], ..WriteRequest::default() }).await?;
    let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(moved)).await;
    removed.map_err(io::Error::other).flatten().map_err(failed)
}

async fn change(request: &UnitsRequest) -> Result<(), Failure> {
    if is_systemd() { units::change(request).await } else { Ok(()) }
}

/// Gives the folder another name in one go: no mongod is ever started with half of its files.
fn put_away(folder: &Path) -> io::Result<PathBuf> {
    // Beside it under a name of its own; folders have dots in their names.
    let away = PathBuf::from(format!("{}.emptied", folder.display()));
    match fs::remove_dir_all(&away) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(folder, &away)?;
    Ok(away)
}

/// Asks the primary whether the set can do without the member.
async fn others_hold(request: &EmptyMemberRequest) -> Result<(), Failure> {
    let EmptyMemberRequest { set, host, .. } = request;
    let login = Login::read_if(set.credential.as_ref())?;
    let peer = primary::connect(set, login.as_ref()).await?;
    let refuse = |why: String| {
        Failure::new(host, format!("is not emptied: {why}"))
            .with_hint("look with `distctl status`; mend the others first")
    };
    if peer.host == *host {
        return Err(refuse("it is the primary".into()));
    }
    let status = peer.ask(doc! { "replSetGetStatus": 1 }).await.map_err(|error| refuse(error.to_string()))?;
    let answer = peer.ask(doc! { "replSetGetConfig": 1 }).await.map_err(|error| refuse(error.to_string()))?;
    let current = answer.get_document("config").map_err(|error| refuse(error.to_string()))?;
    let current = config::from_document(current).map_err(refuse)?;
    current.holds_without(host, &look::members(&status)).map_err(refuse)
}
