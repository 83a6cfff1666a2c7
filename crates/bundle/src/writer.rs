use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::block::{Block, ChunkRef, MAX_BLOCKS};
use crate::manifest::MAX_PIECES;
use crate::output::Output;
use crate::record::{Record, Tag};
use crate::{Error, PieceInfo, PieceWriter, Progress, Result, name};

/// The zstd level unless another is asked for.
pub const DEFAULT_LEVEL: i32 = 3;

/// A bundle that is being written, by several threads at once.
///
/// Each thread writes its own [`PieceWriter`]: what costs time, hashing and compressing, is done there. Up to level 12 a
/// piece takes less than 25 MB of memory while it is written; chunks that are known take about 90 bytes each.
#[derive(Debug)]
pub struct Writer<W: Write> {
    pub(crate) shared: Arc<Shared<W>>,
    level: i32,
    progress: Progress,
    /// What was complete before it was resumed, and where.
    pub(crate) kept: HashMap<String, (PieceInfo, u64)>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a bundle with its head, at most 1 MiB of JSON.
    ///
    /// # Errors
    /// What can't be written, or a head that is too large or no JSON.
    pub fn create(out: W, head: &impl Serialize) -> Result<Self> {
        let head = to_json("head", head)?;
        let progress = Progress::default();
        Ok(Self::with_output(Output::create(out, head, progress.clone())?, ChunkIndex::default(), progress))
    }

    pub(crate) fn with_output(output: Output<W>, index: ChunkIndex, progress: Progress) -> Self {
        let shared = Shared {
            output: Mutex::new(output),
            index: Mutex::new(index),
            partial: Mutex::default(),
            names: Mutex::default(),
        };
        Self { shared: Arc::new(shared), level: DEFAULT_LEVEL, progress, kept: HashMap::new() }
    }

    /// Compresses what is written from now on at another zstd level, 1 to 19.
    #[must_use]
    pub fn with_level(self, level: i32) -> Self {
        Self { level: level.clamp(1, 19), ..self }
    }

    /// Begins a piece.
    ///
    /// It is in the bundle once it is [finished](PieceWriter::finish).
    ///
    /// # Errors
    /// A name that no piece may have, or that a piece has already.
    pub fn piece(&self, name: &str) -> Result<PieceWriter<W>> {
        self.shared.claim_name(name)?;
        Ok(PieceWriter::new(Arc::clone(&self.shared), name.to_owned(), self.level, self.progress.clone()))
    }

    /// Keeps a piece that was complete already in the bundle that is resumed.
    ///
    /// # Errors
    /// [`Error::UnknownPiece`] if it was not, [`Error::DuplicateName`] if it is being written anew.
    pub fn keep(&self, name: &str) -> Result<PieceInfo> {
        let (info, offset) = self.kept.get(name).ok_or_else(|| Error::UnknownPiece { name: name.to_owned() })?;
        self.shared.claim_name(name)?;
        lock(&self.shared.output).list(info.clone(), *offset);
        Ok(info.clone())
    }

    /// How far it is, for another thread to watch.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Ends the bundle with its manifest.
    ///
    /// # Errors
    /// What can't be written, a manifest that is too large or no JSON, or [`Error::PieceOpen`].
    pub fn finish(self, manifest: &impl Serialize) -> Result<W> {
        let json = to_json("manifest", manifest)?;
        let shared = Arc::try_unwrap(self.shared).map_err(|_| Error::PieceOpen)?;
        for block in std::mem::take(&mut *lock(&shared.partial)).iter().filter(|block| !block.is_empty()) {
            shared.write_block(block, self.level)?;
        }
        shared.output.into_inner().unwrap_or_else(PoisonError::into_inner).finish(json)
    }
}

/// What the threads that write a bundle share.
#[derive(Debug)]
pub(crate) struct Shared<W> {
    output: Mutex<Output<W>>,
    index: Mutex<ChunkIndex>,
    /// Blocks that a piece left when it ended, for the next one to go on with: small pieces share blocks.
    partial: Mutex<Vec<Block>>,
    names: Mutex<HashSet<String>>,
}

/// Which chunks the bundle has.
#[derive(Debug, Default)]
pub(crate) struct ChunkIndex {
    pub(crate) chunks: HashMap<[u8; 32], ChunkRef>,
    pub(crate) next_block: u32,
}

impl<W: Write> Shared<W> {
    /// Says where the chunk with this hash is, or claims the given place for it.
    ///
    /// Who claims a place has to fill it: others name it from then on, before it is written.
    pub(crate) fn find_or_claim(&self, hash: [u8; 32], place: ChunkRef) -> Option<ChunkRef> {
        match lock(&self.index).chunks.entry(hash) {
            std::collections::hash_map::Entry::Occupied(known) => Some(*known.get()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(place);
                None
            }
        }
    }

    /// Takes over a block that is not full, or begins one.
    pub(crate) fn open_block(&self) -> Result<Block> {
        if let Some(block) = lock(&self.partial).pop() {
            return Ok(block);
        }
        let mut index = lock(&self.index);
        if index.next_block >= MAX_BLOCKS {
            return Err(Error::TooLarge { what: "the number of blocks", limit: u64::from(MAX_BLOCKS) });
        }
        index.next_block += 1;
        Ok(Block::new(index.next_block - 1))
    }

    /// Leaves a block that is not full to the next piece.
    pub(crate) fn leave_block(&self, block: Block) {
        lock(&self.partial).push(block);
    }

    /// Compresses and writes a block.
    ///
    /// If that fails, nothing more is written: other pieces may name chunks that are lost with it.
    pub(crate) fn write_block(&self, block: &Block, level: i32) -> Result<()> {
        let record = block.encode(level).and_then(|payload| Record::new(Tag::Block, payload));
        let mut output = lock(&self.output);
        let written = record.and_then(|record| output.append_block(block.number, &record));
        written.inspect_err(|_| output.give_up())
    }

    /// Writes the record of a piece that is complete.
    pub(crate) fn write_piece(&self, info: &PieceInfo, payload: Vec<u8>) -> Result<()> {
        let record = Record::new(Tag::Piece, payload)?;
        let mut output = lock(&self.output);
        let offset = output.append_piece(&record)?;
        output.list(info.clone(), offset);
        Ok(())
    }

    fn claim_name(&self, name: &str) -> Result<()> {
        name::check(name)?;
        let mut names = lock(&self.names);
        if names.len() >= MAX_PIECES {
            return Err(Error::TooLarge { what: "the number of pieces", limit: MAX_PIECES as u64 });
        }
        if names.insert(name.to_owned()) { Ok(()) } else { Err(Error::DuplicateName { name: name.to_owned() }) }
    }

    /// Lets a name be used again: its piece was not finished.
    pub(crate) fn free_name(&self, name: &str) {
        lock(&self.names).remove(name);
    }
}

/// Locks also what a thread panicked with: each of the locked values is left whole, or marked as broken.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_json(part: &'static str, value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|source| Error::Json { part, source })
}
