//! Putting a release of a service in place, and going back where it does not work.

use std::path::Path;

use protocol::{DeployServiceRequest, Failure, UnitsRequest, WriteRequest};

use super::gone;
use super::kept::Kept;
use super::trial::Trial;
use super::wait::{Patience, works};
use crate::call::progress;
use crate::{units, write};

/// Writes the release, starts it and waits until it works. What was there before and worked comes back otherwise.
pub async fn deploy(request: &DeployServiceRequest) -> Result<(), Failure> {
    let folder = super::folder(&request.service);
    std::fs::create_dir_all(&folder).map_err(|error| failed(request, "its folder can't be made", &error))?;
    let before = Kept::read(&folder);
    let paths: Vec<&Path> = request.files.iter().map(|file| Path::new(&file.path)).collect();
    let trial = Trial::begin(&folder, &paths, before.as_ref())
        .map_err(|error| failed(request, "what its files displace can't be put aside", &error))?;
    let tried = match put(request).await {
        Ok(()) => start(request).await,
        Err(failure) => Err(failure),
    };
    let Err(failure) = tried else {
        keep(request, &folder, before)?;
        return trial.end().map_err(|error| failed(request, "what its files displaced can't be removed", &error));
    };
    match before {
        Some(before) if before.revision != request.revision => {
            Err(go_back(request, &folder, &before, trial, failure).await)
        }
        // What worked before is the same release: the cause is elsewhere, and going back would change nothing. Where
        // nothing worked before there is nothing to go back to: the files stay to be looked at.
        _ => Err(failure),
    }
}

async fn put(request: &DeployServiceRequest) -> Result<(), Failure> {
    let request = WriteRequest {
        system_users: vec![request.user.clone()],
        files: request.files.clone(),
        ..WriteRequest::default()
    };
    write::write(&request).await
}

async fn start(request: &DeployServiceRequest) -> Result<(), Failure> {
    progress(format!("starting {}", request.service));
    units::begin(&UnitsRequest { reload: true, restart: vec![request.unit.clone()], ..UnitsRequest::default() })
        .await?;
    let patience = Patience { interval_ms: request.interval_ms, timeout_ms: request.timeout_ms };
    works(&request.unit, request.health.as_ref(), patience).await
}

/// Keeps what works now, and removes files that only the release before had.
fn keep(request: &DeployServiceRequest, folder: &Path, before: Option<Kept>) -> Result<(), Failure> {
    let paths: Vec<&Path> = request.files.iter().map(|file| Path::new(&file.path)).collect();
    let now = Kept::keep(folder, &request.revision, &paths)
        .map_err(|error| failed(request, "the release works but can't be kept to go back to", &error))?;
    let mut old = before.iter().flat_map(Kept::paths).filter(|path| !now.paths().contains(path));
    old.try_for_each(|path| gone(std::fs::remove_file(path), path))
}

/// Brings the release before back and says how both fared.
async fn go_back(
    request: &DeployServiceRequest,
    folder: &Path,
    before: &Kept,
    trial: Trial,
    failure: Failure,
) -> Failure {
    progress(format!("going back to the {} that worked", request.service));
    let restored = match trial.undo().and_then(|()| before.restore(folder)) {
        Ok(()) => start(request).await,
        Err(error) => Err(failed(request, "can't be put back", &error)),
    };
    let (fate, hint) = match restored {
        Ok(()) => ("the one before runs on".to_owned(), None),
        Err(again) => (format!("and the one before, put back, {}", again.cause), again.hint),
    };
    let cause = format!("the new release {}; {fate}", failure.cause);
    let hint = hint.or(failure.hint).unwrap_or_else(|| "mend the new release, then run distctl up again".to_owned());
    Failure::new(&request.unit, cause).with_log(failure.log).with_hint(hint)
}

fn failed(request: &DeployServiceRequest, what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("service {}", request.service), format!("{what}: {error}"))
}
