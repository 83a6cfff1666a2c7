//! Durations and sizes, written with their unit.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A duration with its unit: `500ms`, `2s`, `1m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Duration);

impl Time {
    /// Makes one of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The duration itself.
    pub fn get(self) -> Duration {
        self.0
    }

    /// The duration in milliseconds, at most what fits.
    pub fn millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }

    /// The duration in whole milliseconds, at most what fits.
    pub fn whole_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// Reads a number and its unit.
    pub(super) fn parse(text: &str) -> Option<Self> {
        amount(text, &TIMES).map(Self::from_millis)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIMES, f)
    }
}

/// An amount of memory or disk with its unit: `512MiB`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// Makes one of bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The amount in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Reads a number and its unit.
    pub fn parse(text: &str) -> Option<Self> {
        amount(text, &SIZES).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, &SIZES, f)
    }
}

/// Reads `12` `unit` as the smallest unit; `None` where the unit is missing or the number too large.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Writes an amount in the largest unit that needs no fraction. Binary units come first in the list.
fn show(amount: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fits = units.iter().find(|(_, factor)| amount > 0 && amount.is_multiple_of(*factor));
    match fits.or(units.last()) {
        Some((unit, factor)) => write!(f, "{}{unit}", amount / factor),
        None => write!(f, "{amount}"),
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+ ?(ms|s|m|h)$",
            "description": "A duration with its unit.",
            "examples": ["500ms", "2s", "1m"],
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+ ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$",
            "description": "An amount of memory or disk with its unit.",
            "examples": ["512MiB", "2GiB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_units_and_nothing_else() {
        assert_eq!(Time::parse("2s"), Some(Time::from_millis(2_000)));
        assert_eq!(Time::parse("500 ms"), Some(Time::from_millis(500)));
        assert_eq!(Size::parse("2GiB"), Some(Size::from_bytes(2 << 30)));
        assert_eq!(Size::parse("1kB"), Some(Size::from_bytes(1_000)));
        for wrong in ["", "2", "s", "-2s", "2.5s", "2S", "2 sec", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(Time::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Size::parse("2G"), None);
    }

    #[test]
    fn writes_the_largest_unit_without_a_fraction() {
        let shown = |bytes| Size::from_bytes(bytes).to_string();
        assert_eq!([shown(0), shown(1_536), shown(2 << 30), shown(1_000)], ["0B", "1536B", "2GiB", "1kB"]);
        assert_eq!(Time::from_millis(90_000).to_string(), "90s");
        assert_eq!(Time::from_millis(120_000).to_string(), "2m");
    }
}
