use std::io;

use crate::name::NameFault;

/// What goes wrong with a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file below could not be read or written.
    #[error("reading or writing failed: {0}")]
    Io(#[source] io::Error),
    /// The file begins otherwise than a bundle does.
    #[error("this is no bundle of distctl")]
    NotABundle,
    /// A later distctl wrote the bundle.
    #[error("the bundle has format {version}, this distctl reads format {}", crate::FORMAT)]
    NewerFormat {
        /// The format that the bundle says it has.
        version: u32,
    },
    /// The bundle ends before its end.
    #[error("the bundle is cut off")]
    Truncated,
    /// What is read is not what was written, or contradicts itself.
    #[error("the bundle is corrupt: {what}")]
    Corrupt {
        /// The contradiction.
        what: &'static str,
    },
    /// Something is over a limit of the format: refused before memory is taken for it.
    #[error("{what} is too large: the limit is {limit}")]
    TooLarge {
        /// What is over it.
        what: &'static str,
        /// The limit, in bytes or, for what is counted, in items.
        limit: u64,
    },
    /// The bundle has its end already: there is nothing to resume.
    #[error("the bundle is complete already, there is nothing to resume")]
    AlreadyComplete,
    /// A piece may not have this name.
    #[error("a piece can't be named {name:?}: {fault}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// Two pieces would have one name.
    #[error("there is a piece {name:?} already")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The bundle has no such piece.
    #[error("the bundle has no piece {name:?}")]
    UnknownPiece {
        /// The name asked for.
        name: String,
    },
    /// The head or the manifest is not the JSON that the caller writes or expects.
    #[error("the bundle's {part} does not fit: {source}")]
    Json {
        /// `head` or `manifest`.
        part: &'static str,
        /// Where it does not fit.
        source: serde_json::Error,
    },
    /// The bundle can't be finished while pieces are being written.
    #[error("the bundle can't be finished: a piece is still being written")]
    PieceOpen,
    /// An earlier write failed, the bundle so far can only be resumed.
    #[error("the bundle can't be gone on with: an earlier write failed")]
    Failed,
    /// The file is encrypted: it wants [`unseal`](crate::unseal) first.
    #[error("the bundle is sealed")]
    Sealed,
    /// The file is not encrypted.
    #[error("the file is not sealed")]
    NotSealed,
    /// The passphrase does not open the file.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The identity does not open the file.
    #[error("the bundle is sealed for other keys than this one")]
    WrongIdentity,
    /// The file was sealed with a passphrase.
    #[error("the bundle is sealed with a passphrase, not for a key")]
    NeedsPassphrase,
    /// The file was sealed for a key.
    #[error("the bundle is sealed for a key, not with a passphrase")]
    NeedsIdentity,
    /// A key is not written as age writes it.
    #[error("this is no {what}")]
    BadKey {
        /// What was expected: `age recipient (age1...)`.
        what: &'static str,
    },
    /// The passphrase is guarded by more work than a file from elsewhere may ask for.
    #[error("opening it asks for 2^{required} rounds of scrypt, at most 2^{limit} are done")]
    ExcessiveWork {
        /// The exponent in the file.
        required: u8,
        /// The highest one accepted.
        limit: u8,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) const fn corrupt(what: &'static str) -> Error {
    Error::Corrupt { what }
}

impl From<io::Error> for Error {
    /// Finds again what went through [`io::Read`] or [`io::Write`] as an [`io::Error`].
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            error @ Error::Truncated => Self::new(io::ErrorKind::UnexpectedEof, error),
            error @ Error::Failed => Self::other(error),
            error => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}
