//! What is at a path.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use protocol::{Failure, PathState};

use crate::hash::Hashes;
use crate::names::Names;

/// States of those of the asked paths that exist. A symbolic link is looked at itself, not through.
pub fn states(asked: &[String], cache: &str) -> Result<BTreeMap<String, PathState>, Failure> {
    let (users, groups, mut hashes) = (Names::users(), Names::groups(), Hashes::load(cache));
    let mut states = BTreeMap::new();
    for path in asked {
        match state(Path::new(path), &users, &groups, &mut hashes) {
            Ok(state) => drop(states.insert(path.clone(), state)),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Failure::new(path, format!("can't be looked at: {error}"))),
        }
    }
    hashes.save();
    Ok(states)
}

/// Whether an error means that there is nothing at the path.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn state(path: &Path, users: &Names, groups: &Names, hashes: &mut Hashes) -> io::Result<PathState> {
    let metadata = std::fs::symlink_metadata(path)?;
    let sha256 = if metadata.is_file() { Some(hashes.of(path)?) } else { None };
    Ok(PathState {
        sha256,
        mode: metadata.mode() & 0o7777,
        owner: users.name(metadata.uid()),
        group: groups.name(metadata.gid()),
        size: metadata.size(),
        changed_ms: metadata.mtime() * 1_000 + metadata.mtime_nsec() / 1_000_000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_directories_links_and_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(at("file"), "abc").unwrap();
        std::fs::set_permissions(at("file"), std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        let asked = [at("file"), at("link"), at("absent"), at("file/below"), at("")];
        let states = states(&asked, &at("cache.json")).unwrap();

        let file = &states[&at("file")];
        assert_eq!((file.mode, file.size), (0o640, 3));
        assert!(file.sha256.as_deref().unwrap().starts_with("ba7816bf"));
        assert_eq!(states[&at("link")].sha256, None);
        assert_eq!(states[&at("")].sha256, None);
        assert_eq!(states.len(), 3);
    }
}
