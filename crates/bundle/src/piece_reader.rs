use std::fmt;
use std::io::{self, Read, Seek};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::block::{Block, ChunkRef};
use crate::error::corrupt;
use crate::piece::{Piece, Runs};
use crate::{Bundle, Digest, PieceInfo, Result};

/// A piece that is being read.
///
/// Its last bytes come only if all of it has the length and the hash that the bundle says: otherwise there is an error
/// instead of them, and instead of an end. One from [`Bundle::read_verified`] is not hashed once more.
pub struct PieceReader<'a, R> {
    bundle: &'a mut Bundle<R>,
    info: PieceInfo,
    runs: Runs,
    current: Option<Chunk>,
    left: u64,
    content: Option<Sha256>,
    state: State,
}

/// The chunk that is being handed out.
struct Chunk {
    block: Arc<Block>,
    number: u32,
    taken: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Checked,
    Failed,
}

impl<'a, R: Read + Seek> PieceReader<'a, R> {
    pub(crate) fn new(bundle: &'a mut Bundle<R>, piece: Piece, content: Option<Sha256>) -> Self {
        let Piece { info, runs } = piece;
        let left = info.size;
        Self { bundle, info, runs, current: None, left, content, state: State::Reading }
    }

    /// What is read.
    pub const fn info(&self) -> &PieceInfo {
        &self.info
    }

    fn advance(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut copied = 0;
        if self.left > 0 {
            let chunk = self.chunk()?;
            let bytes = chunk.bytes();
            copied = bytes.len().min(buffer.len());
            buffer[..copied].copy_from_slice(&bytes[..copied]);
            chunk.taken += copied;
            self.left = self.left.checked_sub(copied as u64).ok_or(corrupt("a piece is longer than it says"))?;
            if let Some(content) = &mut self.content {
                content.update(&buffer[..copied]);
            }
        }
        if self.left == 0 {
            self.check()?;
        }
        Ok(copied)
    }

    /// The chunk at hand, or the next one.
    fn chunk(&mut self) -> Result<&mut Chunk> {
        let current = match self.current.take() {
            Some(chunk) if !chunk.bytes().is_empty() => chunk,
            last => self.next_chunk(last)?,
        };
        Ok(self.current.insert(current))
    }

    fn next_chunk(&mut self, last: Option<Chunk>) -> Result<Chunk> {
        let ChunkRef { block: number, chunk } =
            self.runs.next_chunk()?.ok_or(corrupt("a piece is shorter than it says"))?;
        let block = match last {
            Some(last) if last.block.number == number => last.block,
            _ => self.bundle.block(number)?,
        };
        if block.chunk(chunk).is_none() {
            return Err(corrupt("a piece names a chunk that its block does not have"));
        }
        Ok(Chunk { block, number: chunk, taken: 0 })
    }

    /// Checks the whole once its last byte is at hand.
    fn check(&mut self) -> Result<()> {
        let in_chunk = self.current.as_ref().is_some_and(|chunk| !chunk.bytes().is_empty());
        if in_chunk || self.runs.next_chunk()?.is_some() {
            return Err(corrupt("a piece is longer than it says"));
        }
        let hash = self.content.take().map(Digest::finish);
        if hash.is_some_and(|hash| !hash.fits(&self.info.sha256)) {
            return Err(corrupt("a piece's hash does not fit"));
        }
        self.state = State::Checked;
        Ok(())
    }
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        self.block.chunk(self.number).and_then(|bytes| bytes.get(self.taken..)).unwrap_or_default()
    }
}

impl<R: Read + Seek> Read for PieceReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.state {
            State::Checked => Ok(0),
            State::Failed => Err(corrupt("reading this piece failed before").into()),
            State::Reading if buffer.is_empty() => Ok(0),
            State::Reading => Ok(self.advance(buffer).inspect_err(|_| self.state = State::Failed)?),
        }
    }
}

impl<R> fmt::Debug for PieceReader<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceReader").field("info", &self.info).field("left", &self.left).finish_non_exhaustive()
    }
}
