//! SHA-256 of files, remembered while the guest runs.
//!
//! A mongod is 141 MB: hashing it on each plan would cost more than all the rest of an inspection. What was hashed is
//! kept on a tmpfs by all that changes when a file does, so a stale entry can't be found.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where hashes are kept: on a tmpfs, so that looking changes nothing of the system.
pub const CACHE: &str = "/run/distctl/hashes.json";

/// Files of at least this size are remembered; smaller ones are hashed sooner than looked up.
const WORTH_REMEMBERING: u64 = 1 << 20;

/// What was hashed before.
#[derive(Debug, Default)]
pub struct Hashes {
    file: PathBuf,
    known: BTreeMap<String, Entry>,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    identity: Identity,
    sha256: String,
}

/// All that tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    dev: u64,
    inode: u64,
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            dev: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Hashes {
    /// Loads what is remembered in `file`; a file that is absent or damaged counts as empty.
    pub fn load(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let known = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { file, known, changed: false }
    }

    /// The hex SHA-256 of a regular file.
    pub fn of(&mut self, path: &Path) -> io::Result<String> {
        let metadata = std::fs::metadata(path)?;
        let (key, identity) = (path.to_string_lossy().into_owned(), Identity::of(&metadata));
        if let Some(entry) = self.known.get(&key).filter(|entry| entry.identity == identity) {
            return Ok(entry.sha256.clone());
        }
        let sha256 = of_file(path)?;
        self.remember(path, &sha256);
        Ok(sha256)
    }

    /// Remembers what a file that was just written hashes to.
    pub fn remember(&mut self, path: &Path, sha256: &str) {
        let Ok(metadata) = std::fs::metadata(path) else { return };
        if metadata.size() >= WORTH_REMEMBERING {
            let entry = Entry { identity: Identity::of(&metadata), sha256: sha256.to_owned() };
            self.known.insert(path.to_string_lossy().into_owned(), entry);
            self.changed = true;
        }
    }

    /// Writes down what is new. Losing it costs time only, so nothing fails here.
    pub fn save(&self) {
        if self.changed {
            let _ = self.try_save();
        }
    }

    fn try_save(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let beside = self.file.with_extension(format!("{}.new", std::process::id()));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec(&self.known)?)?;
        std::fs::rename(&beside, &self.file)
    }
}

/// The hex SHA-256 of bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 17];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&block[..read]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big_file(folder: &Path, content: u8) -> PathBuf {
        let path = folder.join("big");
        std::fs::write(&path, vec![content; 2 << 20]).unwrap();
        path
    }

    #[test]
    fn a_remembered_hash_is_taken_only_while_the_file_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (path, cache) = (big_file(folder.path(), 1), folder.path().join("cache/hashes.json"));
        let mut hashes = Hashes::load(&cache);
        let first = hashes.of(&path).unwrap();
        assert_eq!(first, of_bytes(&vec![1; 2 << 20]));
        hashes.save();

        let mut again = Hashes::load(&cache);
        // A wrong hash under the right identity shows that it is the memory that answers.
        again.known.get_mut(path.to_str().unwrap()).unwrap().sha256 = "remembered".into();
        assert_eq!(again.of(&path).unwrap(), "remembered");
        big_file(folder.path(), 2);
        assert_eq!(again.of(&path).unwrap(), of_bytes(&vec![2; 2 << 20]));
    }

    #[test]
    fn a_damaged_cache_is_ignored_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, cache) = (big_file(folder.path(), 1), folder.path().join("hashes.json"));
        std::fs::write(&cache, "{\"half").unwrap();
        let mut hashes = Hashes::load(&cache);
        let sha256 = hashes.of(&path).unwrap();
        hashes.save();
        let saved: BTreeMap<String, Entry> = serde_json::from_slice(&std::fs::read(&cache).unwrap()).unwrap();
        assert_eq!(saved.get(path.to_str().unwrap()).unwrap().sha256, sha256);
    }

    #[test]
    fn small_files_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (path, cache) = (folder.path().join("small"), folder.path().join("hashes.json"));
        std::fs::write(&path, "abc").unwrap();
        let mut hashes = Hashes::load(&cache);
        assert_eq!(hashes.of(&path).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        hashes.save();
        assert!(!cache.exists());
    }
}
