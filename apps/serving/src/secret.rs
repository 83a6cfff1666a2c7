//! The key that signs tokens, and which keys are too weak for it.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// The least length in bytes: that of the hash, as RFC 7518 section 3.2 asks for HS256.
const LEAST: usize = 32;

/// The least number of different characters. 32 random hexadecimal digits have fewer once in a million.
const VARIETY: usize = 8;

/// What examples, tutorials and tired people write, in lower case and without separators.
const WORDS: [&str; 14] = [
    "changeme",
    "changethis",
    "secret",
    "password",
    "yourkey",
    "example",
    "default",
    "qwerty",
    "abcdefgh",
    "01234567",
    "12345678",
    "cambiar",
    "cambiame",
    "contrasena",
];

/// The key that signs tokens, one that can't be guessed. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Vec<u8>);

/// What makes a key weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It is shorter than the hash that signs with it.
    #[error("is shorter than 32 bytes")]
    Short,
    /// It has few different characters.
    #[error("has fewer than 8 different characters")]
    Monotonous,
    /// It is one part over and over.
    #[error("repeats itself")]
    Repeating,
    /// Its characters follow one another as in the alphabet.
    #[error("is a sequence")]
    Sequence,
    /// It contains a word of examples and tutorials.
    #[error("contains a word that everybody tries first")]
    Word,
}

impl FromStr for SecretKey {
    type Err = Weakness;

    fn from_str(text: &str) -> Result<Self, Weakness> {
        let bytes = text.as_bytes();
        if bytes.len() < LEAST {
            return Err(Weakness::Short);
        }
        if bytes.iter().collect::<HashSet<_>>().len() < VARIETY {
            return Err(Weakness::Monotonous);
        }
        // With a period of p each byte is the one p before it.
        if (1..=bytes.len() / 2).any(|period| bytes.iter().zip(&bytes[period..]).all(|(a, b)| a == b)) {
            return Err(Weakness::Repeating);
        }
        let steps = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
        if steps * 2 > bytes.len() {
            return Err(Weakness::Sequence);
        }
        let plain: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if WORDS.iter().any(|word| plain.contains(word)) {
            return Err(Weakness::Word);
        }
        Ok(Self(bytes.to_vec()))
    }
}

impl SecretKey {
    /// The key's bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_keys_that_can_be_guessed() {
        let cases = [
            ("", Weakness::Short),
            ("9f2d8c6b1a7e4f3d5c8b2a6e1f7d9c4", Weakness::Short),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Weakness::Monotonous),
            ("abcabcabcabcabcabcabcabcabcabcabcabc", Weakness::Monotonous),
            ("q7Zx9!Lmq7Zx9!Lmq7Zx9!Lmq7Zx9!Lm", Weakness::Repeating),
            ("abcdefghijklmnopqrstuvwxyz0123456789", Weakness::Sequence),
            ("your-secret-key-that-nobody-knows-1", Weakness::Word),
            ("please-CHANGE-me-9f2d8c6b1a7e4f3d5c8b", Weakness::Word),
            ("mi_contrasena_9f2d8c6b1a7e4f3d5c8b2", Weakness::Word),
        ];
        for (text, weakness) in cases {
            assert_eq!(text.parse::<SecretKey>(), Err(weakness), "{text}");
        }
    }

    #[test]
    fn takes_random_keys_in_hexadecimal_and_base64() {
        for text in [
            "9f2d8c6b1a7e4f3d5c8b2a6e1f7d9c40",
            "qk3Vb0nT8xYhL2mWZ5cRf7PsD1gJ9uEaKo4iNtBvXyM=",
            "ñandú-9f2d8c6b1a7e4f3d5c8b2a6e",
        ] {
            assert_eq!(text.parse::<SecretKey>().unwrap().expose(), text.as_bytes());
        }
    }

    #[test]
    fn does_not_show_the_key() {
        let key = "9f2d8c6b1a7e4f3d5c8b2a6e1f7d9c40".parse::<SecretKey>().unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
    }
}
