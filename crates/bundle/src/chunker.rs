//! Cuts a stream where its content says so: what is shared is cut alike, wherever it is in the stream.

use fastcdc::v2020::FastCDC;

/// The shortest chunk, but for a stream's last one.
pub(crate) const MIN: usize = 16 << 10;
const AVERAGE: usize = 64 << 10;
/// The longest chunk; every one of a long run of zeros.
pub(crate) const MAX: usize = 256 << 10;
/// How much is gathered before it is cut. A larger buffer moves its uncut rest to the front less often.
const BUFFER: usize = 4 * MAX;

/// A stream that is being cut.
#[derive(Debug, Default)]
pub(crate) struct Chunker {
    buffer: Vec<u8>,
    start: usize,
}

impl Chunker {
    /// Takes as many bytes as there is room for, and says how many.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        if self.start > 0 && self.buffer.len() + bytes.len() > BUFFER {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let taken = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// The next chunk whose end does not depend on what is still to come.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        if self.buffer.len() - self.start < MAX { None } else { self.next_of_rest() }
    }

    /// The next chunk when nothing is to come.
    pub(crate) fn next_of_rest(&mut self) -> Option<&[u8]> {
        let rest = &self.buffer[self.start..];
        if rest.is_empty() {
            return None;
        }
        let (_, length) = FastCDC::new(rest, MIN, AVERAGE, MAX).cut(0, rest.len());
        let start = self.start;
        self.start += length;
        Some(&self.buffer[start..self.start])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(content: &[u8], step: usize) -> Vec<usize> {
        let mut chunker = Chunker::default();
        let mut lengths = Vec::new();
        for mut part in content.chunks(step) {
            while !part.is_empty() {
                part = &part[chunker.fill(part)..];
                while let Some(chunk) = chunker.next() {
                    lengths.push(chunk.len());
                }
            }
        }
        while let Some(chunk) = chunker.next_of_rest() {
            lengths.push(chunk.len());
        }
        lengths
    }

    #[test]
    fn cuts_do_not_depend_on_how_the_stream_arrives() {
        let content: Vec<u8> = (0..3_000_000u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
        let whole = lengths(&content, content.len());
        assert_eq!(whole.iter().sum::<usize>(), content.len());
        for step in [1000, 65_537, 1 << 20] {
            assert_eq!(lengths(&content, step), whole, "step {step}");
        }
        assert!(whole[..whole.len() - 1].iter().all(|length| (MIN..=MAX).contains(length)));
    }

    #[test]
    fn zeros_are_cut_into_equal_chunks() {
        let lengths = lengths(&vec![0; 10 * MAX + 5], 100_000);
        assert_eq!(lengths[..10], [MAX; 10]);
        assert_eq!(lengths[10..], [5]);
    }
}
