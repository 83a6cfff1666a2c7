//! Goes on with a bundle whose writing was interrupted.

use std::collections::HashMap;
use std::io::{Read, Write};

use sha2::{Digest as _, Sha256};

use crate::block::{Block, ChunkRef};
use crate::manifest::MAX_PIECES;
use crate::output::Output;
use crate::piece::{Piece, Runs};
use crate::record::{self, Record, Tag};
use crate::writer::ChunkIndex;
use crate::{Error, PieceInfo, Progress, Result, Writer};

/// How much is remembered of pieces whose blocks have not come yet. What is beyond counts as not finished.
const MAX_PENDING: usize = 16 << 20;

/// A bundle that can be gone on with.
#[derive(Debug)]
pub struct Resumed<W: Write> {
    /// Goes on with it. A piece that was complete is in the bundle only if it is [kept](Writer::keep).
    pub writer: Writer<W>,
    /// The head, as it was written.
    pub head: serde_json::Value,
    /// The pieces that are complete, by name.
    pub pieces: Vec<PieceInfo>,
}

impl<W: Write + Send> Writer<W> {
    /// Copies what is good of an interrupted bundle to a new one, up to the first record that is not.
    ///
    /// Chunks that are there are not written again: a piece that was not complete costs little.
    ///
    /// # Errors
    /// [`Error::AlreadyComplete`], a bundle without a head, what can't be read or written.
    pub fn resume(mut partial: impl Read, out: W) -> Result<Resumed<W>> {
        record::read_preamble(&mut partial)?;
        let head = Record::read_tagged(&mut partial, Tag::Head)?.payload;
        let json = serde_json::from_slice(&head).map_err(|source| Error::Json { part: "head", source })?;
        let progress = Progress::default();
        let mut salvage = Salvage::new(Output::create(out, head, progress.clone())?);
        while let Some(record) = next_good(&mut partial)? {
            if !salvage.copy(&record)? {
                break;
            }
        }
        salvage.settle_pending();
        let kept = salvage.complete;
        let mut pieces: Vec<PieceInfo> = kept.values().map(|(info, _)| info.clone()).collect();
        pieces.sort_by(|a, b| a.name.cmp(&b.name));
        let mut writer = Self::with_output(salvage.output, salvage.index, progress);
        writer.kept = kept;
        Ok(Resumed { writer, head: json, pieces })
    }
}

/// Reads a record; none where the good ones end.
fn next_good(partial: &mut impl Read) -> Result<Option<Record>> {
    match Record::read(partial) {
        Err(error @ Error::Io(_)) => Err(error),
        result => Ok(result.unwrap_or(None)),
    }
}

/// What is copied, and what is known of it.
struct Salvage<W> {
    output: Output<W>,
    index: ChunkIndex,
    /// The lengths of each block's chunks.
    lengths: HashMap<u32, Box<[u32]>>,
    complete: HashMap<String, (PieceInfo, u64)>,
    /// Pieces some of whose blocks have not come yet: others were writing them.
    pending: Vec<(PieceInfo, Runs, u64)>,
    pending_bytes: usize,
    manifest_passed: bool,
}

impl<W: Write> Salvage<W> {
    fn new(output: Output<W>) -> Self {
        Self {
            output,
            index: ChunkIndex::default(),
            lengths: HashMap::new(),
            complete: HashMap::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            manifest_passed: false,
        }
    }

    /// Copies a record, and says whether to go on after it.
    fn copy(&mut self, record: &Record) -> Result<bool> {
        match record.tag {
            Tag::End if self.manifest_passed => Err(Error::AlreadyComplete),
            Tag::Block if !self.manifest_passed => self.copy_block(record),
            Tag::Piece if !self.manifest_passed => self.copy_piece(record),
            Tag::Manifest => Ok(!std::mem::replace(&mut self.manifest_passed, true)),
            Tag::Head | Tag::Block | Tag::Piece | Tag::End => Ok(false),
        }
    }

    fn copy_block(&mut self, record: &Record) -> Result<bool> {
        let Ok(block) = Block::decode(&record.payload) else { return Ok(false) };
        if self.lengths.contains_key(&block.number) {
            return Ok(false);
        }
        for (chunk, bytes) in (0..).zip(block.chunks()) {
            let place = ChunkRef { block: block.number, chunk };
            self.index.chunks.entry(Sha256::digest(bytes).into()).or_insert(place);
        }
        self.lengths.insert(block.number, block.chunks().map(|chunk| chunk.len() as u32).collect());
        self.index.next_block = self.index.next_block.max(block.number + 1);
        self.output.append_block(block.number, record)?;
        Ok(true)
    }

    fn copy_piece(&mut self, record: &Record) -> Result<bool> {
        let Ok(Piece { info, runs }) = Piece::decode(&record.payload) else { return Ok(false) };
        let offset = self.output.append_piece(record)?;
        if self.is_whole(&info, &runs) {
            self.add(info, offset);
        } else if self.pending_bytes + runs.length() <= MAX_PENDING {
            self.pending_bytes += runs.length();
            self.pending.push((info, runs, offset));
        }
        Ok(true)
    }

    /// Whether all of a piece's chunks are there.
    fn is_whole(&self, info: &PieceInfo, runs: &Runs) -> bool {
        let sum = runs.sum(|block| self.lengths.get(&block).map(AsRef::as_ref));
        sum.is_some_and(|sum| sum == info.size)
    }

    /// Lists a complete piece; of two with one name, the later one was written in place of the other.
    fn add(&mut self, info: PieceInfo, offset: u64) {
        let known = self.complete.get(&info.name).is_some_and(|(_, known)| *known > offset);
        if !known && self.complete.len() < MAX_PIECES {
            self.complete.insert(info.name.clone(), (info, offset));
        }
    }

    fn settle_pending(&mut self) {
        for (info, runs, offset) in std::mem::take(&mut self.pending) {
            if self.is_whole(&info, &runs) {
                self.add(info, offset);
            }
        }
    }
}
