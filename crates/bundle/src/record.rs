//! The frame around everything after the first twelve bytes.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::encoding::Input;
use crate::error::corrupt;
use crate::{Digest, Error, FORMAT, Result};

pub(crate) const MAGIC: &[u8; 8] = b"distctl\n";
/// Where the first record begins.
pub(crate) const START: u64 = 12;
/// What a record takes around its payload.
pub(crate) const OVERHEAD: u64 = 1 + 8 + 32;
/// All of the END record.
pub(crate) const END_LENGTH: u64 = OVERHEAD + 40;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Head,
    Block,
    Piece,
    Manifest,
    End,
}

impl Tag {
    const ALL: [Self; 5] = [Self::Head, Self::Block, Self::Piece, Self::Manifest, Self::End];

    const fn byte(self) -> u8 {
        match self {
            Self::Head => 1,
            Self::Block => 2,
            Self::Piece => 3,
            Self::Manifest => 4,
            Self::End => 0xff,
        }
    }

    fn from_byte(byte: u8) -> Result<Self> {
        Self::ALL.into_iter().find(|tag| tag.byte() == byte).ok_or(corrupt("a record of an unknown kind"))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Head => "the head",
            Self::Block => "a block",
            Self::Piece => "a piece's record",
            Self::Manifest => "the manifest",
            Self::End => "the end",
        }
    }

    /// The largest payload: no more memory is taken, whatever the length field says.
    const fn limit(self) -> u64 {
        match self {
            Self::Head => 1 << 20,
            Self::Block => 5 << 20,
            Self::Piece | Self::Manifest => 17 << 20,
            Self::End => 40,
        }
    }

    fn check(self, length: u64) -> Result<()> {
        let limit = self.limit();
        if length > limit { Err(Error::TooLarge { what: self.name(), limit }) } else { Ok(()) }
    }
}

/// A record whose hash fits.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) tag: Tag,
    pub(crate) payload: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Record {
    /// Frames a payload.
    pub(crate) fn new(tag: Tag, payload: Vec<u8>) -> Result<Self> {
        tag.check(payload.len() as u64)?;
        let digest = hash(tag, &payload);
        Ok(Self { tag, payload, digest })
    }

    /// Reads the record that begins here; none where the file ends.
    pub(crate) fn read(file: &mut impl Read) -> Result<Option<Self>> {
        Self::read_into(Vec::new(), file)
    }

    /// Reads the record that begins here into the memory of another payload.
    pub(crate) fn read_into(mut payload: Vec<u8>, file: &mut impl Read) -> Result<Option<Self>> {
        let mut byte = [0];
        if read_some(file, &mut byte)? == 0 {
            return Ok(None);
        }
        let tag = Tag::from_byte(byte[0])?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        tag.check(length)?;
        payload.resize(length as usize, 0);
        file.read_exact(&mut payload)?;
        let mut stored = Digest([0; 32]);
        file.read_exact(&mut stored.0)?;
        let digest = hash(tag, &payload);
        if !digest.fits(&stored) {
            return Err(corrupt("a record's hash does not fit"));
        }
        Ok(Some(Self { tag, payload, digest }))
    }

    /// Reads the record that begins here and has to be of one kind.
    pub(crate) fn read_tagged(file: &mut impl Read, tag: Tag) -> Result<Self> {
        Self::read_tagged_into(Vec::new(), file, tag)
    }

    /// Does so into the memory of another payload.
    pub(crate) fn read_tagged_into(payload: Vec<u8>, file: &mut impl Read, tag: Tag) -> Result<Self> {
        match Self::read_into(payload, file)? {
            Some(record) if record.tag == tag => Ok(record),
            Some(_) => Err(corrupt("a record of another kind than expected")),
            None => Err(Error::Truncated),
        }
    }

    /// Writes it as [`read`](Self::read) reads it.
    pub(crate) fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(&[self.tag.byte()])?;
        out.write_all(&(self.payload.len() as u64).to_le_bytes())?;
        out.write_all(&self.payload)?;
        out.write_all(&self.digest.0)
    }

    /// The bytes that it takes in the file.
    pub(crate) const fn length(&self) -> u64 {
        self.payload.len() as u64 + OVERHEAD
    }
}

fn hash(tag: Tag, payload: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([tag.byte()]);
    hasher.update((payload.len() as u64).to_le_bytes());
    hasher.update(payload);
    Digest::finish(hasher)
}

fn read_some(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Ok(result?),
        }
    }
}

/// What END says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Where MANIFEST begins.
    pub(crate) manifest: u64,
    /// The SHA-256 over the hashes of all records before this one.
    pub(crate) chain: Digest,
}

impl End {
    pub(crate) fn encode(&self) -> Vec<u8> {
        [&self.manifest.to_le_bytes()[..], &self.chain.0].concat()
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self> {
        let mut input = Input(payload);
        let end = Self { manifest: input.u64()?, chain: input.digest()? };
        if input.is_empty() { Ok(end) } else { Err(corrupt("the end is too long")) }
    }
}

/// Writes what a bundle begins with.
pub(crate) fn write_preamble(out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.write_all(&FORMAT.to_le_bytes())
}

/// Reads and checks what a bundle begins with.
pub(crate) fn read_preamble(file: &mut impl Read) -> Result<()> {
    let mut preamble = [0; START as usize];
    let mut read = 0;
    while read < preamble.len() {
        match read_some(file, &mut preamble[read..])? {
            0 => break,
            more => read += more,
        }
    }
    let (magic, version) = preamble.split_at(MAGIC.len());
    if crate::is_sealed(&preamble[..read]) {
        return Err(Error::Sealed);
    }
    if !magic[..read.min(MAGIC.len())].eq(&MAGIC[..read.min(MAGIC.len())]) {
        return Err(Error::NotABundle);
    }
    if read < preamble.len() {
        return Err(Error::Truncated);
    }
    match Input(version).u32()? {
        FORMAT => Ok(()),
        version if version > FORMAT => Err(Error::NewerFormat { version }),
        _ => Err(corrupt("a format that never was")),
    }
}
