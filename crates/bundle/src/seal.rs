//! A bundle wrapped by age: encrypted and authenticated as a whole, still seekable.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::iter;

use age::secrecy::{ExposeSecret, SecretString};
use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt, x25519};

use crate::error::corrupt;
use crate::{Error, Result};

const AGE: &[u8] = b"age-encryption.org/v1";
/// The longest header, with room for some 500 recipients: age's parser would read on for as long as a line goes on.
const MAX_HEADER: usize = 64 << 10;
/// 2^17 rounds take 128 MiB and less than a second. A fixed number, since age's own depends on how busy the machine is.
const WORK_FACTOR: u8 = 17;
/// The most rounds that a file may ask for: 512 MiB and a few seconds. The age program writes 2^18.
const MAX_WORK_FACTOR: u8 = 19;

/// For whom a bundle is sealed.
#[derive(Clone)]
pub enum Recipient {
    /// Who knows the passphrase.
    Passphrase(SecretString),
    /// Who has the identity to this public key: `age1...`.
    Key(String),
}

/// What opens a sealed bundle.
#[derive(Clone)]
pub enum Identity {
    /// The passphrase that it was sealed with.
    Passphrase(SecretString),
    /// An age identity: `AGE-SECRET-KEY-1...`.
    Key(SecretString),
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase(_) => f.write_str("Passphrase"),
            Self::Key(key) => f.debug_tuple("Key").field(key).finish(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase",
            Self::Key(_) => "Key",
        })
    }
}

/// Says by a file's first bytes, 12 or more, whether it is sealed.
pub fn is_sealed(prefix: &[u8]) -> bool {
    let length = prefix.len().min(AGE.len());
    length >= 12 && prefix[..length] == AGE[..length]
}

/// Encrypts what is written through it.
pub struct Sealed<W: Write>(StreamWriter<W>);

/// Begins to encrypt a file.
///
/// # Errors
/// [`Error::BadKey`], or what can't be written.
pub fn seal<W: Write>(out: W, recipient: &Recipient) -> Result<Sealed<W>> {
    let encryptor = match recipient {
        Recipient::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(WORK_FACTOR);
            encryptor(&recipient)
        }
        Recipient::Key(key) => {
            let what = "age recipient (age1...)";
            encryptor(&key.trim().parse::<x25519::Recipient>().map_err(|_| Error::BadKey { what })?)
        }
    }?;
    Ok(Sealed(encryptor.wrap_output(out)?))
}

fn encryptor(recipient: &dyn age::Recipient) -> Result<Encryptor> {
    Encryptor::with_recipients(iter::once(recipient)).map_err(|error| match error {
        EncryptError::Io(error) => Error::from(error),
        error => Error::Io(io::Error::other(error)),
    })
}

impl<W: Write> Sealed<W> {
    /// Writes the last part: without it the file is cut off.
    ///
    /// # Errors
    /// What can't be written.
    pub fn finish(self) -> Result<W> {
        Ok(self.0.finish()?)
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> fmt::Debug for Sealed<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

/// A sealed file as it was before it was encrypted.
pub struct Unsealed<R>(StreamReader<BufReader<R>>);

/// Begins to decrypt a file.
///
/// # Errors
/// [`Error::NotSealed`], [`Error::WrongPassphrase`], [`Error::WrongIdentity`], [`Error::NeedsPassphrase`],
/// [`Error::NeedsIdentity`], [`Error::BadKey`], [`Error::ExcessiveWork`], or what is cut off or corrupt.
pub fn unseal<R: Read + Seek>(file: R, identity: &Identity) -> Result<Unsealed<R>> {
    let mut file = BufReader::with_capacity(MAX_HEADER, file);
    check_header(file.fill_buf()?)?;
    let decryptor = Decryptor::new_buffered(file).map_err(|error| opening(error, Error::NotSealed))?;
    let opened = match (identity, decryptor.is_scrypt()) {
        (Identity::Passphrase(_), false) => return Err(Error::NeedsIdentity),
        (Identity::Key(_), true) => return Err(Error::NeedsPassphrase),
        (Identity::Passphrase(passphrase), true) => {
            let mut identity = scrypt::Identity::new(passphrase.clone());
            identity.set_max_work_factor(MAX_WORK_FACTOR);
            decryptor.decrypt(iter::once(&identity as _)).map_err(|error| opening(error, Error::WrongPassphrase))
        }
        (Identity::Key(key), false) => {
            let what = "age identity (AGE-SECRET-KEY-1...)";
            let identity: x25519::Identity = key.expose_secret().trim().parse().map_err(|_| Error::BadKey { what })?;
            decryptor.decrypt(iter::once(&identity as _)).map_err(|error| opening(error, Error::WrongIdentity))
        }
    };
    Ok(Unsealed(opened?))
}

/// Looks for the header's last line, in what is read of the file at first.
fn check_header(begin: &[u8]) -> Result<()> {
    if !is_sealed(begin) {
        return Err(Error::NotSealed);
    }
    if begin.windows(5).any(|bytes| bytes == b"\n--- ") {
        Ok(())
    } else if begin.len() < MAX_HEADER {
        Err(Error::Truncated)
    } else {
        Err(Error::TooLarge { what: "the header of the sealed file", limit: MAX_HEADER as u64 })
    }
}

fn opening(error: DecryptError, wrong: Error) -> Error {
    match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => wrong,
        DecryptError::ExcessiveWork { required, .. } => Error::ExcessiveWork { required, limit: MAX_WORK_FACTOR },
        DecryptError::Io(error) => Error::from(error),
        _ => corrupt("the header of the sealed file does not fit"),
    }
}

impl<R: Read> Read for Unsealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(decrypting)
    }
}

impl<R: Read + Seek> Seek for Unsealed<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.seek(position).map_err(decrypting)
    }
}

/// Types what age says of a part that was changed or is missing.
fn decrypting(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::InvalidData {
        return corrupt("a part of the sealed file can't be decrypted").into();
    }
    error
}

impl<R> fmt::Debug for Unsealed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealed")
    }
}
