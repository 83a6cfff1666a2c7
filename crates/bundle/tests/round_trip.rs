//! What is written comes back, and is kept once.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::io::{Cursor, Read, Write};

use bundle::{Bundle, Digest, Error, Writer, diff, verify};
use common::{noise, pieces_of, read_all, write_bundle};
use proptest::prelude::*;

#[test]
fn head_manifest_and_pieces_come_back() {
    let bundle = write_bundle(&[("b/zwei", b"two"), ("a", b""), ("b/one", b"1")]);
    let bundle = Bundle::open(Cursor::new(bundle)).unwrap();
    assert_eq!(bundle.head::<String>().unwrap(), "head");
    assert_eq!(bundle.manifest::<String>().unwrap(), "manifest");
    assert!(matches!(bundle.head::<u32>(), Err(Error::Json { part: "head", .. })));
    let names: Vec<_> = bundle.pieces().map(|piece| (piece.name.as_str(), piece.size)).collect();
    assert_eq!(names, [("a", 0), ("b/one", 1), ("b/zwei", 3)]);
    assert_eq!(bundle.piece("b/zwei").unwrap().sha256, Digest::of(b"two"));
}

#[test]
fn names_are_checked_and_unique() {
    let writer = Writer::create(Vec::new(), &()).unwrap();
    for name in ["../x", "/abs", "a/../b", "", "a\n"] {
        assert!(matches!(writer.piece(name), Err(Error::BadName { .. })), "{name:?}");
    }
    let first = writer.piece("a").unwrap();
    assert!(matches!(writer.piece("a"), Err(Error::DuplicateName { .. })));
    drop(first);
    writer.piece("a").unwrap().finish().unwrap();
    assert!(matches!(writer.piece("a"), Err(Error::DuplicateName { .. })));
}

#[test]
fn a_piece_that_is_dropped_is_not_in_the_bundle() {
    let writer = Writer::create(Vec::new(), &()).unwrap();
    let content = noise(1, 6_000_000);
    let mut dropped = writer.piece("dropped").unwrap();
    dropped.write_all(&content).unwrap();
    let mut kept = writer.piece("kept").unwrap();
    kept.write_all(&content).unwrap();
    drop(dropped);
    kept.finish().unwrap();
    let bundle = writer.finish(&()).unwrap();
    assert!(bundle.len() < content.len() * 11 / 10, "what was dropped is shared: {}", bundle.len());
    verify(Cursor::new(&bundle), |_, _| ()).unwrap();
    assert_eq!(read_all(&bundle), pieces_of(&[("kept", &content)]));
}

#[test]
fn a_bundle_is_not_finished_while_a_piece_is_written() {
    let writer = Writer::create(Vec::new(), &()).unwrap();
    let piece = writer.piece("a").unwrap();
    assert!(matches!(writer.finish(&()), Err(Error::PieceOpen)));
    drop(piece);
}

#[test]
fn what_two_pieces_share_is_stored_once() {
    let shared = noise(2, 19 << 20);
    let mut second = noise(3, 300_000);
    second.extend_from_slice(&shared[..5_000_001]);
    second.extend_from_slice(b"an insertion");
    second.extend_from_slice(&shared[5_000_001..12_345_678]);
    second.extend(noise(4, 500_000));
    second.extend_from_slice(&shared[12_345_678..]);
    let bundle = write_bundle(&[("first", &shared), ("second", &second)]);
    let unique = shared.len() + 800_000;
    assert!(bundle.len() < unique + 2_000_000, "{} of {unique}", bundle.len());
    assert_eq!(read_all(&bundle), pieces_of(&[("first", &shared), ("second", &second)]));
}

#[test]
fn zeros_cost_nearly_nothing() {
    let writer = Writer::create(Vec::new(), &()).unwrap();
    let mut piece = writer.piece("zeros").unwrap();
    std::io::copy(&mut std::io::repeat(0).take(200 << 20), &mut piece).unwrap();
    assert_eq!(piece.finish().unwrap().size, 200 << 20);
    assert_eq!(writer.progress().taken(), 200 << 20);
    let bundle = writer.finish(&()).unwrap();
    assert!(bundle.len() < 1000, "{}", bundle.len());
    let summary = verify(Cursor::new(&bundle), |_, _| ()).unwrap();
    assert_eq!((summary.content, summary.unique), (200 << 20, 256 << 10));
}

#[test]
fn many_small_pieces_share_blocks() {
    let contents: Vec<_> = (0..3000).map(|i| (format!("files/{i}"), format!("content of {i}"))).collect();
    let parts: Vec<_> = contents.iter().map(|(name, content)| (name.as_str(), content.as_bytes())).collect();
    let bundle = write_bundle(&parts);
    let summary = verify(Cursor::new(&bundle), |_, _| ()).unwrap();
    assert_eq!((summary.pieces, summary.blocks), (3000, 1));
    assert_eq!(read_all(&bundle), pieces_of(&parts));
}

#[test]
fn progress_of_verifying_ends_where_it_should() {
    let bundle = write_bundle(&[("a", &noise(5, 700_000)), ("b", b"x")]);
    let mut last = (0, 0);
    let summary = verify(Cursor::new(&bundle), |done, total| {
        assert!(done >= last.0 && done <= total);
        last = (done, total);
    });
    assert_eq!(last, (bundle.len() as u64 + 700_001, bundle.len() as u64 + 700_001));
    assert_eq!(summary.unwrap().stored, bundle.len() as u64);
}

#[test]
fn what_was_verified_is_read_without_its_hash_but_not_unchecked() {
    let content = noise(7, 700_000);
    let mut bytes = write_bundle(&[("a", &content)]);
    let mut read = Vec::new();
    Bundle::open(Cursor::new(&bytes)).unwrap().read_verified("a").unwrap().read_to_end(&mut read).unwrap();
    assert!(read == content);
    bytes[350_000] ^= 1;
    let mut bundle = Bundle::open(Cursor::new(&bytes)).unwrap();
    assert!(bundle.read_verified("a").unwrap().read_to_end(&mut read).is_err());
}

#[test]
fn bundles_are_compared_by_their_pieces() {
    let old = Bundle::open(Cursor::new(write_bundle(&[("a", b"1"), ("b", b"2"), ("c", b"3")]))).unwrap();
    let new = Bundle::open(Cursor::new(write_bundle(&[("b", b"2"), ("c", b"4"), ("d", b"5")]))).unwrap();
    let diff = diff(&old, &new);
    let names = |pieces: &[bundle::PieceInfo]| pieces.iter().map(|piece| piece.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&diff.removed), names(&diff.added), names(&diff.same)),
        (vec!["a".into()], vec!["d".into()], vec!["b".into()])
    );
    assert_eq!(diff.changed[0].1.sha256, Digest::of(b"4"));
}

#[test]
fn a_failed_write_stops_everything() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let writer = Writer::create(Full(5_000_000), &()).unwrap();
    let mut first = writer.piece("first").unwrap();
    let error = first.write_all(&noise(6, 20_000_000)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(matches!(first.finish(), Err(Error::Failed)));
    let mut second = writer.piece("second").unwrap();
    second.write_all(b"x").unwrap();
    assert!(matches!(second.finish(), Err(Error::Failed)));
    assert!(matches!(writer.finish(&()), Err(Error::Failed)));
}

/// Content with repeats, zeros and noise, of any length.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let part = (0u64..6, 0usize..400_000).prop_map(|(seed, length)| match seed {
        0 => vec![0; length],
        1 => vec![7; length / 100],
        seed => noise(seed, length),
    });
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_come_back(contents in prop::collection::vec(content(), 0..6), step in 1usize..200_000) {
        let writer = Writer::create(Vec::new(), &"head").unwrap().with_level(1);
        let names: Vec<_> = (0..contents.len()).map(|i| format!("piece {i}")).collect();
        for (name, content) in names.iter().zip(&contents) {
            let mut piece = writer.piece(name).unwrap();
            content.chunks(step).for_each(|part| piece.write_all(part).unwrap());
            let info = piece.finish().unwrap();
            prop_assert_eq!(info.sha256, Digest::of(content));
        }
        let bundle = writer.finish(&()).unwrap();
        verify(Cursor::new(&bundle), |_, _| ()).unwrap();
        let parts: Vec<_> = names.iter().zip(&contents).map(|(name, content)| (name.as_str(), &content[..])).collect();
        prop_assert!(read_all(&bundle) == pieces_of(&parts));
    }
}
