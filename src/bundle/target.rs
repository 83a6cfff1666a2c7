//! Where a bundle is written to: a file that takes its name when it is whole, or a stream.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::bundle::{Recipient, Sealed};
use anyhow::{Context, Result, bail};

/// How much is written at once, in bytes.
const BUFFER: usize = 1 << 20;

/// Where a bundle goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file of this name.
    File(PathBuf),
    /// Standard output.
    Stream,
}

impl Target {
    /// Reads what the command line names: `-`, a file, or a folder, in which the file then has a name of its own.
    pub fn of(named: &Path, topology: &str, now: &str) -> Self {
        if named == Path::new("-") {
            return Self::Stream;
        }
        let is_folder = named.is_dir() || named.as_os_str().to_string_lossy().ends_with('/');
        Self::File(if is_folder { named.join(format!("{topology}-{now}.distctl")) } else { named.to_owned() })
    }

    /// Where a file grows until it is whole.
    pub fn partial(&self) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        Some(path.with_file_name(name))
    }
}

/// A bundle that is being written.
pub enum Out {
    /// As it is.
    Plain(Box<Raw>),
    /// Encrypted.
    Sealed(Box<Sealed<Raw>>),
}

/// The bytes' way to the disk, or to who reads the stream.
pub enum Raw {
    /// A file that is not whole yet.
    File(BufWriter<File>),
    /// Standard output.
    Stream(io::Stdout),
}

impl Out {
    /// Begins a bundle. Only its owner may read it, and a file of its name stays until the new one is whole.
    ///
    /// # Errors
    /// Where there is an unfinished one already, or the file can't be made.
    pub fn begin(target: &Target, recipient: Option<&Recipient>) -> Result<Self> {
        let raw = match target.partial() {
            None => Raw::Stream(io::stdout()),
            Some(partial) => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
                Raw::File(BufWriter::with_capacity(
                    BUFFER,
                    file.with_context(|| format!("{} can't be made", partial.display()))?,
                ))
            }
        };
        Ok(match recipient {
            None => Self::Plain(Box::new(raw)),
            Some(recipient) => Self::Sealed(Box::new(::bundle::seal(raw, recipient)?)),
        })
    }

    /// Ends a bundle that is whole: only now it takes its name.
    ///
    /// # Errors
    /// Where the last of it can't be written.
    pub fn end(self, target: &Target) -> Result<()> {
        let raw = match self {
            Self::Plain(raw) => *raw,
            Self::Sealed(sealed) => sealed.finish()?,
        };
        let file = match raw {
            Raw::Stream(mut out) => return Ok(out.flush()?),
            Raw::File(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?,
        };
        file.sync_all()?;
        let (Target::File(path), Some(partial)) = (target, target.partial()) else {
            bail!("a file was written where a stream was asked for");
        };
        fs::rename(&partial, path).with_context(|| format!("{} can't take its name", partial.display()))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all().context("the folder of the bundle can't be written")
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.write(bytes),
            Self::Sealed(sealed) => sealed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(raw) => raw.flush(),
            Self::Sealed(sealed) => sealed.flush(),
        }
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(out) => out.flush(),
        }
    }
}
