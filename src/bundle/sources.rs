//! The topology and the files that it names, as they go into a bundle.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{DOWNLOADS, TOPOLOGY};
use crate::topology::Topology;

/// Folders beside the topology file whose templates go before the built-in ones.
const TEMPLATES: [&str; 2] = ["units", "templates"];

/// A piece that is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The piece's name.
    pub piece: String,
    /// What is in it.
    pub content: Content,
}

impl SourceFile {
    /// How many bytes it has; 0 for what can't be read, which is told when it is packed.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Host(path) => path.metadata().map_or(0, |file| file.len()),
        }
    }
}

/// What is in a piece that is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file of this host.
    Host(PathBuf),
}

/// The topology file and all that it names. In a bundle all paths are below its own folder, whatever they were.
///
/// # Errors
/// Templates beside the topology file that can't be read.
pub fn of_topology(topology: &Topology, folder: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut paths = Vec::new();
    for (number, named) in topology.host_files().into_iter().enumerate() {
        let path = folder.join(&named.value);
        let inside = format!("files/{number}-{}", plain_name(&path));
        files.push(SourceFile { piece: format!("{TOPOLOGY}{inside}"), content: Content::Host(path) });
        paths.push((named.span, inside));
    }
    for name in TEMPLATES {
        files.extend(own_templates(folder, name)?);
    }
    let text = topology.with_files(&paths).into_bytes();
    files.push(SourceFile { piece: format!("{TOPOLOGY}topology.yaml"), content: Content::Bytes(text) });
    Ok(files)
}

/// A file of the cache of downloads.
pub fn of_download(file: &Path, cache: &Path) -> Option<SourceFile> {
    let inside = file.strip_prefix(cache).ok()?.to_str()?;
    Some(SourceFile { piece: format!("{DOWNLOADS}{inside}"), content: Content::Host(file.to_owned()) })
}

fn own_templates(folder: &Path, name: &str) -> Result<Vec<SourceFile>> {
    let whole = folder.join(name);
    let failed = || format!("the templates in {} can't be read", whole.display());
    if !whole.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&whole).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.is_file() {
            let piece = format!("{TOPOLOGY}{name}/{}", plain_name(&path));
            files.push(SourceFile { piece, content: Content::Host(path) });
        }
    }
    files.sort_by(|one, other| one.piece.cmp(&other.piece));
    Ok(files)
}

/// The last part of a path, with nothing in it that a bundle does not take.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| if letter.is_control() || matches!(letter, '/' | '\\') { '_' } else { letter };
    name.chars().map(plain).take(100).collect()
}
