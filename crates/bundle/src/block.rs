//! Chunks that are compressed together.

use crate::encoding::{self, Input, put_varint};
use crate::error::corrupt;
use crate::{Error, Result, chunker};

/// A block is closed with the chunk that makes it this long or longer, uncompressed.
pub(crate) const TARGET: usize = 4 << 20;
/// The longest that a block can be, uncompressed.
const MAX_RAW: usize = TARGET + chunker::MAX;
/// The most chunks in a block: small files are chunks of their own.
const MAX_CHUNKS: usize = 1 << 16;
/// The most blocks in a bundle: 4 TiB of chunks.
pub(crate) const MAX_BLOCKS: u32 = 1 << 20;

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkRef {
    pub(crate) block: u32,
    pub(crate) chunk: u32,
}

/// A block's chunks, uncompressed.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) number: u32,
    raw: Vec<u8>,
    /// Where each chunk ends in `raw`.
    ends: Vec<u32>,
}

impl Block {
    pub(crate) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// The number that the next chunk gets.
    pub(crate) fn next_chunk(&self) -> u32 {
        self.ends.len() as u32
    }

    /// Appends a chunk.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.raw.extend_from_slice(chunk);
        self.ends.push(self.raw.len() as u32);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.raw.len() >= TARGET || self.ends.len() >= MAX_CHUNKS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A chunk's bytes, if there is one of that number.
    pub(crate) fn chunk(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let end = *self.ends.get(number)? as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        self.raw.get(start..end)
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.next_chunk()).filter_map(|number| self.chunk(number))
    }

    /// Makes a BLOCK record's payload.
    pub(crate) fn encode(&self, level: i32) -> Result<Vec<u8>> {
        let mut payload = self.number.to_le_bytes().to_vec();
        payload.extend_from_slice(&self.next_chunk().to_le_bytes());
        for chunk in self.chunks() {
            put_varint(&mut payload, chunk.len() as u64);
        }
        payload.extend(encoding::compress(&self.raw, level)?);
        Ok(payload)
    }

    /// Reads a BLOCK record's payload.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self> {
        Self::decode_into(Vec::new(), payload)
    }

    /// Reads a BLOCK record's payload into the memory of another block.
    pub(crate) fn decode_into(raw: Vec<u8>, payload: &[u8]) -> Result<Self> {
        let mut input = Input(payload);
        let number = input.u32()?;
        if number >= MAX_BLOCKS {
            return Err(Error::TooLarge { what: "a block's number", limit: u64::from(MAX_BLOCKS) });
        }
        let ends = decode_ends(&mut input)?;
        let length = ends.last().map_or(0, |end| *end as usize);
        Ok(Self { number, raw: encoding::decompress_into(raw, input.0, length)?, ends })
    }

    /// The memory that its chunks were in.
    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.raw
    }
}

fn decode_ends(input: &mut Input<'_>) -> Result<Vec<u32>> {
    let count = input.u32()? as usize;
    if count > MAX_CHUNKS {
        return Err(Error::TooLarge { what: "the number of a block's chunks", limit: MAX_CHUNKS as u64 });
    }
    let mut ends = Vec::with_capacity(count);
    let mut end = 0;
    for _ in 0..count {
        let length = input.varint()?;
        if length == 0 || length > chunker::MAX as u64 {
            return Err(corrupt("a chunk is empty or too long"));
        }
        end += length as usize;
        if end > MAX_RAW {
            return Err(Error::TooLarge { what: "a block", limit: MAX_RAW as u64 });
        }
        ends.push(end as u32);
    }
    if ends.is_empty() { Err(corrupt("a block is empty")) } else { Ok(ends) }
}
