//! Writing files: each is whole and has its owner before it is seen under its name.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use protocol::{Directory, Failure, FileContent, FileWrite, WriteRequest};

use crate::filled;
use crate::hash::{self, Hashes};
use crate::names::Names;
use crate::run::run;

/// Makes users and directories, then writes files in order, then removes.
pub async fn write(request: &WriteRequest) -> Result<(), Failure> {
    for user in &request.system_users {
        ensure_system_user(user).await?;
    }
    let request = request.clone();
    let written = tokio::task::spawn_blocking(move || write_all(&request, hash::CACHE));
    written.await.map_err(|error| Failure::new("files of the guest", error.to_string()))?
}

async fn ensure_system_user(name: &str) -> Result<(), Failure> {
    if Names::users().has(name) {
        return Ok(());
    }
    let mut arguments = vec!["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"];
    if Names::groups().has(name) {
        arguments.extend(["--gid", name]);
    } else {
        arguments.push("--user-group");
    }
    arguments.extend(["--", name]);
    let ran = run("useradd", &arguments).await?;
    if ran.ok {
        return Ok(());
    }
    Err(Failure::new(format!("system user {name}"), format!("can't be made: {}", ran.last_error())))
}

fn write_all(request: &WriteRequest, cache: &str) -> Result<(), Failure> {
    let place = Place { users: Names::users(), groups: Names::groups() };
    for directory in &request.directories {
        place.ensure_directory(directory)?;
    }
    let mut hashes = Hashes::load(cache);
    for file in &request.files {
        place.put(file, &mut hashes)?;
    }
    hashes.save();
    for path in &request.remove {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(explain(path, "removed", &error)),
            _ => {}
        }
    }
    Ok(())
}

/// Who owns what is written.
struct Place {
    users: Names,
    groups: Names,
}

impl Place {
    fn ensure_directory(&self, directory: &Directory) -> Result<(), Failure> {
        let Directory { path, mode, owner, group } = directory;
        let (owner, group) = (self.users.number(owner)?, self.groups.number(group)?);
        make_directories(Path::new(path))
            .and_then(|()| own(Path::new(path), *mode, owner, group))
            .map_err(|error| explain(path, "made", &error))
    }

    fn put(&self, file: &FileWrite, hashes: &mut Hashes) -> Result<(), Failure> {
        let (owner, group) = (self.users.number(&file.owner)?, self.groups.number(&file.group)?);
        let path = Path::new(&file.path);
        let failed = |error: io::Error| explain(&file.path, "written", &error);
        make_directories(path.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        let prepared = match &file.content {
            FileContent::Inline(text) => {
                let bytes = BASE64_STANDARD
                    .decode(text)
                    .map_err(|error| Failure::new(&file.path, format!("came damaged: {error}")))?;
                beside(path, |new| new.write_all(&bytes)).map_err(failed)?
            }
            FileContent::Filled(pieces) => {
                let text = filled::fill(pieces)?;
                beside(path, |new| new.write_all(&text)).map_err(failed)?
            }
            FileContent::Staged { path: staged, sha256 } => match prepare_staged(path, staged, sha256)? {
                Some(prepared) => prepared,
                None => return own(path, file.mode, owner, group).map_err(failed),
            },
        };
        own(&prepared, file.mode, owner, group)
            .and_then(|()| fs::rename(&prepared, path))
            .and_then(|()| sync_folder(path))
            .inspect_err(|_| drop(fs::remove_file(&prepared)))
            .map_err(failed)?;
        if let FileContent::Staged { sha256, .. } = &file.content {
            hashes.remember(path, sha256);
        }
        Ok(())
    }
}

/// Brings a pushed file onto the file system of its place. `None` if it was moved there by an earlier run that ended
/// too soon to say so.
fn prepare_staged(path: &Path, staged: &str, sha256: &str) -> Result<Option<PathBuf>, Failure> {
    let from = Path::new(staged);
    let hash_of = |file: &Path| Hashes::default().of(file);
    let found = match hash_of(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && hash_of(path).is_ok_and(|hash| hash == sha256) => {
            return Ok(None);
        }
        found => found.map_err(|error| explain(staged, "read", &error))?,
    };
    if found != sha256 {
        return Err(Failure::new(staged, format!("has the SHA-256 {found} instead of {sha256}"))
            .with_hint("the push into the guest was cut short: run distctl up again"));
    }
    let folder = path.parent().and_then(|folder| folder.metadata().ok()).map(|folder| folder.dev());
    if from.metadata().ok().map(|file| file.dev()) == folder {
        let moved = File::open(from).and_then(|file| file.sync_all());
        return moved.map(|()| Some(from.to_owned())).map_err(|error| explain(staged, "flushed", &error));
    }
    let copied = beside(path, |new| io::copy(&mut File::open(from)?, new).map(drop));
    let copied = copied.map_err(|error| explain(&path.to_string_lossy(), "written", &error))?;
    let _ = fs::remove_file(from);
    Ok(Some(copied))
}

/// Writes a new file beside `path`, for root's eyes only, and flushes it. Its name is always the same, so that a run
/// that was killed leaves nothing that the next one doesn't take away.
fn beside(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let new = path.with_file_name(format!(".{}.distctl-new", name.to_string_lossy()));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
    match fill(&mut file).and_then(|()| file.sync_all()) {
        Ok(()) => Ok(new),
        Err(error) => {
            let _ = fs::remove_file(&new);
            Err(error)
        }
    }
}

fn make_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Owner first: changing it takes away set-user-id bits.
fn own(path: &Path, mode: u32, owner: u32, group: u32) -> io::Result<()> {
    std::os::unix::fs::chown(path, Some(owner), Some(group))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// A rename lasts once its folder is flushed.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn explain(path: &str, what: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::StorageFull {
        let free = crate::inspect::disk(&nearest_folder(path)).0 >> 20;
        return Failure::new(path, format!("can't be {what}: the disk of the container is full: {free} MB free"))
            .with_hint("make room in the container, or give it a larger root disk");
    }
    if error.kind() == io::ErrorKind::ReadOnlyFilesystem {
        let folder = nearest_folder(path);
        return Failure::new(path, format!("can't be {what}: {folder} is on a read-only file system"))
            .with_hint(format!("see why in the container: `findmnt --target {folder}`"));
    }
    Failure::new(path, format!("can't be {what}: {error}"))
}

fn nearest_folder(path: &str) -> String {
    let folder = Path::new(path).ancestors().skip(1).find(|folder| folder.is_dir());
    folder.unwrap_or(Path::new("/")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
