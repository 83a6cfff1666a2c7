use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::block::{self, Block, ChunkRef};
use crate::chunker::Chunker;
use crate::piece::{self, RunWriter};
use crate::writer::Shared;
use crate::{Digest, Error, PieceInfo, Progress, Result};

/// A piece that is being written.
///
/// Dropped before it is [finished](Self::finish), it is not in the bundle. What it brought may stay there, since other
/// pieces may share it.
pub struct PieceWriter<W: Write> {
    shared: Arc<Shared<W>>,
    level: i32,
    progress: Progress,
    name: String,
    size: u64,
    content: Sha256,
    chunker: Chunker,
    runs: RunWriter,
    block: Option<Block>,
    failed: bool,
    finished: bool,
}

impl<W: Write> PieceWriter<W> {
    pub(crate) fn new(shared: Arc<Shared<W>>, name: String, level: i32, progress: Progress) -> Self {
        Self {
            shared,
            level,
            progress,
            name,
            size: 0,
            content: Sha256::new(),
            chunker: Chunker::default(),
            runs: RunWriter::default(),
            block: None,
            failed: false,
            finished: false,
        }
    }

    /// Completes the piece.
    ///
    /// # Errors
    /// What can't be written, now or before.
    pub fn finish(mut self) -> Result<PieceInfo> {
        if self.failed {
            return Err(Error::Failed);
        }
        let mut chunker = std::mem::take(&mut self.chunker);
        while let Some(chunk) = chunker.next_of_rest() {
            self.store(chunk)?;
        }
        // A large piece is worth a block that is not full: it is there when the bundle is resumed.
        if self.size >= block::TARGET as u64 {
            self.close_block()?;
        }
        let sha256 = Digest::finish(std::mem::take(&mut self.content));
        let info = PieceInfo { name: self.name.clone(), size: self.size, sha256 };
        let payload = std::mem::take(&mut self.runs).finish(&info)?;
        self.shared.write_piece(&info, payload)?;
        self.finished = true;
        Ok(info)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut chunker = std::mem::take(&mut self.chunker);
        let taken = chunker.fill(bytes);
        self.content.update(&bytes[..taken]);
        self.size += taken as u64;
        piece::check_size(self.size)?;
        while let Some(chunk) = chunker.next() {
            self.store(chunk)?;
        }
        self.chunker = chunker;
        self.progress.take(taken as u64);
        Ok(taken)
    }

    /// Names a chunk, and puts it into this piece's block if the bundle does not have it.
    fn store(&mut self, chunk: &[u8]) -> Result<()> {
        let hash = Sha256::digest(chunk).into();
        let block = match self.block.take() {
            Some(block) => block,
            None => self.shared.open_block()?,
        };
        let block = self.block.insert(block);
        let place = ChunkRef { block: block.number, chunk: block.next_chunk() };
        let known = self.shared.find_or_claim(hash, place);
        if known.is_none() {
            block.push(chunk);
        }
        if block.is_full() {
            self.close_block()?;
        }
        self.runs.push(known.unwrap_or(place))
    }

    fn close_block(&mut self) -> Result<()> {
        match self.block.take() {
            Some(block) if !block.is_empty() => self.shared.write_block(&block, self.level),
            block => {
                self.block = block;
                Ok(())
            }
        }
    }
}

impl<W: Write> Write for PieceWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(Error::Failed.into());
        }
        self.failed = true;
        let taken = self.take(bytes)?;
        self.failed = false;
        Ok(taken)
    }

    /// Does nothing: blocks are written when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for PieceWriter<W> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.shared.leave_block(block);
        }
        if !self.finished {
            self.shared.free_name(&self.name);
        }
    }
}

impl<W: Write> fmt::Debug for PieceWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceWriter").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}
