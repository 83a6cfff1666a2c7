use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sha2::{Digest as _, Sha256};

use crate::block::Block;
use crate::error::corrupt;
use crate::piece::Piece;
use crate::reader::Contents;
use crate::record::{self, End, Record, Tag};
use crate::{Bundle, Digest, PieceInfo, Result};

/// What a bundle holds that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many pieces.
    pub pieces: u64,
    /// How many blocks.
    pub blocks: u64,
    /// The bytes of all pieces.
    pub content: u64,
    /// The bytes of all chunks, each counted once, before they are compressed.
    pub unique: u64,
    /// The bytes of the bundle.
    pub stored: u64,
}

/// Checks every byte of a bundle: all records in order, then the content of each piece.
///
/// `progress` is told after each step how many of how many bytes are done: those of the file and those of all pieces.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify<R: Read + Seek + Send>(file: R, progress: impl FnMut(u64, u64) + Send) -> Result<Summary> {
    verify_with(file, Vec::new(), progress)
}

/// Does the same with more threads: one for each further handle on the same file. Those begin with the largest pieces
/// while the records are looked through.
///
/// # Errors
/// What is wrong with a record, else with a piece; one of them if more are.
pub fn verify_with<R: Read + Seek + Send>(
    file: R,
    further: Vec<R>,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<Summary> {
    let mut bundle = Bundle::open(file)?;
    let contents = Arc::clone(&bundle.contents);
    let content = bundle.pieces().try_fold(0u64, |sum, piece| sum.checked_add(piece.size));
    let content = content.ok_or(corrupt("a number is out of range"))?;
    let progress = Progress { total: contents.length.saturating_add(content), state: Mutex::new((0, progress)) };
    let work = Work::of(&contents, !further.is_empty());
    thread::scope(|scope| {
        let further: Vec<_> = further
            .into_iter()
            .map(|file| {
                let (mut bundle, work, progress) = (bundle.reopen(file), &work, &progress);
                scope.spawn(move || work.run(&mut bundle, |read| progress.add(read)))
            })
            .collect();
        let scanned = scan(&mut bundle, &contents, content, |read| progress.add(read));
        let checked = match &scanned {
            Ok(_) => work.run(&mut bundle, |read| progress.add(read)),
            Err(_) => {
                work.stop();
                Ok(())
            }
        };
        let others = further.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        let others: Vec<Result<()>> = others.collect();
        let summary = scanned?;
        checked?;
        others.into_iter().collect::<Result<()>>()?;
        Ok(summary)
    })
}

/// The pass over all records.
fn scan<R: Read + Seek>(
    bundle: &mut Bundle<R>,
    contents: &Contents,
    content: u64,
    progress: impl FnMut(u64),
) -> Result<Summary> {
    let mut scan = Scan::new(contents);
    bundle.file().seek(SeekFrom::Start(0))?;
    scan.run(&mut BufReader::with_capacity(1 << 16, bundle.file()), progress)?;
    scan.finish(content)
}

/// Who is told how far it is, from whatever thread.
struct Progress<P> {
    total: u64,
    state: Mutex<(u64, P)>,
}

impl<P: FnMut(u64, u64)> Progress<P> {
    fn add(&self, read: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, tell) = &mut *state;
        *done += read;
        tell(*done, self.total);
    }
}

/// The pieces, each to be read by one thread.
struct Work<'a> {
    pieces: Vec<&'a PieceInfo>,
    next: AtomicUsize,
    failed: AtomicBool,
}

impl<'a> Work<'a> {
    /// Alone in the order in which they were written, which is nearly that of their blocks; else the largest first, so
    /// that all threads end at nearly the same time.
    fn of(contents: &'a Contents, shared: bool) -> Self {
        let mut pieces: Vec<_> = contents.manifest.pieces.iter().collect();
        pieces.sort_by_key(|(info, offset)| if shared { u64::MAX - info.size } else { *offset });
        let pieces = pieces.into_iter().map(|(info, _)| info).collect();
        Self { pieces, next: AtomicUsize::new(0), failed: AtomicBool::new(false) }
    }

    /// Has all threads end.
    fn stop(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Reads pieces until none is left, or something is wrong with one.
    fn run<R: Read + Seek>(&self, bundle: &mut Bundle<R>, mut progress: impl FnMut(u64)) -> Result<()> {
        let mut buffer = vec![0; 1 << 18];
        while let Some(info) = self.pieces.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            self.read(bundle, info, &mut buffer, &mut progress).inspect_err(|_| self.stop())?;
        }
        Ok(())
    }

    fn read<R: Read + Seek>(
        &self,
        bundle: &mut Bundle<R>,
        info: &PieceInfo,
        buffer: &mut [u8],
        progress: &mut impl FnMut(u64),
    ) -> Result<()> {
        let mut piece = bundle.read(&info.name)?;
        while !self.failed.load(Ordering::Relaxed) {
            match piece.read(buffer) {
                Ok(0) => break,
                Ok(read) => progress(read as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The pass over all records in order.
struct Scan<'a> {
    contents: &'a Contents,
    pieces: HashMap<u64, &'a PieceInfo>,
    offset: u64,
    chain: Sha256,
    blocks_seen: u64,
    pieces_seen: u64,
    unique: u64,
    memory: Vec<u8>,
}

impl<'a> Scan<'a> {
    fn new(contents: &'a Contents) -> Self {
        let pieces = contents.manifest.pieces.iter().map(|(info, offset)| (*offset, info)).collect();
        let (offset, chain) = (record::START, Sha256::new());
        Self { contents, pieces, offset, chain, blocks_seen: 0, pieces_seen: 0, unique: 0, memory: Vec::new() }
    }

    fn run(&mut self, file: &mut impl Read, mut progress: impl FnMut(u64)) -> Result<()> {
        record::read_preamble(file)?;
        progress(self.offset);
        let mut payload = Vec::new();
        while let Some(record) = Record::read_into(payload, file)? {
            if (record.tag == Tag::Head) != (self.offset == record::START) {
                return Err(corrupt("the head is not the first record"));
            }
            match record.tag {
                Tag::Head => {}
                Tag::Block => self.block(&record)?,
                Tag::Piece => self.piece(&record)?,
                Tag::Manifest if self.offset == self.contents.end.manifest => {}
                Tag::Manifest => return Err(corrupt("a second manifest")),
                Tag::End => {
                    progress(record.length());
                    return self.end(&record, file);
                }
            }
            self.chain.update(record.digest.0);
            self.offset += record.length();
            progress(record.length());
            payload = record.payload;
        }
        Err(crate::Error::Truncated)
    }

    fn block(&mut self, record: &Record) -> Result<()> {
        let block = Block::decode_into(std::mem::take(&mut self.memory), &record.payload)?;
        if self.contents.manifest.blocks.get(block.number as usize) != Some(&self.offset) {
            return Err(corrupt("a block is not where the manifest says"));
        }
        self.blocks_seen += 1;
        self.unique += block.chunks().map(|chunk| chunk.len() as u64).sum::<u64>();
        self.memory = block.into_memory();
        Ok(())
    }

    /// Checks a piece's record; one that the manifest does not list was discarded, and is no piece.
    fn piece(&mut self, record: &Record) -> Result<()> {
        let piece = Piece::decode(&record.payload)?;
        match self.pieces.get(&self.offset) {
            Some(info) if **info != piece.info => Err(corrupt("a piece is not what the manifest says")),
            listed => {
                self.pieces_seen += u64::from(listed.is_some());
                Ok(())
            }
        }
    }

    fn end(&self, record: &Record, file: &mut impl Read) -> Result<()> {
        let end = End::decode(&record.payload)?;
        let chain = Digest::finish(self.chain.clone());
        if end != self.contents.end || !chain.fits(&end.chain) {
            return Err(corrupt("the end does not fit what is before it"));
        }
        if self.offset + record.length() == self.contents.length && Record::read(file)?.is_none() {
            Ok(())
        } else {
            Err(corrupt("something follows the end"))
        }
    }

    /// Compares what was seen with what the manifest lists.
    fn finish(self, content: u64) -> Result<Summary> {
        let manifest = &self.contents.manifest;
        let blocks = manifest.blocks.iter().filter(|offset| **offset != 0).count() as u64;
        let pieces = manifest.pieces.len() as u64;
        if blocks != self.blocks_seen || pieces != self.pieces_seen {
            return Err(corrupt("the manifest lists what is not there"));
        }
        Ok(Summary { pieces, blocks, content, unique: self.unique, stored: self.contents.length })
    }
}
