//! The table of what a bundle holds, which makes random access possible.

use std::collections::HashMap;

use crate::block::MAX_BLOCKS;
use crate::encoding::{self, Input, put_varint, zigzag};
use crate::error::corrupt;
use crate::{Error, PieceInfo, Result};

/// The longest that the payload can be, uncompressed.
const MAX_RAW: usize = 16 << 20;
/// The most pieces in a bundle.
pub(crate) const MAX_PIECES: usize = 1 << 17;

/// A MANIFEST record's payload.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The caller's value.
    pub(crate) json: Vec<u8>,
    /// Where each block's record begins; 0 for a number that no block has.
    pub(crate) blocks: Vec<u64>,
    /// Every piece, with where its PIECE record begins.
    pub(crate) pieces: Vec<(PieceInfo, u64)>,
}

impl Manifest {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut raw = Vec::new();
        put_varint(&mut raw, self.json.len() as u64);
        raw.extend_from_slice(&self.json);
        put_offsets(&mut raw, &self.blocks);
        put_varint(&mut raw, self.pieces.len() as u64);
        for (info, offset) in &self.pieces {
            info.encode(&mut raw);
            put_varint(&mut raw, *offset);
        }
        encoding::pack(&raw, "the manifest", MAX_RAW, 3)
    }

    /// Reads it and checks all that it says alone: `records` is where records other than the head can begin.
    pub(crate) fn decode(payload: &[u8], records: std::ops::Range<u64>) -> Result<Self> {
        let raw = encoding::unpack(payload, "the manifest", MAX_RAW)?;
        let mut input = Input(&raw);
        let length = input.varint()?.min(MAX_RAW as u64);
        let json = input.bytes(length as usize)?.to_vec();
        let blocks = decode_offsets(&mut input)?;
        let pieces = decode_pieces(&mut input)?;
        if !input.is_empty() {
            return Err(corrupt("the manifest is too long"));
        }
        let offsets = blocks.iter().filter(|offset| **offset != 0).chain(pieces.iter().map(|(_, offset)| offset));
        if offsets.into_iter().all(|offset| records.contains(offset)) {
            Ok(Self { json, blocks, pieces })
        } else {
            Err(corrupt("the manifest names a record outside of the bundle"))
        }
    }

    /// The pieces' positions by name.
    pub(crate) fn by_name(&self) -> Result<HashMap<String, usize>> {
        let mut positions = HashMap::with_capacity(self.pieces.len());
        for (position, (info, _)) in self.pieces.iter().enumerate() {
            if positions.insert(info.name.clone(), position).is_some() {
                return Err(Error::DuplicateName { name: info.name.clone() });
            }
        }
        Ok(positions)
    }
}

fn put_offsets(out: &mut Vec<u8>, blocks: &[u64]) {
    put_varint(out, blocks.len() as u64);
    let mut last = 0;
    for offset in blocks {
        put_varint(out, zigzag(*offset as i64 - last));
        last = *offset as i64;
    }
}

fn decode_offsets(input: &mut Input<'_>) -> Result<Vec<u64>> {
    let count = input.varint()?;
    if count > u64::from(MAX_BLOCKS) {
        return Err(Error::TooLarge { what: "the number of blocks", limit: u64::from(MAX_BLOCKS) });
    }
    let mut last = 0;
    (0..count).map(|_| input.delta(last).inspect(|offset| last = *offset)).collect()
}

fn decode_pieces(input: &mut Input<'_>) -> Result<Vec<(PieceInfo, u64)>> {
    let count = input.varint()?;
    if count > MAX_PIECES as u64 {
        return Err(Error::TooLarge { what: "the number of pieces", limit: MAX_PIECES as u64 });
    }
    (0..count).map(|_| Ok((PieceInfo::decode(input)?, input.varint()?))).collect()
}
