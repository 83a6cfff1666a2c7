//! Artifacts, and the files of this host that the topology names.

use std::path::Path;

use super::super::{Artifact, At, Notes, Span, Topology};
use super::services::filled;

/// Checks how artifacts are declared, without a look at the disk.
pub(super) fn declared(topology: &Topology, notes: &mut Notes) {
    for (name, artifact) in topology.artifacts.iter() {
        source(name, artifact, topology.artifacts.span(name), notes);
        for sha256 in artifact.sha256.iter() {
            if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                notes
                    .error(sha256.span, "a SHA-256 has 64 digits from 0 to f")
                    .instead("write what `sha256sum FILE` prints");
            }
        }
    }
}

/// Checks where an artifact comes from: a file of this host, or a download that is known by its hash.
fn source(name: &str, artifact: &Artifact, span: Span, notes: &mut Notes) {
    match (&artifact.path, &artifact.url) {
        (None, None) => {
            notes
                .error(span, format!("`{name}` has no file"))
                .instead(format!("add `path: artifacts/{name}`, or `url:` and `sha256:`"));
        }
        (Some(path), Some(url)) => {
            notes
                .error(url.span, format!("`{name}` has a `path` and a `url`"))
                .instead("keep the one that is meant")
                .also(path.span, "the path");
        }
        (None, Some(url)) if !url.starts_with("https://") && !url.starts_with("http://") => {
            notes.error(url.span, "this is not a URL that can be downloaded").instead("write `https://HOST/PATH`");
        }
        (None, Some(url)) if has_password(url) => {
            notes
                .error(url.span, "a name or password in a URL would show in messages")
                .instead("download it by hand and write `path:`, or offer it without a password: its hash protects it");
        }
        (None, Some(url)) if artifact.sha256.is_none() => {
            notes
                .error(url.span, "a download is only taken if its hash is known")
                .instead("add `sha256:` and what `sha256sum` prints for it");
        }
        _ => {}
    }
    if let (Some(member), None) = (&artifact.member, &artifact.url) {
        notes
            .error(member.span, "`member` is a file in a download")
            .instead("add `url:`, or unpack the archive and write `path:`");
    }
}

/// Whether there is a user before the host.
fn has_password(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next();
    host.is_some_and(|host| host.contains('@'))
}

/// Checks that all files are there, and what is filled into templates.
pub(crate) fn check(topology: &Topology, folder: &Path, notes: &mut Notes) {
    for (_, artifact) in topology.artifacts.iter() {
        if let Some(path) = &artifact.path {
            exists(path, folder, notes);
        }
    }
    for (_, service) in topology.services.iter() {
        for binary in service.binary.iter().filter(|binary| !topology.artifacts.declares(binary)) {
            exists(binary, folder, notes);
        }
        for (_, file) in service.files.iter() {
            if let Some(source) = &file.source {
                exists(source, folder, notes);
            }
            file.template.iter().for_each(|path| template(path, folder, topology, notes));
        }
    }
}

/// Checks what is filled into a template.
fn template(path: &At<String>, folder: &Path, topology: &Topology, notes: &mut Notes) {
    if !exists(path, folder, notes) {
        return;
    }
    match std::fs::read_to_string(folder.join(&path.value)) {
        Ok(text) => filled(&text, |_| path.span, topology, notes),
        Err(error) => {
            let finding = notes.error(path.span, format!("`{}` can't be read: {error}", path.value));
            finding.instead("a template is a text in UTF-8");
        }
    }
}

fn exists(path: &At<String>, folder: &Path, notes: &mut Notes) -> bool {
    let whole = folder.join(&path.value);
    let problem = match std::fs::metadata(&whole) {
        Ok(metadata) if metadata.is_file() => return true,
        Ok(_) => format!("`{}` is not a file", path.value),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => format!("`{}` is not there", path.value),
        Err(error) => format!("`{}` can't be read: {error}", path.value),
    };
    let finding = notes.error(path.span, problem);
    finding.instead(format!("put the file at `{}`, or write where it is", whole.display()));
    false
}
