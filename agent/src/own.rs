//! Giving all below a folder to its owner.

use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use protocol::{Directory, Failure};

use crate::inspect::storage::below;
use crate::names::Names;

/// Gives a folder and all below it to its owner. Links themselves are given, not what they lead to.
pub async fn own(tree: &Directory) -> Result<(), Failure> {
    let tree = tree.clone();
    let owned = tokio::task::spawn_blocking(move || own_all(&tree)).await;
    owned.map_err(|error| Failure::new("files of the guest", error.to_string()))?
}

fn own_all(tree: &Directory) -> Result<(), Failure> {
    let (owner, group) = (Names::users().number(&tree.owner)?, Names::groups().number(&tree.group)?);
    let give = |path: &Path| match path.symlink_metadata() {
        Ok(found) if (found.uid(), found.gid()) == (owner, group) => Ok(()),
        Ok(_) => lchown(path, Some(owner), Some(group)),
        // mongod removes files of its own meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    let failed = |path: &Path, error: &io::Error| {
        let cause = format!("can't be given to {}: {error}", tree.owner);
        Failure::new(path.to_string_lossy(), cause).with_hint("see in the container who may change it")
    };
    let top = Path::new(&tree.path);
    give(top).map_err(|error| failed(top, &error))?;
    for entry in below(top) {
        give(&entry.path()).map_err(|error| failed(&entry.path(), &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_below_a_folder_gets_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/file"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a/link")).unwrap();
        let before = Path::new("/etc/passwd").metadata().unwrap().uid();
        let own = folder.path().metadata().unwrap();
        // Only root can give files away; who is not root gives them to himself.
        let to = if own.uid() == 0 { 4321 } else { own.uid() };
        let path = folder.path().to_str().unwrap().to_owned();
        own_all(&Directory { path, mode: 0o700, owner: to.to_string(), group: own.gid().to_string() }).unwrap();
        for entry in ["", "a", "a/b", "a/b/file", "a/link"] {
            assert_eq!(folder.path().join(entry).symlink_metadata().unwrap().uid(), to, "{entry}");
        }
        assert_eq!(Path::new("/etc/passwd").metadata().unwrap().uid(), before);
    }
}
