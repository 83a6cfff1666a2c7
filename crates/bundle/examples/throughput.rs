//! Measures writing and reading: `cargo run --release -p distctl-bundle --example throughput [FOLDER]`.

#![allow(clippy::print_stdout, reason = "an example shows what it measured")]

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use bundle::{Bundle, Result, Writer, verify};

const PIECES: u64 = 4;
/// Of each piece, in parts of one mebibyte: every second one is the same in all pieces.
const PARTS: u64 = 256;

/// Half noise, half text that repeats: compresses to a little more than half, as a container does.
fn part(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity((1 << 20) + 64);
    while bytes.len() < 1 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
        bytes.extend_from_slice(b" a word ");
    }
    bytes
}

fn seed(piece: u64, number: u64) -> u64 {
    if number.is_multiple_of(2) { number + 1 } else { (piece + 1) * 1_000_000 + number }
}

fn write(path: &Path, threads: u64, contents: &[Vec<u8>]) -> Result<()> {
    let writer = Writer::create(File::create(path)?, &())?;
    thread::scope(|scope| {
        let writers = (0..threads).map(|thread| {
            let writer = &writer;
            scope.spawn(move || -> Result<()> {
                for piece in (thread..PIECES).step_by(threads as usize) {
                    let mut out = writer.piece(&format!("p{piece}"))?;
                    out.write_all(&contents[piece as usize])?;
                    out.finish()?;
                }
                Ok(())
            })
        });
        writers.collect::<Vec<_>>().into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    writer.finish(&()).map(drop)
}

fn timed(what: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    run()?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} MB/s", ((PIECES * PARTS) << 20) as f64 / 1e6 / seconds);
    Ok(())
}

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| std::env::temp_dir().into());
    let path = Path::new(&folder).join("throughput.bundle");
    let contents: Vec<_> =
        (0..PIECES).map(|piece| (0..PARTS).flat_map(|number| part(seed(piece, number))).collect::<Vec<u8>>()).collect();
    for threads in [1, 2] {
        timed(&format!("writing with {threads} threads"), || write(&path, threads, &contents))?;
    }
    println!("stored: {} MB", path.metadata()?.len() / 1_000_000);
    timed("reading", || {
        let mut bundle = Bundle::open(File::open(&path)?)?;
        (0..PIECES)
            .try_for_each(|piece| Ok(io::copy(&mut bundle.read(&format!("p{piece}"))?, &mut io::sink()).map(drop)?))
    })?;
    timed("verifying", || verify(File::open(&path)?, |_, _| ()).map(drop))?;
    Ok(std::fs::remove_file(&path)?)
}
