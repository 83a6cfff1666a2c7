//! Content to store, and bundles put together by hand.

#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "clippy takes only functions marked as tests for tests")]

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use bundle::{Bundle, Digest, Result, Writer, verify};

/// Bytes that do not compress, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub fn write_bundle(pieces: &[(&str, &[u8])]) -> Vec<u8> {
    let writer = Writer::create(Vec::new(), &"head").unwrap();
    for (name, content) in pieces {
        let mut piece = writer.piece(name).unwrap();
        piece.write_all(content).unwrap();
        piece.finish().unwrap();
    }
    writer.finish(&"manifest").unwrap()
}

/// A bundle with a bit of everything, that is small enough to try every byte of it.
pub fn small_bundle() -> Vec<u8> {
    write_bundle(&[("a.txt", b"one two three"), ("dir/b", b""), ("dir/c", &[0; 3000]), ("same", b"one two three")])
}

pub fn pieces_of(pieces: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    pieces.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect()
}

pub fn read_all(bundle: &[u8]) -> BTreeMap<String, Vec<u8>> {
    try_read_all(bundle).unwrap()
}

pub fn try_read_all(bundle: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut bundle = Bundle::open(Cursor::new(bundle))?;
    let names: Vec<_> = bundle.pieces().map(|piece| piece.name.clone()).collect();
    let mut pieces = BTreeMap::new();
    for name in names {
        let mut content = Vec::new();
        bundle.read(&name)?.read_to_end(&mut content)?;
        pieces.insert(name, content);
    }
    Ok(pieces)
}

pub fn check(bundle: &[u8]) -> Result<()> {
    verify(Cursor::new(bundle), |_, _| ()).map(drop)
}

/// A bundle that is put together record by record, with right hashes around whatever it holds.
pub struct Raw {
    pub bytes: Vec<u8>,
    chain: Vec<u8>,
}

pub const HEAD: u8 = 1;
pub const BLOCK: u8 = 2;
pub const PIECE: u8 = 3;
pub const MANIFEST: u8 = 4;
pub const END: u8 = 0xff;

impl Raw {
    pub fn new() -> Self {
        let mut raw = Self { bytes: b"distctl\n\x01\0\0\0".to_vec(), chain: Vec::new() };
        raw.record(HEAD, b"null");
        raw
    }

    /// Appends a record, and says where.
    pub fn record(&mut self, tag: u8, payload: &[u8]) -> u64 {
        let offset = self.bytes.len();
        self.bytes.push(tag);
        self.bytes.extend((payload.len() as u64).to_le_bytes());
        self.bytes.extend(payload);
        let digest = Digest::of(&self.bytes[offset..]).0;
        self.bytes.extend(digest);
        self.chain.extend(digest);
        offset as u64
    }

    pub fn end(mut self, manifest: u64) -> Vec<u8> {
        let chain = Digest::of(&self.chain).0;
        self.record(END, &[&manifest.to_le_bytes()[..], &chain].concat());
        self.bytes
    }

    /// Appends a manifest of what is given, and the end.
    pub fn finish(mut self, blocks: &[u64], pieces: &[(Vec<u8>, u64)]) -> Vec<u8> {
        let manifest = self.record(MANIFEST, &packed(&manifest(blocks, pieces)));
        self.end(manifest)
    }
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

pub fn packed(raw: &[u8]) -> Vec<u8> {
    [&(raw.len() as u32).to_le_bytes()[..], &zstd::bulk::compress(raw, 3).unwrap()].concat()
}

pub fn manifest(blocks: &[u64], pieces: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let mut raw = [varint(4), b"null".to_vec(), varint(blocks.len() as u64)].concat();
    let mut last = 0;
    for offset in blocks {
        raw.extend(zigzag(*offset as i64 - last));
        last = *offset as i64;
    }
    raw.extend(varint(pieces.len() as u64));
    for (info, offset) in pieces {
        raw.extend(info);
        raw.extend(varint(*offset));
    }
    raw
}

/// Name, size and hash, as PIECE records and manifests hold them.
pub fn info(name: &str, size: u64, content: &[u8]) -> Vec<u8> {
    [varint(name.len() as u64), name.as_bytes().to_vec(), varint(size), Digest::of(content).0.to_vec()].concat()
}

/// A run of chunks: how many, whether it is one chunk many times, the block's difference to the last one, the chunk.
pub fn run(count: u64, repeat: bool, block: i64, chunk: u64) -> Vec<u8> {
    [varint(count << 1 | u64::from(repeat)), zigzag(block), varint(chunk)].concat()
}

pub fn piece(info: &[u8], runs: &[Vec<u8>]) -> Vec<u8> {
    packed(&[info, &runs.concat()].concat())
}

pub fn block(number: u32, lengths: &[u64], content: &[u8]) -> Vec<u8> {
    let mut payload = [number.to_le_bytes(), (lengths.len() as u32).to_le_bytes()].concat();
    lengths.iter().for_each(|length| payload.extend(varint(*length)));
    payload.extend(zstd::bulk::compress(content, 3).unwrap());
    payload
}
