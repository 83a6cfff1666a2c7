//! Memory stays bounded, as the kernel counts it. Alone in its process: the peak is that of all threads.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "shown with --nocapture")]
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]

mod common;

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::thread;

use bundle::{Bundle, Writer, verify};
use common::noise;

/// The bundle that the second run reads.
const READ: &str = "BUNDLE_TEST_READ";
const PIECES: u64 = 4;
const MEGABYTES: u64 = 96;

/// The most memory that was resident at once, in megabytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn write(path: &Path) {
    let writer = Writer::create(File::create(path).unwrap(), &()).unwrap();
    thread::scope(|scope| {
        for number in 0..PIECES {
            let mut piece = writer.piece(&format!("p{number}")).unwrap();
            scope.spawn(move || {
                for part in 0..MEGABYTES {
                    // Half of it is shared with the other pieces, a quarter compresses to nothing.
                    let seed = if part % 2 == 0 { part } else { part * 1000 + number };
                    let part = if part % 4 == 1 { vec![0; 1 << 20] } else { noise(seed + 1, 1 << 20) };
                    piece.write_all(&part).unwrap();
                }
                piece.finish().unwrap();
            });
        }
    });
    writer.finish(&()).unwrap();
}

fn read(path: &Path) {
    let mut bundle = Bundle::open(File::open(path).unwrap()).unwrap();
    for number in 0..PIECES {
        io::copy(&mut bundle.read(&format!("p{number}")).unwrap(), &mut io::sink()).unwrap();
    }
    drop(bundle);
    verify(File::open(path).unwrap(), |_, _| ()).unwrap();
}

/// Runs itself once more to read: what writing took before would count there.
#[test]
fn writing_and_reading_stay_within_their_memory() {
    if let Some(path) = env::var_os(READ) {
        read(Path::new(&path));
        assert!(peak() < 64, "reading took {} MB", peak());
        println!("reading took {} MB", peak());
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory.bundle");
    write(&path);
    assert!(peak() < 150, "four pieces took {} MB to write", peak());
    println!("writing took {} MB", peak());
    let reading = Command::new(env::current_exe().unwrap()).arg("--nocapture").env(READ, &path).status();
    assert!(reading.unwrap().success());
    fs::remove_file(&path).unwrap();
}
