//! What is done with arbitrary bytes, by cargo-fuzz and by the test that replays the corpus.

#![allow(dead_code, reason = "each target uses one of them")]
#![allow(clippy::unwrap_used, reason = "what must not fail here is a finding")]

use std::io::{Cursor, Read, copy, sink};

use bundle::{Bundle, Resumed, Writer, verify};

/// What is read of pieces: a few bytes may honestly say that they are a terabyte of zeros.
const MAX_CONTENT: u64 = 8 << 20;

/// Opens, verifies and reads: never a panic, and what verifies can be read.
pub fn open(data: &[u8]) {
    let Ok(mut bundle) = Bundle::open(Cursor::new(data)) else { return };
    let pieces: Vec<_> = bundle.pieces().cloned().collect();
    let content = pieces.iter().fold(0u64, |sum, piece| sum.saturating_add(piece.size));
    let verified = content <= MAX_CONTENT && verify(Cursor::new(data), |_, _| ()).is_ok();
    for piece in pieces {
        let read = match bundle.read(&piece.name) {
            Ok(reader) => copy(&mut reader.take(MAX_CONTENT), &mut sink()),
            Err(error) => Err(error.into()),
        };
        assert!(!verified || read.unwrap() == piece.size);
    }
}

/// Resumes and finishes: never a panic, and what comes out verifies.
pub fn resume(data: &[u8]) {
    let Ok(Resumed { writer, pieces, .. }) = Writer::resume(data, Vec::new()) else { return };
    let content = pieces.iter().fold(0u64, |sum, piece| sum.saturating_add(piece.size));
    for piece in &pieces {
        writer.keep(&piece.name).unwrap();
    }
    // Hostile block numbers leave no room for another one.
    let Ok(mut added) = writer.piece("added") else { return };
    if std::io::Write::write_all(&mut added, b"added").is_err() || added.finish().is_err() {
        return;
    }
    let bundle = writer.finish(&()).unwrap();
    let opened = Bundle::open(Cursor::new(&bundle)).unwrap();
    assert_eq!(opened.pieces().len(), pieces.len() + 1);
    if content <= MAX_CONTENT {
        let verified = verify(Cursor::new(&bundle), |_, _| ());
        // A piece's hash can be of other content than its chunks: that is found now, where hashes count.
        assert!(verified.is_ok() || !cfg!(fuzzing));
    }
}
