//! The one place where a bundle's bytes are written, in the order in which they are ready.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::manifest::Manifest;
use crate::record::{self, End, Record, Tag};
use crate::{Digest, Error, PieceInfo, Result};

#[derive(Debug, Default)]
struct Counters {
    taken: AtomicU64,
    written: AtomicU64,
}

/// How far a [`Writer`](crate::Writer) is, for another thread to read.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

impl Progress {
    /// The bytes that pieces took so far, before anything is shared or compressed.
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// The bytes that the bundle has so far.
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, bytes: u64) {
        self.0.taken.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The stream that a bundle is written to, and what its manifest and end will say.
#[derive(Debug)]
pub(crate) struct Output<W> {
    out: W,
    offset: u64,
    chain: Sha256,
    broken: bool,
    progress: Progress,
    blocks: Vec<u64>,
    pieces: Vec<(PieceInfo, u64)>,
}

impl<W: Write> Output<W> {
    /// Begins a bundle.
    pub(crate) fn create(mut out: W, head: Vec<u8>, progress: Progress) -> Result<Self> {
        record::write_preamble(&mut out)?;
        let chain = Sha256::new();
        let offset = record::START;
        let mut output = Self { out, offset, chain, broken: false, progress, blocks: Vec::new(), pieces: Vec::new() };
        output.append(&Record::new(Tag::Head, head)?)?;
        Ok(output)
    }

    /// Appends a record, and says where it begins.
    fn append(&mut self, record: &Record) -> Result<u64> {
        if self.broken {
            return Err(Error::Failed);
        }
        // Until it is written as a whole: also if the write panics, nothing may follow half a record.
        self.broken = true;
        record.write(&mut self.out)?;
        self.broken = false;
        self.chain.update(record.digest.0);
        let offset = self.offset;
        self.offset += record.length();
        self.progress.0.written.store(self.offset, Ordering::Relaxed);
        Ok(offset)
    }

    /// Makes all further writes fail: something is lost that pieces may name.
    pub(crate) const fn give_up(&mut self) {
        self.broken = true;
    }

    pub(crate) fn append_block(&mut self, number: u32, record: &Record) -> Result<()> {
        let offset = self.append(record)?;
        let number = number as usize;
        if self.blocks.len() <= number {
            self.blocks.resize(number + 1, 0);
        }
        self.blocks[number] = offset;
        Ok(())
    }

    /// Appends a PIECE record, without listing it in the manifest.
    pub(crate) fn append_piece(&mut self, record: &Record) -> Result<u64> {
        self.append(record)
    }

    /// Lists a piece in the manifest.
    pub(crate) fn list(&mut self, info: PieceInfo, offset: u64) {
        self.pieces.push((info, offset));
    }

    /// Writes manifest and end.
    pub(crate) fn finish(mut self, json: Vec<u8>) -> Result<W> {
        self.pieces.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let (blocks, pieces) = (std::mem::take(&mut self.blocks), std::mem::take(&mut self.pieces));
        let manifest = Manifest { json, blocks, pieces }.encode()?;
        let manifest = self.append(&Record::new(Tag::Manifest, manifest)?)?;
        let chain = Digest::finish(self.chain.clone());
        self.append(&Record::new(Tag::End, End { manifest, chain }.encode())?)?;
        self.out.flush()?;
        Ok(self.out)
    }
}
