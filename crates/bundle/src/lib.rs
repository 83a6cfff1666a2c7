//! The file that `distctl export` writes: many streams, what they share kept once, everything checked.
//!
//! A bundle holds *pieces*: named streams of bytes, from a small file to the tar stream of a container. They are cut into
//! *chunks* where their content says so, each chunk is kept once, and chunks are compressed together in *blocks*. The
//! file is written in one go, from several threads at once ([`Writer`]), can be [resumed](Writer::resume) where that was
//! interrupted, and is read piece by piece ([`Bundle`]) or [verified](verify) as a whole. It can be [sealed](seal).
//! FORMAT.md, beside this crate's Cargo.toml, says what is where in it.
//!
//! Nothing here knows what the pieces are. Memory is bounded, also for a file that was made to exhaust it.

mod block;
mod chunker;
mod diff;
mod digest;
mod encoding;
mod error;
mod manifest;
mod name;
mod output;
mod piece;
mod piece_reader;
mod piece_writer;
mod reader;
mod record;
mod resume;
mod seal;
mod verify;
mod writer;

/// The version of the format that is written, and the latest that is read.
pub const FORMAT: u32 = 1;

pub use age::secrecy::SecretString;
pub use diff::{Diff, diff};
pub use digest::Digest;
pub use error::{Error, Result};
pub use name::NameFault;
pub use output::Progress;
pub use piece::PieceInfo;
pub use piece_reader::PieceReader;
pub use piece_writer::PieceWriter;
pub use reader::Bundle;
pub use resume::Resumed;
pub use seal::{Identity, Recipient, Sealed, Unsealed, is_sealed, seal, unseal};
pub use verify::{Summary, verify, verify_with};
pub use writer::{DEFAULT_LEVEL, Writer};
