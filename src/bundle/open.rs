//! Opening a bundle for reading.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use ::bundle::{Bundle, Identity, Summary, Unsealed};
use anyhow::{Context, Result, anyhow, bail};
use tempfile::NamedTempFile;

use super::Manifest;

/// How many times a bundle may hold more than its own size: shared content and zeros are kept once, but a file of a few
/// bytes that holds a terabyte was made to fill a disk.
const MOST: u64 = 2_000;

/// What any bundle may hold, however small, in bytes.
const ALWAYS: u64 = 64 << 30;

/// How many threads check a bundle at once, at most.
const MOST_THREADS: usize = 4;

/// A bundle's file.
pub struct BundleFile {
    /// Where it is.
    pub path: PathBuf,
    identity: Option<Identity>,
    /// What it was first opened as: a passphrase takes a second and 128 MiB each time.
    opened: Mutex<Option<Source>>,
    /// What a stream was written to; gone with this.
    _spool: Option<NamedTempFile>,
}

/// A file that is decrypted, for all who read it.
type Opened = Arc<Mutex<Unsealed<File>>>;

/// The bytes of a bundle, decrypted where it is encrypted.
pub enum Source {
    /// As it is.
    Plain(File),
    /// Encrypted: where the next read begins, of one file that many read.
    Sealed(Opened, u64),
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it can't be read, or is encrypted for somebody else.
    pub fn open(path: &Path, identity: Option<&Identity>) -> Result<Self> {
        let mut file = File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
        if !is_sealed(&mut file)? {
            return Ok(Self::Plain(file));
        }
        let identity = identity.ok_or(Encrypted)?;
        Ok(Self::Sealed(Arc::new(Mutex::new(::bundle::unseal(file, identity)?)), 0))
    }

    /// Reads the same from the beginning.
    fn again(&self, path: &Path) -> Result<Self> {
        Ok(match self {
            Self::Plain(_) => {
                Self::Plain(File::open(path).with_context(|| format!("{} can't be read", path.display()))?)
            }
            Self::Sealed(opened, _) => Self::Sealed(Arc::clone(opened), 0),
        })
    }
}

/// A bundle is encrypted, and nothing was given to read it with.
#[derive(Debug, thiserror::Error)]
#[error("it is encrypted")]
pub struct Encrypted;

impl BundleFile {
    /// Finds what the command line names: a file, a folder that holds one bundle, or `-` for standard input.
    ///
    /// # Errors
    /// Where there is no bundle, or more than one.
    pub fn find(named: &Path, identity: Option<Identity>) -> Result<Self> {
        if named == Path::new("-") {
            let mut spool = NamedTempFile::new().context("there is no place for what comes in")?;
            io::copy(&mut io::stdin().lock(), &mut spool).context("the bundle can't be read from standard input")?;
            return Ok(Self { path: spool.path().to_owned(), identity, opened: Mutex::default(), _spool: Some(spool) });
        }
        let path = if named.is_dir() { only_one(named)? } else { named.to_owned() };
        Ok(Self { path, identity, opened: Mutex::default(), _spool: None })
    }

    /// Whether it is encrypted.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn is_encrypted(&self) -> Result<bool> {
        let mut file = File::open(&self.path).with_context(|| format!("{} can't be read", self.path.display()))?;
        Ok(is_sealed(&mut file)?)
    }

    /// Gives it what it is read with.
    pub fn unlock(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// Opens it and reads what it says of itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(&self) -> Result<(Bundle<Source>, Manifest)> {
        let bundle = Bundle::open(self.source()?)?;
        let manifest: Manifest = bundle.manifest().context("it was written by another version of distctl")?;
        let holds: u64 = bundle.pieces().map(|piece| piece.size).fold(0, u64::saturating_add);
        let size = std::fs::metadata(&self.path)?.len();
        if holds > ALWAYS.max(size.saturating_mul(MOST)) {
            bail!("it says that it holds {}, in {}: that is no system", super::size(holds), super::size(size));
        }
        for (name, packed) in &manifest.containers {
            let piece = bundle.piece(&packed.piece).ok_or_else(|| anyhow!("the container {name} is missing in it"))?;
            if piece.size != packed.size {
                bail!("it gives two sizes for the container {name}");
            }
        }
        for held in manifest.databases.values().flat_map(|database| &database.collections) {
            let sizes = held.content.iter().map(|piece| (piece, Some(held.holds.bytes)));
            for (name, size) in sizes.chain([(&held.made, None)]) {
                let piece = bundle.piece(name).ok_or_else(|| anyhow!("{name} is missing in it"))?;
                if size.is_some_and(|size| piece.size != size) {
                    bail!("it gives two sizes for {name}");
                }
            }
        }
        Ok((bundle, manifest))
    }

    fn source(&self) -> Result<Source> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.is_none() {
            *opened = Some(Source::open(&self.path, self.identity.as_ref())?);
        }
        opened.as_ref().ok_or(Encrypted)?.again(&self.path)
    }

    /// Checks every byte of it, on a few processors at once: each takes some 40 MB.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, progress: impl FnMut(u64, u64) + Send) -> Result<Summary> {
        self.open()?;
        let threads = available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let further = (1..threads).map(|_| self.source()).collect::<Result<_>>()?;
        Ok(::bundle::verify_with(self.source()?, further, progress)?)
    }
}

fn is_sealed(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    file.by_ref().take(32).read_to_end(&mut begin)?;
    file.rewind()?;
    Ok(::bundle::is_sealed(&begin))
}

fn only_one(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "distctl"));
    found.sort();
    match found.len() {
        0 => bail!("{} holds no bundle, no file that ends in .distctl", folder.display()),
        1 => Ok(found.remove(0)),
        _ => {
            let names: Vec<_> =
                found.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
            bail!("{} holds more than one bundle: {}", folder.display(), names.join(", "))
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Sealed(opened, at) => {
                let mut file = opened.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(*at))?;
                let read = file.read(buffer)?;
                *at += read as u64;
                Ok(read)
            }
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Plain(file) => file.seek(to),
            Self::Sealed(opened, at) => {
                let mut file = opened.lock().unwrap_or_else(PoisonError::into_inner);
                // What is relative is so to this reader's own place.
                file.seek(SeekFrom::Start(*at))?;
                *at = file.seek(to)?;
                Ok(*at)
            }
        }
    }
}
