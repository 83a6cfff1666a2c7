//! Hashes of large files of this host, remembered between runs.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;

/// Smaller files, in bytes, are hashed each time: that takes a few milliseconds.
const WORTH_REMEMBERING: u64 = 1 << 20;

/// The hex SHA-256 and the size in bytes of a file. Large files are hashed once; what is remembered is in the user's
/// cache folder, and a cache that can't be read or written is no error.
///
/// # Errors
/// Why the file can't be read.
pub(super) fn of_file(path: &Path) -> io::Result<(String, u64)> {
    of_file_remembered(path, cache_folder().map(|folder| folder.join("hashes.json")).as_deref())
}

/// What tells that a file has not changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    identity: Identity,
    sha256: String,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn of_file_remembered(path: &Path, cache: Option<&Path>) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let identity = Identity::of(&file.metadata()?);
    let size = identity.size;
    let cache = cache.filter(|_| size >= WORTH_REMEMBERING);
    let mut known = cache.map(recall).unwrap_or_default();
    let key = fs::canonicalize(path)?.display().to_string();
    if let Some(remembered) = known.get(&key).filter(|remembered| remembered.identity == identity) {
        return Ok((remembered.sha256.clone(), size));
    }
    let sha256 = hash(&mut file)?;
    // A file that is being written has no hash worth remembering.
    if let Some(cache) = cache.filter(|_| file.metadata().is_ok_and(|now| Identity::of(&now) == identity)) {
        known.insert(key, Remembered { identity, sha256: sha256.clone() });
        let _ = remember(cache, &known);
    }
    Ok((sha256, size))
}

fn hash(file: &mut File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// The folder of what can be made anew: `$XDG_CACHE_HOME/distctl`, or `~/.cache/distctl`; none where no home is known.
pub fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(folder.join("distctl"))
}

fn recall(cache: &Path) -> BTreeMap<String, Remembered> {
    fs::read(cache).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Written beside its place and renamed, so that two runs at once don't spoil it.
fn remember(cache: &Path, known: &BTreeMap<String, Remembered>) -> io::Result<()> {
    let folder = cache.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".hashes.{}", std::process::id()));
    fs::write(&beside, serde_json::to_vec(known)?)?;
    fs::rename(&beside, cache)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::sha256_hex;

    #[test]
    fn remembers_large_files_until_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let (file, cache) = (folder.path().join("large"), folder.path().join("cache/hashes.json"));
        fs::write(&file, vec![1; 1 << 20]).unwrap();
        let (first, size) = of_file_remembered(&file, Some(&cache)).unwrap();
        assert_eq!((first.as_str(), size), (sha256_hex(&vec![1; 1 << 20]).as_str(), 1 << 20));

        // What is remembered is believed as long as the file is the same ...
        let believed = fs::read_to_string(&cache).unwrap().replace(&first, "believed");
        fs::write(&cache, believed).unwrap();
        assert_eq!(of_file_remembered(&file, Some(&cache)).unwrap().0, "believed");

        // ... and not when it is another.
        fs::write(&file, vec![2; 1 << 20]).unwrap();
        assert_eq!(of_file_remembered(&file, Some(&cache)).unwrap().0, sha256_hex(&vec![2; 1 << 20]));
    }

    #[test]
    fn does_without_a_cache() {
        let folder = tempfile::tempdir().unwrap();
        let (file, cache) = (folder.path().join("large"), folder.path().join("hashes.json"));
        fs::write(&file, vec![1; 1 << 20]).unwrap();
        fs::write(&cache, "broken").unwrap();
        let expected = sha256_hex(&vec![1; 1 << 20]);
        assert_eq!(of_file_remembered(&file, Some(&cache)).unwrap().0, expected);
        assert_eq!(of_file_remembered(&file, Some(&file.join("no/folder"))).unwrap().0, expected);
        assert_eq!(of_file_remembered(&file, None).unwrap().0, expected);
        assert!(of_file_remembered(&folder.path().join("nothing"), None).is_err());
    }
}
