//! Numbers as payloads hold them, and payloads that are compressed as a whole.

use crate::error::corrupt;
use crate::{Digest, Error, Result};

/// Appends a number as LEB128: seven bits a byte, the lowest first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Maps differences to numbers that are small where they are: 0, -1, 1, -2, ...
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A payload that is being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(corrupt("a record ends too early"))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| corrupt("a record ends too early"))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn digest(&mut self) -> Result<Digest> {
        self.array().map(Digest)
    }

    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(corrupt("a number is out of range"))
    }

    /// Reads a number and adds it as a difference, within what fits.
    pub(crate) fn delta(&mut self, from: u64) -> Result<u64> {
        let delta = unzigzag(self.varint()?);
        from.checked_add_signed(delta).ok_or(corrupt("a number is out of range"))
    }
}

/// Compresses with zstd.
pub(crate) fn compress(raw: &[u8], level: i32) -> Result<Vec<u8>> {
    Ok(zstd::bulk::compress(raw, level)?)
}

/// Decompresses what has to be exactly as long as it was said to be.
pub(crate) fn decompress(frame: &[u8], length: usize) -> Result<Vec<u8>> {
    decompress_into(Vec::with_capacity(length), frame, length)
}

/// Does so into memory that was used before.
///
/// No more than `length` bytes are taken, whatever the frame itself says: the caller has checked them.
pub(crate) fn decompress_into(mut raw: Vec<u8>, frame: &[u8], length: usize) -> Result<Vec<u8>> {
    raw.clear();
    raw.reserve(length);
    let decompressed = zstd::bulk::Decompressor::new()?.decompress_to_buffer(frame, &mut raw);
    decompressed.map_err(|_| corrupt("what is compressed can't be decompressed"))?;
    if raw.len() == length { Ok(raw) } else { Err(corrupt("what is compressed has another length than declared")) }
}

/// Makes a payload out of what may be large: its length as u32, then one zstd frame.
pub(crate) fn pack(raw: &[u8], what: &'static str, limit: usize, level: i32) -> Result<Vec<u8>> {
    let length = u32::try_from(raw.len()).ok().filter(|_| raw.len() <= limit);
    let length = length.ok_or(Error::TooLarge { what, limit: limit as u64 })?;
    let mut payload = length.to_le_bytes().to_vec();
    payload.extend(compress(raw, level)?);
    Ok(payload)
}

/// Reads what [`pack`] made.
pub(crate) fn unpack(payload: &[u8], what: &'static str, limit: usize) -> Result<Vec<u8>> {
    let mut input = Input(payload);
    let length = input.u32()? as usize;
    if length > limit {
        return Err(Error::TooLarge { what, limit: limit as u64 });
    }
    decompress(input.0, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut input = Input(&bytes);
            assert_eq!(input.varint().unwrap(), value);
            assert!(input.is_empty());
        }
    }

    #[test]
    fn varints_out_of_range_are_refused() {
        for bytes in [&[0xff; 11][..], &[0x80; 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], &[0x80]]
        {
            assert!(Input(bytes).varint().is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn differences_come_back() {
        for (from, to) in [(0u64, 5u64), (5, 0), (7, 7), (0, i64::MAX as u64)] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, zigzag(to as i64 - from as i64));
            assert_eq!(Input(&bytes).delta(from).unwrap(), to);
        }
        assert!(Input(&[1]).delta(0).is_err());
    }

    #[test]
    fn a_frame_larger_than_declared_is_refused() {
        let frame = compress(&[0; 1 << 20], 3).unwrap();
        assert!(decompress(&frame, 1000).is_err());
        assert!(decompress(&frame, (1 << 20) + 1).is_err());
        assert_eq!(decompress(&frame, 1 << 20).unwrap().len(), 1 << 20);
    }
}
