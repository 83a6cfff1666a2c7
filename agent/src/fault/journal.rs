//! What was broken, on the guest's disk, until it is undone.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use protocol::{Failure, GuestFault};

const FOLDER: &str = "/var/lib/distctl/faults";

fn place(id: &str) -> Result<PathBuf, Failure> {
    if crate::names::is_plain(id) {
        return Ok(Path::new(FOLDER).join(format!("{id}.json")));
    }
    Err(Failure::new(format!("fault `{id}`"), "letters, digits and hyphens alone make a name"))
}

/// Writes a fault down, for good: the guest may be killed in the next instant.
pub fn write(fault: &GuestFault) -> Result<(), Failure> {
    let path = place(&fault.id)?;
    let write = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)?;
        let beside = path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec(fault)?)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(FOLDER)?.sync_all()
    };
    write().map_err(|error| {
        Failure::new(path.to_string_lossy(), format!("can't be written, so nothing was broken: {error}"))
    })
}

/// Strikes a fault out.
pub fn remove(id: &str) -> Result<(), Failure> {
    let path = place(id)?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(path.to_string_lossy(), format!("can't be removed: {error}")))
        }
        _ => Ok(()),
    }
}

/// All faults that were not undone.
pub fn read() -> Result<Vec<GuestFault>, Failure> {
    let entries = match fs::read_dir(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Failure::new(FOLDER, format!("can't be read: {error}")))?,
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort_unstable();
    let read = |path: &PathBuf| {
        let failed = |why: String| Failure::new(path.to_string_lossy(), why);
        let text = fs::read(path).map_err(|error| failed(format!("can't be read: {error}")))?;
        serde_json::from_slice(&text).map_err(|error| {
            failed(format!("is none that this agent wrote: {error}"))
                .with_hint("look into it, undo what it names by hand, and remove it")
        })
    };
    paths.iter().map(read).collect()
}
