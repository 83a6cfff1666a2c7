//! What was interrupted is gone on with, and becomes what it would have been.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::io::{Cursor, Write};

use bundle::{Error, PieceInfo, Resumed, Writer, verify};
use common::{
    BLOCK, PIECE, Raw, block, check, info, noise, piece, pieces_of, read_all, run, small_bundle, write_bundle,
};

fn names(pieces: &[PieceInfo]) -> Vec<&str> {
    pieces.iter().map(|piece| piece.name.as_str()).collect()
}

/// Resumes, keeps what is complete and writes the rest anew.
fn complete(partial: &[u8], pieces: &[(&str, &[u8])]) -> Vec<u8> {
    let Resumed { writer, pieces: found, .. } = Writer::resume(partial, Vec::new()).unwrap();
    for (name, content) in pieces {
        if names(&found).contains(name) {
            writer.keep(name).unwrap();
        } else {
            let mut piece = writer.piece(name).unwrap();
            piece.write_all(content).unwrap();
            piece.finish().unwrap();
        }
    }
    writer.finish(&"manifest").unwrap()
}

#[test]
fn a_bundle_cut_at_any_byte_is_resumed() {
    let pieces: [(&str, &[u8]); 4] = [("a", b"hello "), ("b", b"hello world"), ("c", b"world"), ("d", b"more")];
    let mut raw = Raw::new();
    let first = raw.bytes.len();
    let mut complete_at = Vec::new();
    raw.record(BLOCK, &block(0, &[6, 5], b"hello world"));
    raw.record(PIECE, &piece(&info("a", 6, b"hello "), &[run(1, false, 0, 0)]));
    complete_at.push(("a", raw.bytes.len()));
    raw.record(PIECE, &piece(&info("d", 4, b"more"), &[run(1, false, 1, 0)]));
    raw.record(PIECE, &piece(&info("b", 11, b"hello world"), &[run(2, false, 0, 0)]));
    complete_at.push(("b", raw.bytes.len()));
    raw.record(BLOCK, &block(1, &[4], b"more"));
    complete_at.push(("d", raw.bytes.len()));
    let partial = raw.bytes;
    for length in 0..=partial.len() {
        let cut = &partial[..length];
        let Ok(Resumed { pieces: found, .. }) = Writer::resume(cut, Vec::new()) else {
            assert!(length < first, "at {length}");
            continue;
        };
        let expected: Vec<_> = complete_at.iter().filter(|(_, at)| *at <= length).map(|(name, _)| *name).collect();
        assert_eq!(names(&found), expected, "at {length}");
        let bundle = complete(cut, &pieces);
        check(&bundle).unwrap();
        assert_eq!(read_all(&bundle), pieces_of(&pieces));
    }
}

#[test]
fn what_the_writer_left_is_resumed_after_any_byte() {
    let bundle = small_bundle();
    let all = read_all(&bundle);
    let pieces: Vec<_> = all.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
    let head = 12 + 41 + "\"head\"".len();
    for length in head..bundle.len() {
        let resumed = complete(&bundle[..length], &pieces);
        check(&resumed).unwrap_or_else(|error| panic!("at {length}: {error}"));
        assert_eq!(read_all(&resumed), all);
    }
    assert!(matches!(Writer::resume(&bundle[..head - 1], Vec::new()), Err(Error::Truncated)));
    assert!(matches!(Writer::resume(&bundle[..], Vec::new()), Err(Error::AlreadyComplete)));
}

#[test]
fn large_pieces_are_found_and_nothing_is_stored_twice() {
    let contents: Vec<_> = (1..4).map(|seed| noise(seed, 9_000_000)).collect();
    let pieces = [("x", &contents[0][..]), ("y", &contents[1][..]), ("z", &contents[2][..])];
    let whole = write_bundle(&pieces);
    for part in 1..16 {
        let cut = &whole[..whole.len() / 16 * part];
        let Resumed { pieces: found, head, .. } = Writer::resume(cut, Vec::new()).unwrap();
        assert_eq!((found.len(), head), (cut.len() / 9_002_000, "head".into()), "part {part}");
        let resumed = complete(cut, &pieces);
        assert!(resumed.len() < whole.len() + 10_000, "part {part}: {} of {}", resumed.len(), whole.len());
        assert!(read_all(&resumed) == pieces_of(&pieces), "part {part}");
    }
}

#[test]
fn a_piece_that_is_not_kept_can_be_written_anew() {
    let content = noise(1, 5_000_000);
    let mut partial = write_bundle(&[("a", &content), ("b", &content)]);
    partial.truncate(partial.len() - 1);
    let Resumed { writer, pieces, .. } = Writer::resume(&partial[..], Vec::new()).unwrap();
    assert_eq!(names(&pieces), ["a", "b"]);
    assert!(matches!(writer.keep("c"), Err(Error::UnknownPiece { .. })));
    let mut piece = writer.piece("a").unwrap();
    piece.write_all(b"other").unwrap();
    piece.finish().unwrap();
    assert!(matches!(writer.keep("a"), Err(Error::DuplicateName { .. })));
    let mut bundle = writer.finish(&()).unwrap();
    assert_eq!(verify(Cursor::new(&bundle), |_, _| ()).unwrap().pieces, 1);
    assert_eq!(read_all(&bundle), pieces_of(&[("a", b"other")]));
    // Interrupted once more, the later of the two is the one that counts.
    bundle.truncate(bundle.len() - 1);
    let Resumed { pieces, .. } = Writer::resume(&bundle[..], Vec::new()).unwrap();
    assert_eq!(pieces.iter().map(|piece| piece.size).collect::<Vec<_>>(), [5, 5_000_000]);
}

#[test]
fn what_lies_is_not_taken_over() {
    let honest = info("p", 11, b"hello world");
    for runs in [run(3, false, 0, 0), run(1, false, 0, 0), run(2, false, 1, 0), run(u64::MAX >> 1, true, 0, 0)] {
        let mut raw = Raw::new();
        raw.record(BLOCK, &block(0, &[6, 5], b"hello world"));
        raw.record(PIECE, &piece(&honest, &[runs]));
        let Resumed { writer, pieces, .. } = Writer::resume(&raw.bytes[..], Vec::new()).unwrap();
        assert_eq!(names(&pieces), [""; 0]);
        check(&writer.finish(&()).unwrap()).unwrap();
    }
    for bad in [block(0, &[6, 6], b"hello world"), block(u32::MAX, &[11], b"hello world")] {
        let mut raw = Raw::new();
        raw.record(BLOCK, &bad);
        raw.record(BLOCK, &block(0, &[6, 5], b"hello world"));
        raw.record(PIECE, &piece(&honest, &[run(2, false, 0, 0)]));
        assert!(Writer::resume(&raw.bytes[..], Vec::new()).unwrap().pieces.is_empty());
    }
}
