//! What fills or blocks the disk: logs, read-only mounts, files of others in data folders.

use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use protocol::{Directory, Storage, Stranger};
use rustix::fs::StatVfsMountFlags;

use crate::names::Names;

/// Folders that logs fill.
const LOGS: [&str; 2] = ["/var/log/mongodb", "/var/log/journal"];

/// Folders that distctl writes to.
const WRITTEN: [&str; 4] = ["/etc", "/usr/local", "/var/lib", "/var/log"];

/// So many entries of a folder are looked at, at most: some 50 ms.
const MOST: usize = 50_000;

/// Looks at the disk; `trees` are folders with the owner that all in them must have.
pub fn look(trees: &[Directory]) -> Storage {
    let (users, groups) = (Names::users(), Names::groups());
    Storage {
        logs: LOGS
            .iter()
            .filter(|folder| Path::new(folder).is_dir())
            .map(|one| ((*one).to_owned(), size(one)))
            .collect(),
        read_only: WRITTEN.iter().filter(|folder| is_read_only(folder)).map(ToString::to_string).collect(),
        strangers: trees.iter().filter_map(|tree| stranger(tree, &users, &groups)).collect(),
    }
}

/// Whether a folder is mounted read-only.
pub fn is_read_only(folder: &str) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn size(folder: &str) -> u64 {
    let sizes = below(Path::new(folder)).take(MOST).filter_map(|entry| entry.metadata().ok());
    sizes.filter(|found| found.is_file()).map(|found| found.len()).sum()
}

fn stranger(tree: &Directory, users: &Names, groups: &Names) -> Option<Stranger> {
    let (owner, group) = (users.number(&tree.owner).ok()?, groups.number(&tree.group).ok()?);
    below(Path::new(&tree.path)).take(MOST).find_map(|entry| {
        // That of a link itself, not of what it leads to.
        let found = entry.metadata().ok().filter(|found| (found.uid(), found.gid()) != (owner, group))?;
        Some(Stranger {
            folder: tree.path.clone(),
            path: entry.path().to_string_lossy().into_owned(),
            owner: format!("{}:{}", users.name(found.uid()), groups.name(found.gid())),
        })
    })
}

/// All that is below a folder; links are not followed, and neither what can't be read nor other disks that are mounted
/// there is looked into.
pub fn below(folder: &Path) -> impl Iterator<Item = DirEntry> {
    let disk = fs::symlink_metadata(folder).ok().map(|found| found.dev());
    let is_here = move |entry: &DirEntry| entry.metadata().ok().map(|found| found.dev()) == disk;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut entries: Vec<DirEntry> = Vec::new();
    std::iter::from_fn(move || {
        loop {
            if let Some(entry) = entries.pop() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
                return Some(entry);
            }
            entries = fs::read_dir(folders.pop()?).into_iter().flatten().flatten().filter(&is_here).collect();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_another_owner_is_found_however_deep() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        fs::create_dir(&journal).unwrap();
        fs::write(journal.join("log"), "12345").unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        let own = folder.path().metadata().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let tree = |uid: u32| Directory {
            path: path.clone(),
            mode: 0o700,
            owner: uid.to_string(),
            group: own.gid().to_string(),
        };
        assert_eq!(look(&[tree(own.uid())]).strangers, []);
        let found = look(&[tree(own.uid() + 1)]).strangers;
        assert!(found.len() == 1 && found[0].folder == path && found[0].path.starts_with(&path), "{found:?}");
        assert_eq!(below(folder.path()).count(), 3, "a link is not followed");
        assert!(size(&path) >= 5);
    }
}
