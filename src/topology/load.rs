//! From a path, or a text, to a [`Topology`].

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use super::finding::{Findings, Notes};
use super::{Origin, Topology, foreign, sections, validate, yaml};

/// How large a topology may be, in bytes: 1 MiB. A file of 1,000 containers has some 200 KiB.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a topology and checks it, with the files of this host that it names.
///
/// # Errors
/// All that is wrong with it, warnings included.
pub fn load(path: &Path) -> Result<Topology, Findings> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    checked(&text, path, |topology, notes| {
        validate::check(topology, notes);
        validate::files::check(topology, folder, notes);
    })
}

/// Reads a topology and checks it, but for the files of this host that it names: enough for taking a system down.
///
/// # Errors
/// All that is wrong with it, warnings included.
pub fn load_without_files(path: &Path) -> Result<Topology, Findings> {
    parse(&read(path)?, path)
}

/// Makes a topology of a text and checks it, but for the files of this host that it names.
///
/// # Errors
/// All that is wrong with it, warnings included.
pub fn parse(text: &str, file: &Path) -> Result<Topology, Findings> {
    checked(text, file, validate::check)
}

fn checked(text: &str, file: &Path, check: impl FnOnce(&Topology, &mut Notes)) -> Result<Topology, Findings> {
    // A byte order mark would shift nothing but the first column; the parser skips it, and so do we.
    let text = text.trim_start_matches('\u{feff}');
    let mut notes = Notes::default();
    let tree = yaml::tree(text, &mut notes);
    let origin = Origin { file: file.to_path_buf(), text: Arc::from(text), tree, warnings: Vec::new() };
    let tree = origin.tree.clone().filter(|tree| !foreign::is_foreign(tree, &mut notes));
    let read = tree.and_then(|tree| sections::topology(&tree, origin.clone(), &mut notes));
    if let Some(topology) = &read {
        check(topology, &mut notes);
    }
    let findings = origin.findings(notes);
    match read {
        Some(mut topology) if !findings.has_errors() => {
            topology.origin.warnings = findings.list;
            Ok(topology)
        }
        _ => Err(findings),
    }
}

/// Reads the text of a file, at most [`MAX_BYTES`].
fn read(path: &Path) -> Result<String, Findings> {
    let fail = |message: String, instead: String| {
        let mut notes = Notes::default();
        notes.error(None, message).instead(instead);
        Findings { file: path.to_path_buf(), source: Arc::from(""), list: notes.into_list() }
    };
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => fail(
            "there is no such file".to_owned(),
            "name the topology with `--file PATH`, or change to the folder that holds `topology.yaml`".to_owned(),
        ),
        _ => fail(format!("it can't be read: {error}"), "look at the file's permissions".to_owned()),
    };
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        let inside = path.join("topology.yaml");
        let instead = format!("name a file: `--file {}`", inside.display());
        return Err(fail("it is a folder, not a file".to_owned(), instead));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        let large = metadata.len() / MAX_BYTES;
        let message = format!("it is too large for a topology: {large} MiB, where 1 MiB is the most");
        return Err(fail(message, "check that `--file` names the right file".to_owned()));
    }
    foreign::text(bytes).map_err(|(message, instead)| fail(message, instead))
}
