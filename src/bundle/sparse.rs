//! A tar stream with its long runs of zeros left out, as GNU tar has it.
//!
//! mongod makes its journal files of 100 MB each beforehand, all zeros. A server that is sent those writes them twice; what
//! is left out here costs nothing. tar makes the same files of it, with holes.

use std::io::{self, Read};

/// A tar stream's unit, in bytes.
const RECORD: usize = 512;

/// Smaller files stay as they are.
const WORTH_IT: u64 = 1 << 20;

/// How much is looked at at once for zeros.
const PAGE: usize = 4 << 10;

/// Files with more than this between their zeros stay as they are: that much must be held in memory.
const MOST: usize = 24 << 20;

/// Entries in a file's own header, and in each that follows.
const IN_HEADER: usize = 4;
const IN_EXTENSION: usize = 21;

/// A tar stream with holes.
pub(super) struct Sparse<R> {
    inner: R,
    /// What is to be given next.
    ready: Vec<u8>,
    at: usize,
    /// How much follows of a file that is passed on as it is, its padding included.
    passing: u64,
    /// From here on all is passed on: a size stands where it is not looked for.
    plain: bool,
    ended: bool,
}

/// A stretch of a file that is not zeros.
struct Stretch {
    offset: u64,
    bytes: Vec<u8>,
}

impl<R: Read> Sparse<R> {
    /// Reads from a tar stream.
    pub fn new(inner: R) -> Self {
        Self { inner, ready: Vec::new(), at: 0, passing: 0, plain: false, ended: false }
    }

    /// Makes the next thing ready.
    fn advance(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.at = 0;
        let mut header = [0; RECORD];
        if !fill(&mut self.inner, &mut header)? {
            self.ended = true;
            return Ok(());
        }
        match octal(&header[124..136]) {
            Some(size) if size >= WORTH_IT && is_plain_file(&header) => self.file(&header, size)?,
            Some(size) if is_extended(&header) && size <= WORTH_IT => self.extended(&header, size)?,
            Some(size) => {
                self.ready.extend_from_slice(&header);
                self.passing = size.next_multiple_of(RECORD as u64);
            }
            None => {
                self.ready.extend_from_slice(&header);
                self.plain = true;
            }
        }
        Ok(())
    }

    /// Passes on what a header says of the next file. One that says its size is of 8 GiB or more.
    fn extended(&mut self, header: &[u8; RECORD], size: u64) -> io::Result<()> {
        self.ready.extend_from_slice(header);
        let padded = usize::try_from(size.next_multiple_of(RECORD as u64)).unwrap_or(0);
        self.ready.resize(RECORD + padded, 0);
        self.inner.read_exact(&mut self.ready[RECORD..])?;
        self.plain = self.ready[RECORD..].windows(6).any(|bytes| bytes == b" size=");
        Ok(())
    }

    /// Takes a file in, and gives it with holes, or as it is where that is too much or not worth it.
    fn file(&mut self, header: &[u8; RECORD], size: u64) -> io::Result<()> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let (mut offset, mut held) = (0_u64, 0_usize);
        let mut page = [0; PAGE];
        while offset < size && held <= MOST {
            let length = usize::try_from((size - offset).min(PAGE as u64)).unwrap_or(PAGE);
            self.inner.read_exact(&mut page[..length])?;
            if page[..length].iter().any(|byte| *byte != 0) {
                held += length;
                match stretches.last_mut() {
                    Some(last) if last.offset + last.bytes.len() as u64 == offset => {
                        last.bytes.extend_from_slice(&page[..length]);
                    }
                    _ => stretches.push(Stretch { offset, bytes: page[..length].to_vec() }),
                }
            }
            offset += length as u64;
        }
        if offset == size {
            let padding = usize::try_from(size.next_multiple_of(RECORD as u64) - size).unwrap_or(0);
            self.inner.read_exact(&mut page[..padding])?;
            if (held as u64) < size / 2 {
                self.with_holes(header, size, stretches);
                return Ok(());
            }
        }
        self.ready.extend_from_slice(header);
        self.ready.resize(RECORD + usize::try_from(offset).unwrap_or(0), 0);
        for stretch in stretches {
            let from = RECORD + usize::try_from(stretch.offset).unwrap_or(0);
            self.ready[from..from + stretch.bytes.len()].copy_from_slice(&stretch.bytes);
        }
        match offset == size {
            true => self.ready.resize(self.ready.len().next_multiple_of(RECORD), 0),
            false => self.passing = size.next_multiple_of(RECORD as u64) - offset,
        }
        Ok(())
    }

    /// The old GNU form: a map of what is there, in the header and in more of them, then what is there.
    fn with_holes(&mut self, header: &[u8; RECORD], size: u64, stretches: Vec<Stretch>) {
        let mut header = *header;
        header[156] = b'S';
        header[257..265].copy_from_slice(b"ustar  \0");
        header[345..].fill(0);
        let mut map: Vec<(u64, u64)> =
            stretches.iter().map(|stretch| (stretch.offset, stretch.bytes.len() as u64)).collect();
        // The end of the file is told by an empty stretch where it ends with a hole.
        if map.last().is_none_or(|(offset, length)| offset + length < size) {
            map.push((size, 0));
        }
        let stored: u64 = map.iter().map(|(_, length)| length).sum();
        put(&mut header[124..136], stored);
        put(&mut header[483..495], size);
        let (first, rest) = map.split_at(map.len().min(IN_HEADER));
        put_map(&mut header[386..482], first);
        header[482] = u8::from(!rest.is_empty());
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.ready.extend_from_slice(&header);
        let mut left = rest.chunks(IN_EXTENSION).peekable();
        while let Some(chunk) = left.next() {
            let mut extension = [0; RECORD];
            put_map(&mut extension[..504], chunk);
            extension[504] = u8::from(left.peek().is_some());
            self.ready.extend_from_slice(&extension);
        }
        for stretch in stretches {
            self.ready.extend_from_slice(&stretch.bytes);
        }
        self.ready.resize(self.ready.len().next_multiple_of(RECORD), 0);
    }
}

impl<R: Read> Read for Sparse<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            if self.plain {
                return self.inner.read(buffer);
            }
            if self.passing > 0 {
                let most = usize::try_from(self.passing).unwrap_or(usize::MAX).min(buffer.len());
                let count = self.inner.read(&mut buffer[..most])?;
                if count == 0 && most > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.passing -= count as u64;
                return Ok(count);
            }
            if self.ended {
                return Ok(0);
            }
            self.advance()?;
        }
        let count = buffer.len().min(self.ready.len() - self.at);
        buffer[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Reads a whole record; `false` at the end of the stream.
fn fill(reader: &mut impl Read, record: &mut [u8; RECORD]) -> io::Result<bool> {
    match reader.read(&mut record[..1])? {
        0 => Ok(false),
        _ => reader.read_exact(&mut record[1..]).map(|()| true),
    }
}

/// A header that says something of the next one (POSIX).
fn is_extended(header: &[u8; RECORD]) -> bool {
    matches!(header[156], b'x' | b'g')
}

/// A regular file whose whole name is in its first field: the other forms share their places with the map.
fn is_plain_file(header: &[u8; RECORD]) -> bool {
    matches!(header[156], b'0' | 0) && header[345] == 0
}

/// A number as tar has it; `None` for the binary form of very large ones, and for what is none.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

fn put(field: &mut [u8], number: u64) {
    let digits = format!("{number:011o}\0");
    field.copy_from_slice(digits.as_bytes());
}

fn put_map(fields: &mut [u8], map: &[(u64, u64)]) {
    for (field, (offset, length)) in fields.chunks_mut(24).zip(map) {
        put(&mut field[..12], *offset);
        put(&mut field[12..], *length);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A tar of files, with holes, and what GNU tar makes of it.
    fn through_tar(files: &[(&str, Vec<u8>)]) -> usize {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o640);
            builder.append_data(&mut header, name, content.as_slice()).expect("a tar");
        }
        let plain = builder.into_inner().expect("a tar");
        let mut sparse = Vec::new();
        Sparse::new(plain.as_slice()).read_to_end(&mut sparse).expect("a tar with holes");
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("archive.tar");
        std::fs::write(&archive, &sparse).expect("the archive is written");
        let tar = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder.path()).status();
        assert!(tar.expect("tar runs").success());
        for (name, content) in files {
            assert!(std::fs::read(folder.path().join(name)).expect("the file") == *content, "{name} is another");
        }
        sparse.len()
    }

    fn scattered(size: usize, every: usize) -> Vec<u8> {
        let mut content = vec![0; size];
        content.iter_mut().step_by(every).for_each(|byte| *byte = 7);
        content
    }

    #[test]
    fn zeros_are_left_out_and_files_stay_the_same() {
        let mut ends_with_data = vec![0; 3 << 20];
        ends_with_data.extend(b"the end");
        let length = through_tar(&[
            ("small", b"abc".to_vec()),
            ("empty", Vec::new()),
            ("zeros", vec![0; (5 << 20) + 13]),
            ("ends-with-data", ends_with_data),
            ("begins-with-data", [vec![1; 5000], vec![0; 2 << 20]].concat()),
            ("many-stretches", scattered(4 << 20, 64 << 10)),
            ("dense", scattered(2 << 20, 100)),
            ("after", b"what follows is right".to_vec()),
        ]);
        assert!(length < (3 << 20), "{length} bytes for 2 MiB that are not zeros");
    }

    #[test]
    fn what_is_too_large_to_hold_is_passed_on() {
        let large = [scattered(MOST + (3 << 20), 1000), vec![0; 5 << 20], b"end".to_vec()].concat();
        through_tar(&[("large", large), ("after", b"abc".to_vec())]);
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error() {
        let mut header = tar::Header::new_ustar();
        header.set_path("zeros").expect("a name");
        header.set_size(2 << 20);
        header.set_cksum();
        let cut = [header.as_bytes().as_slice(), &[0; 4096]].concat();
        assert!(Sparse::new(cut.as_slice()).read_to_end(&mut Vec::new()).is_err());
    }
}
