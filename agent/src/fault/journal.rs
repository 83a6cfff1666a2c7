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

/// The names of faults whose writing down was begun and not finished: the guest or the agent was killed meanwhile, and
/// nothing was broken yet.
pub fn unfinished() -> Result<Vec<String>, Failure> {
    Ok(files(Path::new(FOLDER), "new")?.iter().filter_map(|path| name(path)).collect())
}

fn name(path: &Path) -> Option<String> {
    path.file_stem().map(|name| name.to_string_lossy().into_owned())
}

/// Removes what was begun and not finished; gives the names.
pub fn clear() -> Result<Vec<String>, Failure> {
    clear_in(Path::new(FOLDER))
}

fn clear_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let paths = files(folder, "new")?;
    for path in &paths {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::new(path.to_string_lossy(), format!("can't be removed: {error}")));
            }
            _ => {}
        }
    }
    Ok(paths.iter().filter_map(|path| name(path)).collect())
}

/// The files of one extension, in their order.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => {
            entries.map_err(|error| Failure::new(folder.to_string_lossy(), format!("can't be read: {error}")))?
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|known| known == extension));
    paths.sort_unstable();
    Ok(paths)
}

/// All faults that were not undone.
pub fn read() -> Result<Vec<GuestFault>, Failure> {
    let read = |path: &PathBuf| {
        let failed = |why: String| Failure::new(path.to_string_lossy(), why);
        let text = fs::read(path).map_err(|error| failed(format!("can't be read: {error}")))?;
        serde_json::from_slice(&text).map_err(|error| {
            failed(format!("is none that this agent wrote: {error}"))
                .with_hint("look into it, undo what it names by hand, and remove it")
        })
    };
    files(Path::new(FOLDER), "json")?.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by an end-to-end test that killed distctl while its agent wrote a fault down.
    #[test]
    fn what_was_begun_and_not_finished_is_removed_and_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["rs-1-0.new", "rs-2-0.json", "note.txt"] {
            fs::write(folder.path().join(name), "{").unwrap();
        }
        assert_eq!(clear_in(folder.path()).unwrap(), ["rs-1-0"]);
        assert_eq!(clear_in(folder.path()).unwrap(), Vec::<String>::new());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "what is in force stays");
        assert_eq!(clear_in(&folder.path().join("none")).unwrap(), Vec::<String>::new());
    }
}
