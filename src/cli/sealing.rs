//! How a bundle is encrypted, and with what it is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ::bundle::{Identity, Recipient, SecretString};
use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use crate::bundle::open::BundleFile;
use crate::ui::{Advise, Ui};

/// How much of a file is read as a passphrase or a key, in bytes.
const MOST: u64 = 64 << 10;

/// For whom a bundle is encrypted.
#[derive(Debug, Args)]
#[group(id = "sealing", multiple = false)]
pub(super) struct Sealing {
    /// Encrypt it with the passphrase in this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Encrypt it for whoever has this age key (`age1...`)
    #[arg(long, value_name = "KEY")]
    recipient: Option<String>,
}

/// With what a bundle is read that is encrypted.
#[derive(Debug, Args)]
#[group(id = "opening", multiple = false)]
pub(super) struct Opening {
    /// The file with the passphrase that it was encrypted with
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The file with the age key that it was encrypted for (`AGE-SECRET-KEY-1...`)
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl Sealing {
    /// For whom.
    pub fn recipient(&self) -> Result<Option<Recipient>> {
        match &self.recipient {
            Some(key) => Ok(Some(Recipient::Key(key.clone()))),
            None => Ok(self.passphrase()?.map(Recipient::Passphrase)),
        }
    }

    /// The passphrase, which also reads it.
    pub fn passphrase(&self) -> Result<Option<SecretString>> {
        self.passphrase_file.as_deref().map(passphrase).transpose()
    }
}

impl Opening {
    /// Finds the bundle, with what it is read with.
    pub fn find(&self, ui: &Ui, bundle: &Path) -> Result<BundleFile> {
        let identity = match (&self.passphrase_file, &self.identity) {
            (Some(file), _) => Some(Identity::Passphrase(passphrase(file)?)),
            (_, Some(file)) => Some(Identity::Key(key(file)?)),
            _ => None,
        };
        let given = identity.is_some();
        let file = BundleFile::find(bundle, identity).map_err(advised)?;
        if file.is_encrypted().map_err(advised)? && !given {
            return Err(anyhow!("{} is encrypted", file.path.display()))
                .hint("name the file with its passphrase (`--passphrase-file`), or with your age key (`--identity`)");
        }
        if given && !file.is_encrypted()? {
            ui.note(format!("{} is not encrypted; the passphrase or key was not needed", file.path.display()));
        }
        Ok(file)
    }
}

/// What to do about a bundle that can't be used.
pub(super) fn advised(error: anyhow::Error) -> anyhow::Error {
    use ::bundle::Error;
    let missing = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    let hint = match error.downcast_ref::<Error>() {
        Some(Error::NotABundle) => "a bundle is what `distctl export` writes; its name ends in .distctl",
        Some(Error::Truncated | Error::Corrupt { .. }) => {
            "copy it again from where it is whole: `distctl bundle verify` tells that there, too"
        }
        Some(Error::NewerFormat { .. }) => "a newer distctl reads it",
        _ if missing => "name a bundle, or a folder that holds one",
        _ => return error,
    };
    error.hint(hint)
}

fn passphrase(file: &Path) -> Result<SecretString> {
    let text = read(file)?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("{} is empty: write the passphrase in its first line", file.display());
    }
    Ok(SecretString::from(line.to_owned()))
}

fn key(file: &Path) -> Result<SecretString> {
    let text = read(file)?;
    let key = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-"));
    let key = key.ok_or_else(|| anyhow!("{} holds no age key, no line AGE-SECRET-KEY-1...", file.display()));
    Ok(SecretString::from(key.hint("`age-keygen` makes one")?.to_owned()))
}

fn read(file: &Path) -> Result<String> {
    let failed = || format!("{} can't be read", file.display());
    let open = File::open(file).with_context(failed)?;
    let metadata = open.metadata().with_context(failed)?;
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        return Err(anyhow!("{} can be read by others", file.display()))
            .hint(format!("take that from them: `chmod 600 {}`", file.display()));
    }
    let mut text = String::new();
    open.take(MOST).read_to_string(&mut text).with_context(failed)?;
    Ok(text)
}
