//! Several threads write and read one bundle.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::io::{Cursor, Read, Write};
use std::thread;

use bundle::{Bundle, Digest, Writer, verify, verify_with};
use common::{noise, write_bundle};

/// Parts of three megabytes, of which each piece takes some in an order of its own.
fn content(thread: u64) -> Vec<u8> {
    (0..5)
        .flat_map(|part| noise((part * (thread + 1)) % 5 + 1, 3_000_000))
        .chain(noise(100 + thread, 100_000))
        .collect()
}

#[test]
fn four_threads_write_what_they_share_once() {
    let writer = Writer::create(Vec::new(), &()).unwrap();
    thread::scope(|scope| {
        for number in 0..4 {
            let (mut piece, mut dropped) =
                (writer.piece(&format!("p{number}")).unwrap(), writer.piece(&format!("d{number}")).unwrap());
            scope.spawn(move || {
                let content = content(number);
                for part in content.chunks(100_003) {
                    piece.write_all(part).unwrap();
                    dropped.write_all(part).unwrap();
                }
                drop(dropped);
                assert_eq!(piece.finish().unwrap().sha256, Digest::of(&content));
            });
        }
    });
    let bundle = writer.finish(&()).unwrap();
    assert!(bundle.len() < 15_400_000 + 20 * (256 << 10), "{}", bundle.len());
    let summary = verify(Cursor::new(&bundle), |_, _| ()).unwrap();
    assert_eq!((summary.pieces, summary.content), (4, 4 * 15_100_000));
    let first = Bundle::open(Cursor::new(&bundle)).unwrap();
    thread::scope(|scope| {
        for number in 0..4 {
            let mut reader = first.reopen(Cursor::new(&bundle));
            scope.spawn(move || {
                let mut read = Vec::new();
                reader.read(&format!("p{number}")).unwrap().read_to_end(&mut read).unwrap();
                assert!(read == content(number));
            });
        }
    });
}

#[test]
fn a_thread_that_panics_leaves_the_others_right() {
    let writer = Writer::create(Vec::new(), &()).unwrap();
    let content = content(1);
    let mut piece = writer.piece("p").unwrap();
    let mut doomed = writer.piece("doomed").unwrap();
    thread::scope(|scope| {
        let panicked = scope.spawn(|| {
            doomed.write_all(&content).unwrap();
            let _moved = doomed;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.join().is_err());
    });
    piece.write_all(&content).unwrap();
    piece.finish().unwrap();
    let bundle = writer.finish(&()).unwrap();
    verify(Cursor::new(&bundle), |_, _| ()).unwrap();
    assert!(common::read_all(&bundle)["p"] == content);
}

#[test]
fn three_threads_find_what_one_finds() {
    let (big, other) = (noise(1, 300_000), noise(2, 200_000));
    let bundle = write_bundle(&[("a", b"x"), ("b", &big), ("c", &other), ("d", &big)]);
    let all = |bytes: &[u8]| {
        let mut last = (0, 0);
        let further = vec![Cursor::new(bytes); 2];
        let found = verify_with(Cursor::new(bytes), further, |done, total| last = (done, total));
        found.map(|summary| (summary, last))
    };
    let (summary, (done, total)) = all(&bundle).unwrap();
    assert_eq!(summary, verify(Cursor::new(&bundle[..]), |_, _| ()).unwrap());
    assert_eq!((done, total), (bundle.len() as u64 + 800_001, bundle.len() as u64 + 800_001));
    let mut broken = bundle.clone();
    for at in (0..bundle.len()).step_by(4_999) {
        broken[at] ^= 1;
        assert!(all(&broken).is_err(), "a flipped bit at {at}");
        broken[at] ^= 1;
    }
}
