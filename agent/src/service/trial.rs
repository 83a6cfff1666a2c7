//! What a new release adds to the guest, written down before it does, so that all of it can be taken back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kept::Kept;

/// The folder of a trial, in that of its service.
const FOLDER: &str = "trial";

/// Files that a release brings and the one before does not have.
pub struct Trial {
    folder: PathBuf,
    list: List,
}

#[derive(Default, Serialize, Deserialize)]
struct List {
    /// Those that were not there.
    new: Vec<PathBuf>,
    /// Those that stood there before, of a package for instance; each is kept in a folder of its number.
    displaced: Vec<(PathBuf, usize)>,
}

impl Trial {
    /// Begins the trial of some files. Of one that was broken off before, or failed, what is not tried again is taken
    /// back first: it is nobody's.
    pub fn begin(service: &Path, paths: &[&Path], before: Option<&Kept>) -> io::Result<Self> {
        let mut trial =
            Self::open(service).unwrap_or_else(|| Self { folder: service.join(FOLDER), list: List::default() });
        trial.undo_but(|path| paths.contains(&path))?;
        fs::create_dir_all(&trial.folder)?;
        let ours = before.map(Kept::paths).unwrap_or_default();
        for path in paths.iter().filter(|path| !ours.contains(*path)) {
            trial.add(path)?;
        }
        let beside = trial.folder.join("list.json.part");
        fs::write(&beside, serde_json::to_vec(&trial.list)?)?;
        // What was copied aside counts for nothing before it is in this list.
        fs::rename(&beside, trial.folder.join("list.json"))?;
        Ok(trial)
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let known = self.list.new.iter().chain(self.list.displaced.iter().map(|(path, _)| path));
        if known.into_iter().any(|known| known == path) {
            return Ok(());
        }
        if path.symlink_metadata().is_err() {
            self.list.new.push(path.to_path_buf());
            return Ok(());
        }
        let number = self.list.displaced.iter().map(|(_, number)| number + 1).max().unwrap_or_default();
        Kept::keep(&self.folder.join(number.to_string()), "displaced", &[path])?;
        self.list.displaced.push((path.to_path_buf(), number));
        Ok(())
    }

    /// The trial of a service that was neither ended nor taken back.
    pub fn open(service: &Path) -> Option<Self> {
        let folder = service.join(FOLDER);
        let list = serde_json::from_slice(&fs::read(folder.join("list.json")).ok()?).ok()?;
        Some(Self { folder, list })
    }

    /// Keeps what the release brought.
    pub fn end(self) -> io::Result<()> {
        remove(fs::remove_dir_all(&self.folder))
    }

    /// Removes what the release brought, and puts back what it displaced.
    pub fn undo(mut self) -> io::Result<()> {
        self.undo_but(|_| false)?;
        self.end()
    }

    fn undo_but(&mut self, stays: impl Fn(&Path) -> bool) -> io::Result<()> {
        self.list.new.iter().filter(|path| !stays(path)).try_for_each(|path| remove(fs::remove_file(path)))?;
        for (_, number) in self.list.displaced.iter().filter(|(path, _)| !stays(path)) {
            let folder = self.folder.join(number.to_string());
            Kept::read(&folder).map_or(Ok(()), |kept| kept.restore(&folder))?;
        }
        self.list.new.retain(|path| stays(path));
        self.list.displaced.retain(|(path, _)| stays(path));
        Ok(())
    }
}

fn remove(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Guest {
        root: tempfile::TempDir,
    }

    impl Guest {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("service")).unwrap();
            fs::write(root.path().join("packaged"), "the package's").unwrap();
            fs::write(root.path().join("kept"), "one").unwrap();
            Self { root }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn text(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.path(name)).ok()
        }

        /// A release of three files is written over one that had `kept` alone.
        fn try_release(&self, text: &str) -> Trial {
            let service = self.path("service");
            let before = Kept::keep(&service, "r1", &[&self.path("kept")]).unwrap();
            let paths = ["kept", "packaged", "fresh"].map(|name| self.path(name));
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let trial = Trial::begin(&service, &paths, Some(&before)).unwrap();
            paths.iter().for_each(|path| fs::write(path, text).unwrap());
            trial
        }
    }

    #[test]
    fn what_a_failed_release_brought_goes_and_what_it_displaced_comes_back() {
        let guest = Guest::new();
        guest.try_release("two").undo().unwrap();
        assert_eq!(guest.text("fresh"), None);
        assert_eq!(guest.text("packaged").as_deref(), Some("the package's"));
        // The files of the release before are put back by whoever goes back to it.
        assert_eq!(guest.text("kept").as_deref(), Some("two"));
        assert!(Trial::open(&guest.path("service")).is_none());
    }

    #[test]
    fn what_works_stays() {
        let guest = Guest::new();
        guest.try_release("two").end().unwrap();
        assert_eq!(guest.text("fresh").as_deref(), Some("two"));
        assert!(Trial::open(&guest.path("service")).is_none());
    }

    #[test]
    fn a_trial_that_was_broken_off_is_taken_up_by_the_next() {
        let guest = Guest::new();
        drop(guest.try_release("broken off"));
        // What is tried again is not removed: a large file is pushed only where it is missing.
        let trial = guest.try_release("three");
        trial.undo().unwrap();
        assert_eq!(guest.text("fresh"), None);
        assert_eq!(guest.text("packaged").as_deref(), Some("the package's"));
    }

    #[test]
    fn what_is_not_tried_again_is_taken_back() {
        let guest = Guest::new();
        drop(guest.try_release("broken off"));
        let (service, kept) = (guest.path("service"), guest.path("kept"));
        Trial::begin(&service, &[&kept], Kept::read(&service).as_ref()).unwrap().end().unwrap();
        assert_eq!(guest.text("fresh"), None);
        assert_eq!(guest.text("packaged").as_deref(), Some("the package's"));
    }
}
