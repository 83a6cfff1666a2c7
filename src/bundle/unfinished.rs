//! The mark of an import in the folder of its topology: as long as it is there, what is missing must not be made empty.
//!
//! Containers carry a mark too, but a run that is killed early has made none yet.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The bundle's id.
    pub id: String,
    /// The command that goes on with it.
    pub resume: String,
}

/// A mark that was set: gone again unless it is kept, or was there before.
#[derive(Debug)]
pub struct Mark {
    place: PathBuf,
    is_new: bool,
}

/// Where the mark of a topology lies: beside it, `.topology.yaml.import`.
fn place(topology: &Path) -> PathBuf {
    let name = topology.file_name().unwrap_or_default().to_string_lossy();
    topology.with_file_name(format!(".{name}.import"))
}

/// Reads the mark of a topology; one that can't be read is none.
pub fn read(topology: &Path) -> Option<Unfinished> {
    serde_json::from_slice(&fs::read(place(topology)).ok()?).ok()
}

/// Strikes the mark of a topology out.
///
/// # Errors
/// Where it is there and can't be removed.
pub fn forget(topology: &Path) -> io::Result<()> {
    match fs::remove_file(place(topology)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Mark {
    /// Marks a topology that may not be there yet.
    ///
    /// # Errors
    /// Where its folder can't be written.
    pub fn set(topology: &Path, unfinished: &Unfinished) -> io::Result<Self> {
        let place = place(topology);
        let is_new = !place.exists();
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let beside = place.with_extension("new");
        fs::write(&beside, serde_json::to_vec(unfinished)?)?;
        fs::File::open(&beside)?.sync_all()?;
        fs::rename(&beside, &place)?;
        Ok(Self { place, is_new })
    }

    /// Leaves it there until [`forget`].
    pub fn keep(mut self) {
        self.is_new = false;
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if self.is_new {
            // One that stays is told by the next run, which says what to do about it.
            let _ = fs::remove_file(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_only_where_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let topology = folder.path().join("shop/topology.yaml");
        let wanted = Unfinished { id: "7f".into(), resume: "distctl import shop.distctl --resume".into() };
        drop(Mark::set(&topology, &wanted).unwrap());
        assert_eq!(read(&topology), None);
        Mark::set(&topology, &wanted).unwrap().keep();
        drop(Mark::set(&topology, &wanted).unwrap());
        assert_eq!(read(&topology), Some(wanted), "the mark of an earlier run is not this one's to take away");
        forget(&topology).unwrap();
        forget(&topology).unwrap();
        assert_eq!(read(&topology), None);
    }
}
