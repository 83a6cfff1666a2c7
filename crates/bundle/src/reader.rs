use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::block::Block;
use crate::error::corrupt;
use crate::manifest::Manifest;
use crate::piece::Piece;
use crate::record::{self, END_LENGTH, End, Record, Tag};
use crate::{Error, PieceInfo, PieceReader, Result};

/// How many blocks stay decompressed: a piece goes back and forth between few of them.
const CACHED_BLOCKS: usize = 4;

/// What was read when a bundle was opened.
pub(crate) struct Contents {
    head: Vec<u8>,
    pub(crate) manifest: Manifest,
    by_name: HashMap<String, usize>,
    pub(crate) end: End,
    pub(crate) length: u64,
}

/// A complete bundle that is being read.
///
/// Takes less than 64 MB: its manifest, the chunk list of one piece and a few blocks. Each reader is for one thread;
/// another one is made with [`reopen`](Self::reopen).
pub struct Bundle<R> {
    file: R,
    pub(crate) contents: Arc<Contents>,
    cache: VecDeque<Arc<Block>>,
    /// Memory that the next block is read into: taken anew each time, it would add up in gaps between the blocks.
    payload: Vec<u8>,
}

impl<R: Read + Seek> Bundle<R> {
    /// Opens a bundle: reads and checks its head, end and manifest.
    ///
    /// # Errors
    /// What is no bundle, is cut off, contradicts itself or is over a limit; [`Error::Sealed`] if it is encrypted.
    pub fn open(mut file: R) -> Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        record::read_preamble(&mut file)?;
        let head = Record::read_tagged(&mut file, Tag::Head)?;
        let first = record::START + head.length();
        let end = read_end(&mut file, first, length)?;
        let record = read_at(&mut file, end.manifest, Tag::Manifest)?;
        if end.manifest + record.length() != length - END_LENGTH {
            return Err(corrupt("the manifest is not right before the end"));
        }
        let manifest = Manifest::decode(&record.payload, first..end.manifest)?;
        let by_name = manifest.by_name()?;
        let contents = Contents { head: head.payload, manifest, by_name, end, length };
        Ok(Self { file, contents: Arc::new(contents), cache: VecDeque::new(), payload: Vec::new() })
    }

    /// Reads the same bundle through another handle on it, for another thread.
    pub fn reopen<S: Read + Seek>(&self, file: S) -> Bundle<S> {
        Bundle { file, contents: Arc::clone(&self.contents), cache: VecDeque::new(), payload: Vec::new() }
    }

    /// Reads the head.
    ///
    /// # Errors
    /// A head that does not fit the type.
    pub fn head<T: DeserializeOwned>(&self) -> Result<T> {
        from_json("head", &self.contents.head)
    }

    /// Reads the caller's part of the manifest.
    ///
    /// # Errors
    /// A manifest that does not fit the type.
    pub fn manifest<T: DeserializeOwned>(&self) -> Result<T> {
        from_json("manifest", &self.contents.manifest.json)
    }

    /// The pieces, by name.
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = &PieceInfo> {
        self.contents.manifest.pieces.iter().map(|(info, _)| info)
    }

    /// One piece's name, length and hash.
    pub fn piece(&self, name: &str) -> Option<&PieceInfo> {
        self.contents.find(name).map(|(info, _)| info)
    }

    /// Begins to read a piece.
    ///
    /// # Errors
    /// [`Error::UnknownPiece`], or a record that is not what the manifest says.
    pub fn read(&mut self, name: &str) -> Result<PieceReader<'_, R>> {
        self.piece_reader(name, Some(Sha256::new()))
    }

    /// Begins to read a piece of a bundle that was [verified](crate::verify) a moment ago: the hash of each record is
    /// checked again, that of the whole piece is not, which takes as long as all the rest.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn read_verified(&mut self, name: &str) -> Result<PieceReader<'_, R>> {
        self.piece_reader(name, None)
    }

    fn piece_reader(&mut self, name: &str, content: Option<Sha256>) -> Result<PieceReader<'_, R>> {
        let contents = Arc::clone(&self.contents);
        let (info, offset) = contents.find(name).ok_or_else(|| Error::UnknownPiece { name: name.to_owned() })?;
        let piece = Piece::decode(&read_at(&mut self.file, *offset, Tag::Piece)?.payload)?;
        if piece.info != *info {
            return Err(corrupt("a piece is not what the manifest says"));
        }
        Ok(PieceReader::new(self, piece, content))
    }

    /// Reads and decompresses a block, if it is not at hand.
    pub(crate) fn block(&mut self, number: u32) -> Result<Arc<Block>> {
        if let Some(at) = self.cache.iter().position(|block| block.number == number)
            && let Some(block) = self.cache.remove(at)
        {
            self.cache.push_front(Arc::clone(&block));
            return Ok(block);
        }
        let offset = self.contents.manifest.blocks.get(number as usize).copied().filter(|offset| *offset != 0);
        let offset = offset.ok_or(corrupt("a piece names a block that the bundle does not have"))?;
        let oldest = if self.cache.len() < CACHED_BLOCKS { None } else { self.cache.pop_back() };
        let memory = oldest.and_then(Arc::into_inner).map(Block::into_memory).unwrap_or_default();
        self.file.seek(SeekFrom::Start(offset))?;
        let record = Record::read_tagged_into(std::mem::take(&mut self.payload), &mut self.file, Tag::Block)?;
        let block = Block::decode_into(memory, &record.payload)?;
        self.payload = record.payload;
        if block.number != number {
            return Err(corrupt("a block is not the one that the manifest says"));
        }
        let block = Arc::new(block);
        self.cache.push_front(Arc::clone(&block));
        Ok(block)
    }

    pub(crate) const fn file(&mut self) -> &mut R {
        &mut self.file
    }
}

impl<R> fmt::Debug for Bundle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Manifest { blocks, pieces, .. } = &self.contents.manifest;
        f.debug_struct("Bundle").field("pieces", &pieces.len()).field("blocks", &blocks.len()).finish_non_exhaustive()
    }
}

impl Contents {
    fn find(&self, name: &str) -> Option<&(PieceInfo, u64)> {
        self.by_name.get(name).and_then(|position| self.manifest.pieces.get(*position))
    }
}

fn read_end(file: &mut (impl Read + Seek), first: u64, length: u64) -> Result<End> {
    let at = length.checked_sub(END_LENGTH).filter(|at| *at >= first).ok_or(Error::Truncated)?;
    file.seek(SeekFrom::Start(at))?;
    // Where the end should be is anything, if it is missing.
    let record = Record::read_tagged(file, Tag::End).map_err(|error| match error {
        error @ Error::Io(_) => error,
        _ => Error::Truncated,
    })?;
    let end = End::decode(&record.payload)?;
    if (first..at).contains(&end.manifest) {
        Ok(end)
    } else {
        Err(corrupt("the end names a manifest outside of the bundle"))
    }
}

fn read_at(file: &mut (impl Read + Seek), offset: u64, tag: Tag) -> Result<Record> {
    file.seek(SeekFrom::Start(offset))?;
    Record::read_tagged(file, tag)
}

fn from_json<T: DeserializeOwned>(part: &'static str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|source| Error::Json { part, source })
}
