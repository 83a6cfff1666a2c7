//! Which chunks a piece is made of.

use crate::block::{ChunkRef, MAX_BLOCKS};
use crate::encoding::{self, Input, put_varint, zigzag};
use crate::error::corrupt;
use crate::{Digest, Error, Result, name};

/// The longest piece: 1 TiB.
const MAX_SIZE: u64 = 1 << 40;
/// The longest that a PIECE record's payload can be, uncompressed.
const MAX_RAW: usize = 16 << 20;

/// A piece that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceInfo {
    /// Its name: a relative path.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The hash of its whole content.
    pub sha256: Digest,
}

impl PieceInfo {
    /// Appends it as records hold it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.name.len() as u64);
        out.extend_from_slice(self.name.as_bytes());
        put_varint(out, self.size);
        out.extend_from_slice(&self.sha256.0);
    }

    /// Reads and checks it out of a record.
    pub(crate) fn decode(input: &mut Input<'_>) -> Result<Self> {
        let length = input.varint()?.min(name::MAX_NAME as u64 + 1);
        let name = name::from_bytes(input.bytes(length as usize)?)?;
        let size = input.varint()?;
        check_size(size)?;
        Ok(Self { name, size, sha256: input.digest()? })
    }
}

/// Refuses what is longer than a piece can be.
pub(crate) const fn check_size(size: u64) -> Result<()> {
    if size > MAX_SIZE { Err(Error::TooLarge { what: "a piece", limit: MAX_SIZE }) } else { Ok(()) }
}

/// Chunks that follow each other in a block, or one chunk many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    first: ChunkRef,
    count: u64,
    repeat: bool,
}

impl Run {
    const fn one(first: ChunkRef) -> Self {
        Self { first, count: 1, repeat: false }
    }

    /// The run with one more chunk, if that chunk goes on with it.
    fn extended(self, next: ChunkRef) -> Option<Self> {
        let repeat = next == self.first;
        let follows = if repeat { self.repeat || self.count == 1 } else { self.follows(next) };
        follows.then_some(Self { count: self.count + 1, repeat, ..self })
    }

    fn follows(self, next: ChunkRef) -> bool {
        let ChunkRef { block, chunk } = self.first;
        !self.repeat && next.block == block && u64::from(next.chunk) == u64::from(chunk) + self.count
    }
}

/// A piece's chunks in order, while it is being written.
#[derive(Debug, Default)]
pub(crate) struct RunWriter {
    encoded: Vec<u8>,
    run: Option<Run>,
    block: u32,
}

impl RunWriter {
    pub(crate) fn push(&mut self, next: ChunkRef) -> Result<()> {
        match self.run.and_then(|run| run.extended(next)) {
            Some(run) => self.run = Some(run),
            None => {
                self.close_run();
                self.run = Some(Run::one(next));
            }
        }
        // What else the record holds is far shorter than the rest that is left for it.
        if self.encoded.len() > MAX_RAW - 1024 { Err(TOO_SCATTERED) } else { Ok(()) }
    }

    fn close_run(&mut self) {
        let Some(run) = self.run.take() else { return };
        put_varint(&mut self.encoded, run.count << 1 | u64::from(run.repeat));
        put_varint(&mut self.encoded, zigzag(i64::from(run.first.block) - i64::from(self.block)));
        put_varint(&mut self.encoded, u64::from(run.first.chunk));
        self.block = run.first.block;
    }

    /// Makes the PIECE record's payload.
    pub(crate) fn finish(mut self, info: &PieceInfo) -> Result<Vec<u8>> {
        self.close_run();
        let mut raw = Vec::with_capacity(self.encoded.len() + 512);
        info.encode(&mut raw);
        raw.extend_from_slice(&self.encoded);
        encoding::pack(&raw, "a piece's record", MAX_RAW, 3)
    }
}

const TOO_SCATTERED: Error = Error::TooLarge { what: "a piece's record", limit: MAX_RAW as u64 };

/// A PIECE record's payload.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) info: PieceInfo,
    pub(crate) runs: Runs,
}

impl Piece {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self> {
        let raw = encoding::unpack(payload, "a piece's record", MAX_RAW)?;
        let mut input = Input(&raw);
        let info = PieceInfo::decode(&mut input)?;
        let at = raw.len() - input.0.len();
        Ok(Self { info, runs: Runs { raw, cursor: Cursor { at, block: 0 }, run: None } })
    }
}

/// A piece's chunks in order, while it is being read.
#[derive(Debug)]
pub(crate) struct Runs {
    raw: Vec<u8>,
    cursor: Cursor,
    run: Option<Run>,
}

/// Where the next run begins, and the block that it counts from.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: usize,
    block: u32,
}

impl Cursor {
    fn next_run(&mut self, raw: &[u8]) -> Result<Option<Run>> {
        let mut input = Input(&raw[self.at..]);
        if input.is_empty() {
            return Ok(None);
        }
        let count = input.varint()?;
        let block = input.delta(u64::from(self.block))?;
        let first = check_ref(block, input.varint()?)?;
        *self = Self { at: raw.len() - input.0.len(), block: first.block };
        match count >> 1 {
            0 => Err(corrupt("a run of no chunks")),
            length => Ok(Some(Run { first, count: length, repeat: count & 1 == 1 })),
        }
    }
}

impl Runs {
    /// What it takes in memory.
    pub(crate) const fn length(&self) -> usize {
        self.raw.len()
    }

    /// Takes the next chunk.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<ChunkRef>> {
        let run = match self.run.take() {
            Some(run) => run,
            None => match self.cursor.next_run(&self.raw)? {
                Some(run) => run,
                None => return Ok(None),
            },
        };
        if run.count > 1 {
            let step = u64::from(!run.repeat);
            let first = check_ref(u64::from(run.first.block), u64::from(run.first.chunk) + step)?;
            self.run = Some(Run { first, count: run.count - 1, ..run });
        }
        Ok(Some(run.first))
    }

    /// Adds up the lengths of all chunks, which `lengths` gives by block; none if one is not there.
    ///
    /// What a run costs is bounded by its block, however often it says that it repeats.
    pub(crate) fn sum<'a>(&self, lengths: impl Fn(u32) -> Option<&'a [u32]>) -> Option<u64> {
        let mut cursor = self.cursor;
        let mut sum = 0u64;
        while let Some(run) = cursor.next_run(&self.raw).ok()? {
            sum = sum.checked_add(run_length(run, lengths(run.first.block)?)?)?;
        }
        Some(sum)
    }
}

fn run_length(run: Run, lengths: &[u32]) -> Option<u64> {
    let first = run.first.chunk as usize;
    if run.repeat {
        return u64::from(*lengths.get(first)?).checked_mul(run.count);
    }
    let end = first.checked_add(usize::try_from(run.count).ok()?)?;
    Some(lengths.get(first..end)?.iter().map(|length| u64::from(*length)).sum())
}

fn check_ref(block: u64, chunk: u64) -> Result<ChunkRef> {
    match (u32::try_from(block), u32::try_from(chunk)) {
        (Ok(block), Ok(chunk)) if block < MAX_BLOCKS => Ok(ChunkRef { block, chunk }),
        _ => Err(corrupt("a piece names a chunk that its block does not have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(refs: &[(u32, u32)]) -> (usize, Vec<(u32, u32)>) {
        let info = PieceInfo { name: "p".into(), size: 1, sha256: Digest([0; 32]) };
        let mut writer = RunWriter::default();
        for &(block, chunk) in refs {
            writer.push(ChunkRef { block, chunk }).unwrap();
        }
        let piece = Piece::decode(&writer.finish(&info).unwrap()).unwrap();
        assert_eq!(piece.info, info);
        let mut runs = piece.runs;
        let encoded = runs.raw.len() - runs.cursor.at;
        let mut read = Vec::new();
        while let Some(ChunkRef { block, chunk }) = runs.next_chunk().unwrap() {
            read.push((block, chunk));
        }
        (encoded, read)
    }

    #[test]
    fn chunks_come_back_in_order() {
        for refs in [
            vec![],
            vec![(3, 4)],
            vec![(0, 0), (0, 1), (0, 2), (1, 0), (1, 0), (1, 0), (1, 1), (0, 9), (0, 8), (7, 1), (7, 2), (7, 2)],
            vec![(5, 5), (5, 5), (5, 6), (5, 7), (5, 5)],
        ] {
            assert_eq!(round_trip(&refs).1, refs);
        }
    }

    #[test]
    fn runs_cost_nearly_nothing() {
        let zeros = vec![(9, 3); 1_000_000];
        let following: Vec<_> = (0..50_000).map(|chunk| (2, chunk)).collect();
        assert!(round_trip(&zeros).0 < 8);
        assert!(round_trip(&following).0 < 8);
    }
}
