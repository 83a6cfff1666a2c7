//! What is held back, in memory alone: a guest that starts anew holds nothing back.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use protocol::{Failure, HeldMongod};

const FOLDER: &str = "/run/distctl/held";

fn place(id: &str) -> Result<PathBuf, Failure> {
    if crate::names::is_plain(id) {
        return Ok(Path::new(FOLDER).join(format!("{id}.json")));
    }
    Err(Failure::new(format!("cut `{id}`"), "letters, digits and hyphens alone make a name"))
}

/// Writes down what is about to be held back.
pub fn write(id: &str, mongods: &[HeldMongod]) -> Result<(), Failure> {
    let path = place(id)?;
    let write = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)?;
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&serde_json::to_vec(mongods)?)
    };
    write().map_err(|error| Failure::new(path.to_string_lossy(), format!("can't be written, nothing is held: {error}")))
}

/// What a cut holds back; nothing where it was let go.
pub fn read(id: &str) -> Result<Vec<HeldMongod>, Failure> {
    let path = place(id)?;
    let failed = |error: io::Error| Failure::new(path.to_string_lossy(), format!("can't be read: {error}"));
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
        Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into())),
    }
}

/// Strikes a cut out.
pub fn remove(id: &str) -> Result<(), Failure> {
    match fs::remove_file(place(id)?) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(format!("cut `{id}`"), format!("can't be struck out: {error}")))
        }
        _ => Ok(()),
    }
}
