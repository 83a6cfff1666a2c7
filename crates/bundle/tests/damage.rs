//! What is cut off, changed or follows the end is found.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::io::Cursor;

use bundle::{Bundle, Error};
use common::{check, small_bundle, try_read_all};

#[test]
fn a_cut_at_any_byte_is_found() {
    let bundle = small_bundle();
    check(&bundle).unwrap();
    for length in 0..bundle.len() {
        let cut = &bundle[..length];
        assert!(Bundle::open(Cursor::new(cut)).is_err(), "opened with {length} of {} bytes", bundle.len());
        assert!(matches!(check(cut), Err(Error::Truncated)), "{length}: {:?}", check(cut));
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let bundle = small_bundle();
    let whole = try_read_all(&bundle).unwrap();
    for at in 0..bundle.len() {
        for bit in 0..8 {
            let mut changed = bundle.clone();
            changed[at] ^= 1 << bit;
            assert!(check(&changed).is_err(), "byte {at} bit {bit}");
            // Reading alone does not look everywhere, but never gives anything else.
            if let Ok(read) = try_read_all(&changed) {
                assert_eq!(read, whole, "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_found() {
    for more in [&b"\0"[..], b"distctl\n", &[0xff; 81]] {
        let bundle = [&small_bundle()[..], more].concat();
        assert!(check(&bundle).is_err());
        assert!(Bundle::open(Cursor::new(&bundle)).is_err());
    }
}

#[test]
fn a_bundle_in_a_bundle_is_none() {
    let bundle = small_bundle();
    assert!(check(&[&bundle[..], &bundle[..]].concat()).is_err());
    assert!(check(&[&bundle[..], &bundle[12..]].concat()).is_err());
}

#[test]
fn other_files_and_later_formats_are_told_apart() {
    let mut bundle = small_bundle();
    bundle[8] = 2;
    assert!(matches!(check(&bundle), Err(Error::NewerFormat { version: 2 })));
    bundle[8] = 0;
    assert!(matches!(check(&bundle), Err(Error::Corrupt { .. })));
    assert!(matches!(check(b"PK\x03\x04"), Err(Error::NotABundle)));
    assert!(matches!(check(b"age-encryption.org/v1\n-> X25519"), Err(Error::Sealed)));
    assert!(matches!(check(b""), Err(Error::Truncated)));
}

#[test]
fn swapped_records_are_found() {
    let bundle = small_bundle();
    let mut starts = vec![12];
    while starts[starts.len() - 1] < bundle.len() {
        let at = starts[starts.len() - 1];
        let length = u64::from_le_bytes(bundle[at + 1..at + 9].try_into().unwrap()) as usize;
        starts.push(at + length + 41);
    }
    let records: Vec<_> = starts.windows(2).map(|pair| &bundle[pair[0]..pair[1]]).collect();
    for first in 0..records.len() - 1 {
        let mut swapped = records.clone();
        swapped.swap(first, first + 1);
        assert!(check(&[&bundle[..12], &swapped.concat()].concat()).is_err(), "records {first} and the next");
        let mut missing = records.clone();
        missing.remove(first);
        assert!(check(&[&bundle[..12], &missing.concat()].concat()).is_err(), "without record {first}");
    }
}
