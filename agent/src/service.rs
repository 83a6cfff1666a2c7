//! Services: put in place, watched, replaced, removed.

pub mod deploy;
pub mod health;
pub mod init;
pub mod kept;
pub mod remove;
mod trial;
pub mod wait;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use protocol::{Failure, SERVICES};

/// The folder of what distctl knows about a service.
pub fn folder(service: &str) -> PathBuf {
    Path::new(SERVICES).join(service)
}

/// Names of all services that were deployed here.
pub fn deployed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

/// The files of the release of each service that worked last.
pub fn kept_files(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let kept = |name: String| {
        let paths = kept::Kept::read(&folder.join(&name))?;
        let paths = paths.paths().into_iter().map(|path| path.to_string_lossy().into_owned()).collect();
        Some((name, paths))
    };
    deployed(folder).into_iter().filter_map(kept).collect()
}

/// Makes a failure of a removal, unless there was nothing to remove.
fn gone(removed: io::Result<()>, path: &Path) -> Result<(), Failure> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(path.to_string_lossy(), format!("can't be removed: {error}")))
        }
        _ => Ok(()),
    }
}
