//! Files of this host that are pushed as they are.

use std::path::Path;

use super::{Content, File, hash};
use crate::topology::{Artifact, At, Notes, Topology};

/// Where an artifact for all users goes in a container.
const MONGOD: &str = "/usr/local/bin/mongod";

/// The mongod that runs in the containers.
pub(super) struct Binary {
    /// Where it is in a container.
    pub path: String,
    /// The file to push; `None` where the image has it.
    pub file: Option<File>,
}

impl Binary {
    /// Finds the binary that a topology names; `None` if it names none, or notes why it can't be read.
    pub fn of(topology: &Topology, base: &Path, notes: &mut Notes) -> Option<Self> {
        let name = topology.mongodb.binary.as_ref()?;
        if name.starts_with('/') {
            return Some(Self { path: name.value.clone(), file: None });
        }
        let content = content(topology.artifacts.get(name)?, base, notes)?;
        let (owner, group) = ("root".to_owned(), "root".to_owned());
        let file = File { mode: 0o755, owner, group, content, restarts: None };
        Some(Self { path: MONGOD.to_owned(), file: Some(file) })
    }

    /// What tells this binary from another: its hash, or its path where the image has it.
    pub fn identity(&self) -> &str {
        match &self.file {
            Some(File { content: Content::Artifact { sha256, .. }, .. }) => sha256,
            _ => &self.path,
        }
    }
}

/// What an artifact is pushed as, or notes why it can't be read.
pub(super) fn content(artifact: &Artifact, base: &Path, notes: &mut Notes) -> Option<Content> {
    of_path(artifact.path.as_ref()?, artifact.sha256.as_ref(), base, notes)
}

/// The file that a service's binary names: an artifact, or a file by its path.
pub(super) fn of_binary(named: &At<String>, topology: &Topology, base: &Path, notes: &mut Notes) -> Option<Content> {
    match topology.artifacts.get(named) {
        Some(artifact) => content(artifact, base, notes),
        None => of_path(named, None, base, notes),
    }
}

/// A file of this host, with the hash that it must have, if one is known.
pub(super) fn of_path(
    named: &At<String>,
    expected: Option<&At<String>>,
    base: &Path,
    notes: &mut Notes,
) -> Option<Content> {
    let path = base.join(&named.value);
    let (sha256, size) = match hash::of_file(&path) {
        Ok(hashed) => hashed,
        Err(error) => {
            let finding = notes.error(named.span, format!("`{}` can't be read: {error}", path.display()));
            finding.instead("put the file there, or write where it is");
            return None;
        }
    };
    if let Some(expected) = expected.filter(|expected| !expected.eq_ignore_ascii_case(&sha256)) {
        notes
            .error(expected.span, format!("`{}` has another SHA-256: {sha256}", path.display()))
            .instead("fetch the file again; write that hash only if you know the file to be right")
            .also(named.span, "the file");
        return None;
    }
    Some(Content::Artifact { path, sha256, size })
}
