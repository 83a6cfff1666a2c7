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
pub(super) struct Sealing {
    /// Encrypt it (age): as the next two options say, else with a passphrase that is asked for
    #[arg(long)]
    encrypt: bool,
    /// Encrypt it with the passphrase in this file
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
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

/// How a bundle is encrypted.
pub(super) struct Sealed {
    /// For whom.
    pub recipient: Recipient,
    /// The passphrase, which also reads it.
    pub passphrase: Option<SecretString>,
}

impl Sealing {
    /// How, if at all.
    pub async fn read(&self, ui: &Ui) -> Result<Option<Sealed>> {
        let passphrase = match (&self.recipient, &self.passphrase_file) {
            (Some(key), _) => return Ok(Some(Sealed { recipient: Recipient::Key(key.clone()), passphrase: None })),
            (_, Some(file)) => passphrase(file)?,
            _ if self.encrypt => new_passphrase(ui).await?,
            _ => return Ok(None),
        };
        Ok(Some(Sealed { recipient: Recipient::Passphrase(passphrase.clone()), passphrase: Some(passphrase) }))
    }
}

/// Asks for a passphrase twice: what is typed is not seen.
async fn new_passphrase(ui: &Ui) -> Result<SecretString> {
    let Some(typed) = ui.ask_hidden("Passphrase of the bundle: ").await? else {
        return Err(anyhow!("a passphrase is needed, and there is no terminal to ask on"))
            .hint("nothing was written; name the file with it (`--passphrase-file`), or a key (`--recipient`)");
    };
    if typed.is_empty() {
        return Err(anyhow!("an empty passphrase keeps nobody out")).hint("nothing was written; run the command again");
    }
    if ui.ask_hidden("The same again: ").await?.as_ref() != Some(&typed) {
        return Err(anyhow!("the two are not the same")).hint("nothing was written; run the command again");
    }
    Ok(SecretString::from(typed))
}

impl Opening {
    /// Names its options that were given, each with its file.
    pub fn options(&self, mut each: impl FnMut(&str, &Path)) {
        let given = [("--passphrase-file", &self.passphrase_file), ("--identity", &self.identity)];
        for (name, file) in given {
            if let Some(file) = file {
                each(name, file);
            }
        }
    }

    /// Finds the bundle, with what it is read with; who is at a terminal is asked for a passphrase.
    pub async fn find(&self, ui: &Ui, bundle: &Path) -> Result<BundleFile> {
        let identity = match (&self.passphrase_file, &self.identity) {
            (Some(file), _) => Some(Identity::Passphrase(passphrase(file)?)),
            (_, Some(file)) => Some(Identity::Key(key(file)?)),
            _ => None,
        };
        let given = identity.is_some();
        let file = BundleFile::find(bundle, identity).map_err(advised)?;
        let is_encrypted = file.is_encrypted().map_err(advised)?;
        if given && !is_encrypted {
            ui.note(format!("{} is not encrypted; the passphrase or key was not needed", file.path.display()));
        }
        if given || !is_encrypted {
            return Ok(file);
        }
        match ui.ask_hidden(&format!("Passphrase of {}: ", file.path.display())).await? {
            Some(typed) => BundleFile::find(&file.path, Some(Identity::Passphrase(typed.into()))).map_err(advised),
            None => Err(anyhow!("{} is encrypted", file.path.display()))
                .hint("name the file with its passphrase (`--passphrase-file`), or with your age key (`--identity`)"),
        }
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
