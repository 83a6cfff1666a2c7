//! Taking one file out of an archive: zip (and so a Python wheel), tar, or tar with gzip.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;

use anyhow::{Result, bail};
use tempfile::NamedTempFile;

/// More than this is no program: a small archive can hold a file without end.
const LARGEST: u64 = 4 << 30;

/// Writes a member of an archive to a new file in a folder.
pub(super) fn take(archive: &Path, member: &str, folder: &Path) -> Result<NamedTempFile> {
    let mut taken = NamedTempFile::new_in(folder)?;
    let mut file = BufReader::new(File::open(archive)?);
    let mut magic = [0; 4];
    let read = file.read(&mut magic)?;
    file.rewind()?;
    match &magic[..read] {
        b"PK\x03\x04" => copy(zip::ZipArchive::new(file)?.by_name(member)?, &mut taken)?,
        [0x1f, 0x8b, ..] => from_tar(flate2::read::GzDecoder::new(file), member, &mut taken)?,
        _ => from_tar(file, member, &mut taken)?,
    }
    taken.as_file().sync_all()?;
    Ok(taken)
}

fn from_tar(archive: impl Read, member: &str, to: &mut impl Write) -> Result<()> {
    for entry in tar::Archive::new(archive).entries()? {
        let entry = entry?;
        let path = entry.path()?;
        if path.strip_prefix("./").unwrap_or(&path) == Path::new(member) && entry.header().entry_type().is_file() {
            return copy(entry, to);
        }
    }
    bail!("there is no such file in it")
}

fn copy(from: impl Read, to: &mut impl Write) -> Result<()> {
    if io::copy(&mut from.take(LARGEST), to)? == LARGEST {
        bail!("the file in it is larger than {LARGEST} bytes");
    }
    Ok(())
}
