//! Ranges of letters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::NotARange;

/// Letters from one to another, both included, of A to Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    first: char,
    last: char,
}

impl Range {
    /// The letters from `first` to `last`; `None` if one is not from A to Z, or they are in the wrong order.
    pub fn new(first: char, last: char) -> Option<Self> {
        let letters = 'A'..='Z';
        (letters.contains(&first) && letters.contains(&last) && first <= last).then_some(Self { first, last })
    }

    /// The first letter.
    pub fn first(self) -> char {
        self.first
    }

    /// The last letter.
    pub fn last(self) -> char {
        self.last
    }

    /// Whether a letter from A to Z is one of these.
    pub fn contains(self, letter: char) -> bool {
        (self.first..=self.last).contains(&letter)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl FromStr for Range {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let range = match text.as_bytes() {
            [letter] => Self::new(char::from(*letter), char::from(*letter)),
            [first, b'-', last] => Self::new(char::from(*first), char::from(*last)),
            _ => None,
        };
        range.ok_or_else(|| NotARange(text.to_owned()))
    }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["A-M", "N-Z", "A-Z", "Q"] {
            assert_eq!(text.parse::<Range>().unwrap().to_string(), text);
        }
        assert_eq!("B-B".parse::<Range>().unwrap().to_string(), "B");
    }

    #[test]
    fn refuses_what_is_no_range() {
        for text in ["", "a-m", "A-", "-M", "M-A", "A–M", "A - M", "AM", "A-MM", "1-9", "Á-M"] {
            assert_eq!(text.parse::<Range>(), Err(NotARange(text.to_owned())));
        }
    }
}
