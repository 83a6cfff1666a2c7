//! Bundles with right hashes around what is not right.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::io::{Cursor, Read};

use bundle::{Bundle, Error};
use common::{BLOCK, MANIFEST, PIECE, Raw, block, check, info, manifest, packed, piece, run, try_read_all, varint};

const CONTENT: &[u8] = b"hello world";

/// A bundle of one block of two chunks, `hello ` and `world`, with one piece as given.
fn with_piece(listed: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut raw = Raw::new();
    let blocks = [raw.record(BLOCK, &block(0, &[6, 5], CONTENT))];
    let at = raw.record(PIECE, payload);
    raw.finish(&blocks, &[(listed.to_vec(), at)])
}

fn with_runs(size: u64, runs: &[Vec<u8>]) -> Vec<u8> {
    let info = info("p", size, CONTENT);
    with_piece(&info, &piece(&info, runs))
}

fn with_block(payload: &[u8]) -> Vec<u8> {
    let mut raw = Raw::new();
    let blocks = [raw.record(BLOCK, payload)];
    let info = info("p", 11, CONTENT);
    let at = raw.record(PIECE, &piece(&info, &[run(2, false, 0, 0)]));
    raw.finish(&blocks, &[(info, at)])
}

/// Asserts that neither reading nor verifying takes it, and gives the error of verifying.
fn refused(bundle: &[u8]) -> Error {
    assert!(try_read_all(bundle).is_err());
    check(bundle).unwrap_err()
}

#[test]
fn the_honest_one_passes() {
    let bundle = with_runs(11, &[run(2, false, 0, 0)]);
    check(&bundle).unwrap();
    assert_eq!(try_read_all(&bundle).unwrap()["p"], CONTENT);
}

#[test]
fn chunks_that_do_not_add_up_are_refused() {
    for (size, runs) in [
        (10, vec![run(2, false, 0, 0)]),
        (12, vec![run(2, false, 0, 0)]),
        (6, vec![run(2, false, 0, 0)]),
        (0, vec![run(2, false, 0, 0)]),
        (11, vec![]),
        (11, vec![run(3, false, 0, 0)]),
        (11, vec![run(u64::MAX >> 1, true, 0, 0)]),
        (11, vec![run(2, false, 0, 1)]),
        (11, vec![run(1, false, 0, 0), run(1, false, 0, 2)]),
        (11, vec![run(1, false, 0, 0), run(1, false, 1, 1)]),
        (11, vec![run(1, false, 0, 0), run(1, false, -1, 1)]),
        (11, vec![run(2, false, i64::MIN, 0)]),
        (11, vec![run(2, false, 0, u64::MAX)]),
        (11, vec![run(2, false, 1 << 31, 0)]),
        (11, vec![run(0, false, 0, 0), run(2, false, 0, 0)]),
        (11, vec![run(1, false, 0, 1), run(1, false, 0, 0)]),
        (11, vec![vec![0x80]]),
    ] {
        let error = refused(&with_runs(size, &runs));
        assert!(matches!(error, Error::Corrupt { .. }), "{size} {runs:?}: {error}");
    }
}

#[test]
fn the_last_bytes_do_not_come_unchecked() {
    let wrong = info("p", 11, b"other");
    let bundle = with_piece(&wrong, &piece(&wrong, &[run(2, false, 0, 0)]));
    let mut bundle = Bundle::open(Cursor::new(bundle)).unwrap();
    let mut piece = bundle.read("p").unwrap();
    let mut content = [0; 11];
    assert!(piece.read_exact(&mut content).is_err());
    assert!(piece.read(&mut content).is_err(), "and no end after the error");
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let long = "x".repeat(256);
    for name in ["../x", "/abs", "a/../b", "..", "", "a//b", "a\0b", "c:\\x", &long] {
        let info = info(name, 11, CONTENT);
        let bundle = with_piece(&info, &piece(&info, &[run(2, false, 0, 0)]));
        assert!(matches!(refused(&bundle), Error::BadName { .. }), "{name}");
        // Also in a piece that is not listed: it could be resumed.
        let honest = common::info("p", 11, CONTENT);
        assert!(refused(&with_piece(&honest, &piece(&info, &[run(2, false, 0, 0)]))).to_string().contains("named"));
    }
}

#[test]
fn a_name_that_is_no_text_is_refused() {
    let info = [varint(1), vec![0xff], varint(11), [0; 32].to_vec()].concat();
    assert!(matches!(refused(&with_piece(&info, &piece(&info, &[]))), Error::BadName { .. }));
}

#[test]
fn one_name_twice_is_refused() {
    let mut raw = Raw::new();
    let blocks = [raw.record(BLOCK, &block(0, &[6, 5], CONTENT))];
    let info = info("p", 11, CONTENT);
    let payload = piece(&info, &[run(2, false, 0, 0)]);
    let places = [raw.record(PIECE, &payload), raw.record(PIECE, &payload)];
    let bundle = raw.finish(&blocks, &[(info.clone(), places[0]), (info, places[1])]);
    assert!(matches!(refused(&bundle), Error::DuplicateName { .. }));
}

#[test]
fn a_manifest_that_contradicts_the_records_is_refused() {
    let listed = info("p", 11, CONTENT);
    for other in [info("q", 11, CONTENT), info("p", 12, CONTENT), info("p", 11, b"other")] {
        refused(&with_piece(&listed, &piece(&other, &[run(2, false, 0, 0)])));
    }
    let runs = [run(2, false, 0, 0)];
    type Lie = fn(u64, u64) -> (Vec<u64>, u64);
    let lies: [Lie; 9] = [
        |_, piece| (vec![], piece),
        |_, piece| (vec![0], piece),
        |block, piece| (vec![0, block], piece),
        |block, piece| (vec![block + 1], piece),
        |_, piece| (vec![piece], piece),
        |block, _| (vec![block], block),
        |block, piece| (vec![block], piece + 1_000_000),
        |_, piece| (vec![12], piece),
        |block, _| (vec![block], 0),
    ];
    for (number, lie) in lies.iter().enumerate() {
        let mut raw = Raw::new();
        let at = raw.record(BLOCK, &block(0, &[6, 5], CONTENT));
        let piece_at = raw.record(PIECE, &piece(&listed, &runs));
        let (blocks, place) = lie(at, piece_at);
        let bundle = raw.finish(&blocks, &[(listed.clone(), place)]);
        assert!(matches!(refused(&bundle), Error::Corrupt { .. }), "lie {number}");
    }
}

#[test]
fn a_block_that_the_manifest_hides_or_has_twice_is_refused() {
    let listed = info("p", 11, CONTENT);
    for blocks in [vec![0], vec![0, 1], vec![1, 0]] {
        let mut raw = Raw::new();
        let first = raw.record(BLOCK, &block(0, &[6, 5], CONTENT));
        for number in &blocks {
            raw.record(BLOCK, &block(*number, &[6, 5], CONTENT));
        }
        let at = raw.record(PIECE, &piece(&listed, &[run(2, false, 0, 0)]));
        assert!(check(&raw.finish(&[first], &[(listed.clone(), at)])).is_err());
    }
}

#[test]
fn blocks_that_lie_about_their_chunks_are_refused() {
    let mut number = block(0, &[6, 5], CONTENT);
    number[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut count = block(0, &[6, 5], CONTENT);
    count[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    for payload in [
        block(0, &[6, 4], CONTENT),
        block(0, &[6, 6], CONTENT),
        block(0, &[11], CONTENT),
        block(0, &[6, 5, 0], CONTENT),
        block(0, &[6, 5, 0xffff_ffff], CONTENT),
        block(0, &[6, u64::MAX], CONTENT),
        block(0, &[0; 70_000], b""),
        block(0, &[], b""),
        block(1, &[6, 5], CONTENT),
        number,
        count,
        vec![],
        vec![0; 8],
        b"\0\0\0\0\x01\0\0\0\x05no zstd frame".to_vec(),
    ] {
        refused(&with_block(&payload));
    }
}

#[test]
fn bombs_fail_before_they_expand() {
    let bomb = vec![0; 100 << 20];
    refused(&with_block(&block(0, &[6, 5], &bomb)));
    // 17 chunks of 256 KiB are a full block, one more is too much.
    let error = refused(&with_block(&block(0, &[256 << 10; 18], &bomb[..18 * (256 << 10)])));
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let error = refused(&with_piece(&info("p", 11, CONTENT), &packed(&bomb)));
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let mut lying = packed(&bomb);
    lying[..4].copy_from_slice(&100u32.to_le_bytes());
    refused(&with_piece(&info("p", 11, CONTENT), &lying));
    let mut raw = Raw::new();
    let at = raw.record(MANIFEST, &packed(&bomb));
    assert!(matches!(refused(&raw.end(at)), Error::TooLarge { .. }));
}

#[test]
fn lengths_far_beyond_are_refused() {
    for (tag, length) in [(1, 2 << 20), (2, 6 << 20), (3, u64::MAX), (4, u64::MAX / 2), (0xff, 41), (0xff, 39)] {
        let mut bytes = Raw::new().bytes;
        bytes.push(tag);
        bytes.extend(u64::to_le_bytes(length));
        bytes.extend([0; 200]);
        refused(&bytes);
        let head = [b"distctl\n\x01\0\0\0\x01", &u64::to_le_bytes(length)[..], &[0; 200]].concat();
        refused(&head);
    }
    let size = 1 << 50;
    let error = refused(&with_runs(size, &[run(size / 6, true, 0, 0)]));
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[test]
fn counts_far_beyond_are_refused() {
    let head = [varint(4), b"null".to_vec()].concat();
    for table in [
        [varint(u64::MAX), vec![0; 100]].concat(),
        [varint(1 << 21), vec![0; 1 << 21], varint(0)].concat(),
        [varint(0), varint(u64::MAX), vec![0; 100]].concat(),
        [varint(0), varint(0), vec![0]].concat(),
        [varint(u64::MAX)].concat(),
        vec![],
    ] {
        let mut raw = Raw::new();
        let at = raw.record(MANIFEST, &packed(&[&head[..], &table].concat()));
        refused(&raw.end(at));
    }
    let mut raw = Raw::new();
    let at = raw.record(MANIFEST, &packed(&varint(u64::MAX)));
    refused(&raw.end(at));
}

#[test]
fn an_end_that_lies_is_refused() {
    for place in [0, 12, u64::MAX, 100_000] {
        let mut raw = Raw::new();
        raw.record(MANIFEST, &packed(&manifest(&[], &[])));
        refused(&raw.end(place));
    }
    let mut raw = Raw::new();
    raw.record(MANIFEST, &packed(&manifest(&[], &[])));
    let second = raw.record(MANIFEST, &packed(&manifest(&[], &[])));
    assert!(check(&raw.end(second)).is_err());
}
