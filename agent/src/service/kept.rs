//! The release of a service that worked last, kept so that one that doesn't can be taken back.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use serde::{Deserialize, Serialize};

/// Files of at least this size are kept as a second name of the same file: a running program can't be written to.
/// Smaller ones are copied, since somebody may change them in place.
const WORTH_LINKING: u64 = 1 << 20;

/// A release that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which one it is.
    pub revision: String,
    files: Vec<KeptFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptFile {
    path: PathBuf,
    mode: u32,
    owner: u32,
    group: u32,
}

impl Kept {
    /// Reads what is kept in a service's folder; `None` where nothing is, or not all of it.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read(folder.join("kept/release.json")).ok()?;
        let kept: Self = serde_json::from_slice(&text).ok()?;
        (0..kept.files.len()).all(|number| copy_of(&folder.join("kept"), number).is_file()).then_some(kept)
    }

    /// Keeps files as they are now, in place of what was kept before.
    pub fn keep(folder: &Path, revision: &str, paths: &[&Path]) -> io::Result<Self> {
        let new = folder.join("kept.new");
        remove_folder(&new)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&new)?;
        let mut files = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let metadata = fs::metadata(path)?;
            let copy = copy_of(&new, number);
            // The group and the world must not read an environment through its copy; the folder keeps them out.
            if metadata.size() < WORTH_LINKING || fs::hard_link(path, &copy).is_err() {
                fs::copy(path, &copy)?;
            }
            let (mode, owner, group) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
            files.push(KeptFile { path: path.to_path_buf(), mode, owner, group });
        }
        let kept = Self { revision: revision.to_owned(), files };
        fs::write(new.join("release.json"), serde_json::to_vec(&kept)?)?;
        File::open(&new)?.sync_all()?;
        let place = folder.join("kept");
        if place.exists() {
            // At every moment one of the two is there whole.
            rustix::fs::renameat_with(CWD, &new, CWD, &place, RenameFlags::EXCHANGE)?;
            remove_folder(&new)?;
        } else {
            fs::rename(&new, &place)?;
        }
        Ok(kept)
    }

    /// Puts the kept files back where they were.
    pub fn restore(&self, folder: &Path) -> io::Result<()> {
        for (number, file) in self.files.iter().enumerate() {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let beside = file.path.with_file_name(format!(".{name}.distctl-old"));
            let copy = copy_of(&folder.join("kept"), number);
            let _ = fs::remove_file(&beside);
            if fs::metadata(&copy)?.size() < WORTH_LINKING || fs::hard_link(&copy, &beside).is_err() {
                fs::copy(&copy, &beside)?;
            }
            std::os::unix::fs::chown(&beside, Some(file.owner), Some(file.group))?;
            fs::set_permissions(&beside, fs::Permissions::from_mode(file.mode))?;
            fs::rename(&beside, &file.path)?;
        }
        Ok(())
    }

    /// Its paths.
    pub fn paths(&self) -> BTreeSet<&Path> {
        self.files.iter().map(|file| file.path.as_path()).collect()
    }
}

fn copy_of(folder: &Path, number: usize) -> PathBuf {
    folder.join(number.to_string())
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_worked_comes_back_with_its_modes() {
        let root = tempfile::tempdir().unwrap();
        let (folder, env, program) =
            (root.path().join("web"), root.path().join("web.env"), root.path().join("program"));
        fs::write(&env, "A=1").unwrap();
        fs::set_permissions(&env, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&program, vec![7; 2 << 20]).unwrap();
        assert_eq!(Kept::read(&folder), None);
        let kept = Kept::keep(&folder, "r1", &[&env, &program]).unwrap();
        assert_eq!(Kept::read(&folder), Some(kept.clone()));
        // As a deployment does: one changed in place, one replaced.
        fs::write(&env, "A=2").unwrap();
        fs::remove_file(&program).unwrap();
        fs::write(&program, "other").unwrap();
        kept.restore(&folder).unwrap();
        assert_eq!(fs::read_to_string(&env).unwrap(), "A=1");
        assert_eq!(fs::metadata(&env).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read(&program).unwrap(), vec![7; 2 << 20]);
        assert_eq!(Kept::read(&folder), Some(kept));
    }

    #[test]
    fn the_newest_is_kept_in_place_of_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let (folder, file) = (root.path().join("web"), root.path().join("file"));
        for revision in ["r1", "r2"] {
            fs::write(&file, revision).unwrap();
            Kept::keep(&folder, revision, &[&file]).unwrap();
        }
        fs::write(&file, "r3").unwrap();
        let kept = Kept::read(&folder).unwrap();
        kept.restore(&folder).unwrap();
        assert_eq!((kept.revision.as_str(), fs::read_to_string(&file).unwrap().as_str()), ("r2", "r2"));
        assert!(!folder.join("kept.new").exists());
    }

    #[test]
    fn half_of_a_release_is_none() {
        let root = tempfile::tempdir().unwrap();
        let (folder, file) = (root.path().join("web"), root.path().join("file"));
        fs::write(&file, "x").unwrap();
        Kept::keep(&folder, "r1", &[&file]).unwrap();
        fs::remove_file(copy_of(&folder.join("kept"), 0)).unwrap();
        assert_eq!(Kept::read(&folder), None);
    }
}
