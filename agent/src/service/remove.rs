//! Taking a service away.

use std::fs;
use std::path::Path;

use protocol::{Failure, RemoveServiceRequest, UnitsRequest};

use super::gone;
use super::kept::Kept;
use super::trial::Trial;
use crate::units;

/// Stops a service, then removes its files and what distctl knows about it. Its own data under `/var/lib` stays.
pub async fn remove(request: &RemoveServiceRequest) -> Result<(), Failure> {
    units::change(&UnitsRequest { stop: vec![request.unit.clone()], ..UnitsRequest::default() }).await?;
    let folder = super::folder(&request.service);
    let kept = Kept::read(&folder);
    // A release that never worked was not kept: what it brought is known from its trial, and what older agents left of
    // one is at least its unit and environment.
    if let Some(trial) = Trial::open(&folder) {
        trial.undo().map_err(|error| Failure::new(format!("service {}", request.service), error.to_string()))?;
    }
    let known = [format!("{}/{}", units::FOLDER, request.unit), format!("/etc/distctl/{}.env", request.service)];
    for path in kept.iter().flat_map(Kept::paths).chain(known.iter().map(Path::new)) {
        gone(fs::remove_file(path), path)?;
    }
    gone(fs::remove_dir_all(&folder), &folder)?;
    units::change(&UnitsRequest { reload: true, ..UnitsRequest::default() }).await
}
