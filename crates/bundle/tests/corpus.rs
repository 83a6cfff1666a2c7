//! Replays the corpus of the fuzz targets, whose hashes count here; and writes its seeds.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;
#[path = "../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

use common::{BLOCK, MANIFEST, PIECE, Raw, block, check, info, packed, piece, run, small_bundle, varint, write_bundle};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");

fn replay(target: &str, run: fn(&[u8])) {
    let mut files = 0;
    for entry in fs::read_dir(Path::new(CORPUS).join(target)).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        run(&data);
        files += 1;
        let name = path.file_name().unwrap().to_string_lossy();
        // Its hash would be known to be wrong after a terabyte.
        if !name.contains("terabyte") {
            assert_eq!(check(&data).is_ok(), name.starts_with("valid"), "{name}: {:?}", check(&data));
        }
    }
    assert!(files > 10, "the corpus of {target} is not there");
}

#[test]
fn open_takes_its_corpus() {
    replay("open", targets::open);
}

#[test]
fn resume_takes_its_corpus() {
    replay("resume", targets::resume);
}

const CONTENT: &[u8] = b"hello world";

fn with(block_payload: &[u8], listed: &[u8], piece_payload: &[u8]) -> Vec<u8> {
    let mut raw = Raw::new();
    let blocks = [raw.record(BLOCK, block_payload)];
    let at = raw.record(PIECE, piece_payload);
    raw.finish(&blocks, &[(listed.to_vec(), at)])
}

fn with_runs(size: u64, runs: &[Vec<u8>]) -> Vec<u8> {
    let info = info("p", size, CONTENT);
    with(&block(0, &[6, 5], CONTENT), &info, &piece(&info, runs))
}

fn with_block(payload: &[u8]) -> Vec<u8> {
    let info = info("p", 11, CONTENT);
    with(payload, &info, &piece(&info, &[run(2, false, 0, 0)]))
}

fn with_manifest(table: &[u8]) -> Vec<u8> {
    let mut raw = Raw::new();
    let at = raw.record(MANIFEST, &packed(table));
    raw.end(at)
}

fn two_blocks() -> Vec<u8> {
    let mut raw = Raw::new();
    let mut blocks = vec![0; 3];
    blocks[2] = raw.record(BLOCK, &block(2, &[5], b"world"));
    let (p, q) = (info("p", 11, CONTENT), info("dir/q", 5 * 1000, &b"world".repeat(1000)));
    let first = raw.record(PIECE, &piece(&p, &[run(1, false, 0, 0), run(1, false, 2, 0)]));
    blocks[0] = raw.record(BLOCK, &block(0, &[6], b"hello "));
    let second = raw.record(PIECE, &piece(&q, &[run(1000, true, 2, 0)]));
    raw.finish(&blocks, &[(q, second), (p, first)])
}

fn valid_seeds() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("valid-no-pieces", write_bundle(&[])),
        ("valid-small", small_bundle()),
        ("valid-one-block", with_runs(11, &[run(2, false, 0, 0)])),
        ("valid-blocks-out-of-order", two_blocks()),
        ("valid-zeros", write_bundle(&[("zeros", &[0; 2 << 20]), ("more", &[0; 300_000])])),
        ("valid-text", write_bundle(&[("t", "a line of text\n".repeat(20_000).as_bytes())])),
    ]
}

fn lying_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let bad_name = info("../x", 11, CONTENT);
    let p = info("p", 11, CONTENT);
    vec![
        ("lie-size", with_runs(12, &[run(2, false, 0, 0)])),
        ("lie-sum", with_runs(11, &[run(1, false, 0, 0)])),
        ("lie-chunk", with_runs(11, &[run(3, false, 0, 0)])),
        ("lie-block", with_runs(11, &[run(2, false, 9, 0)])),
        ("lie-empty-run", with_runs(11, &[run(0, false, 0, 0)])),
        ("lie-endless-run", with_runs(11, &[run(u64::MAX >> 1, true, 0, 0)])),
        ("lie-terabyte", with_runs(6 << 36, &[run(1 << 36, true, 0, 0)])),
        ("lie-name", with(&block(0, &[6, 5], CONTENT), &bad_name, &piece(&bad_name, &[run(2, false, 0, 0)]))),
        ("lie-hash", {
            let wrong = info("p", 11, b"other");
            with(&block(0, &[6, 5], CONTENT), &wrong, &piece(&wrong, &[run(2, false, 0, 0)]))
        }),
        ("lie-listed", with(&block(0, &[6, 5], CONTENT), &info("q", 11, CONTENT), &piece(&p, &[run(2, false, 0, 0)]))),
        ("lie-block-number", with_block(&block(7, &[6, 5], CONTENT))),
        ("lie-last-block-number", with_block(&block((1 << 20) - 1, &[6, 5], CONTENT))),
        ("lie-chunk-lengths", with_block(&block(0, &[6, 6], CONTENT))),
        ("lie-empty-chunk", with_block(&block(0, &[6, 0, 5], CONTENT))),
        ("lie-blocks", with_manifest(&[varint(4), b"null".to_vec(), varint(u64::MAX)].concat())),
        ("lie-pieces", with_manifest(&[varint(4), b"null".to_vec(), varint(0), varint(u64::MAX)].concat())),
        ("lie-json", with_manifest(&varint(u64::MAX))),
        ("bomb-block", with_block(&block(0, &[6, 5], &[0; 8 << 20]))),
        ("bomb-block-declared", with_block(&block(0, &[256 << 10; 32], &[0; 8 << 20]))),
        ("bomb-piece", with(&block(0, &[6, 5], CONTENT), &p, &packed(&[0; 20 << 20]))),
        ("bomb-manifest", with_manifest(&[0; 20 << 20])),
    ]
}

fn damaged_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let whole = two_blocks();
    let mut newer = whole.clone();
    newer[8] = 2;
    vec![
        ("newer-format", newer),
        ("cut-magic", whole[..5].to_vec()),
        ("cut-head", whole[..40].to_vec()),
        ("cut-block", whole[..100].to_vec()),
        ("cut-middle", whole[..whole.len() / 2].to_vec()),
        ("cut-before-end", whole[..whole.len() - 81].to_vec()),
        ("cut-end", whole[..whole.len() - 1].to_vec()),
        ("more-after-end", [&whole[..], b"more"].concat()),
    ]
}

#[test]
#[ignore = "writes into the project"]
fn write_seeds() {
    for target in ["open", "resume"] {
        let folder = Path::new(CORPUS).join(target);
        fs::create_dir_all(&folder).unwrap();
        for (name, data) in [valid_seeds(), lying_seeds(), damaged_seeds()].concat() {
            // A whole bundle is not resumed: without its end it is.
            let end =
                if target == "resume" && name != "valid-small" { data.len().saturating_sub(81) } else { data.len() };
            let name = if end < data.len() { name.replace("valid", "cut-valid") } else { name.to_owned() };
            fs::write(folder.join(name), &data[..end]).unwrap();
        }
    }
}
