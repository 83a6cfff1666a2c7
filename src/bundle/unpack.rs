//! The topology of a bundle as files of this host.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::bundle::Bundle;
use anyhow::{Context, Result, bail};

use super::open::{BundleFile, Source};
use super::{DOWNLOADS, TOPOLOGY};
use crate::topology::{Changes, parse};

/// The name of the topology's own file in its folder.
const FILE: &str = "topology.yaml";

/// A topology that can't be changed as asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unchangeable(String);

/// Writes the topology of a bundle and the files that it names into a folder, and downloads into the cache. Gives the
/// topology's file.
///
/// A folder that has other files of these names is left alone; one that has the same is what an earlier import wrote.
///
/// # Errors
/// What is in the way, what can't be changed as asked, what can't be written.
pub fn unpack(file: &BundleFile, folder: &Path, cache: Option<&Path>, changes: &Changes) -> Result<PathBuf> {
    let (mut bundle, _) = file.open()?;
    let topology = format!("{TOPOLOGY}{FILE}");
    let mut text = String::new();
    bundle.read(&topology)?.read_to_string(&mut text).context("its topology is not text")?;
    let text = parse(&text, Path::new(FILE))?.with_changes(changes).map_err(Unchangeable)?;
    let target = folder.join(FILE);
    if let Ok(there) = fs::read_to_string(&target)
        && there != text
    {
        bail!("{} is there already, and is another topology", target.display());
    }
    let names: Vec<String> = bundle.pieces().map(|piece| piece.name.clone()).collect();
    for name in names.iter().filter(|name| **name != topology) {
        let place = match (name.strip_prefix(TOPOLOGY), name.strip_prefix(DOWNLOADS), cache) {
            (Some(inside), ..) => folder.join(inside),
            (_, Some(inside), Some(cache)) => cache.join(inside),
            _ => continue,
        };
        write_piece(&mut bundle, name, &place).with_context(|| format!("{} can't be written", place.display()))?;
    }
    fs::create_dir_all(folder)?;
    write(&target, &mut text.as_bytes()).with_context(|| format!("{} can't be written", target.display()))?;
    Ok(target)
}

fn write_piece(bundle: &mut Bundle<Source>, name: &str, place: &Path) -> Result<()> {
    let size = bundle.piece(name).map(|piece| piece.size);
    if place.metadata().ok().map(|seen| seen.len()) == size {
        // It has its size; only what it holds tells whether it is the same.
        let (mut there, mut wanted) = (fs::File::open(place)?, bundle.read(name)?);
        if same(&mut there, &mut wanted)? {
            return Ok(());
        }
    }
    if place.exists() {
        bail!("it is there already, and is another");
    }
    fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
    write(place, &mut bundle.read(name)?)
}

/// Writes beside its place and renames: nothing half stays. Binaries of services are read by distctl, and pushed.
fn write(place: &Path, content: &mut dyn Read) -> Result<()> {
    let mut beside = place.file_name().unwrap_or_default().to_owned();
    beside.push(".new");
    let beside = place.with_file_name(beside);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&beside)?;
    io::copy(content, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    Ok(fs::rename(&beside, place)?)
}

fn same(one: &mut impl Read, other: &mut impl Read) -> io::Result<bool> {
    let (mut first, mut second) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = one.read(&mut first)?;
        if count == 0 {
            return Ok(other.read(&mut second)? == 0);
        }
        if let Err(error) = other.read_exact(&mut second[..count]) {
            return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(false) } else { Err(error) };
        }
        if first[..count] != second[..count] {
            return Ok(false);
        }
    }
}
