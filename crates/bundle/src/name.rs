//! What a piece may be named: a relative path that can't leave the folder it is unpacked into.

use std::fmt;

use crate::{Error, Result};

/// The longest name, in bytes of UTF-8.
pub(crate) const MAX_NAME: usize = 255;

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// It is empty or has an empty part: `a//b`, `a/`.
    EmptyPart,
    /// It begins with `/`.
    Absolute,
    /// A part is `.` or `..`.
    DotPart,
    /// It holds a control character.
    ControlCharacter,
    /// It holds a `\`, which separates parts elsewhere.
    Backslash,
    /// It is longer than 255 bytes.
    TooLong,
    /// It is not UTF-8.
    NotText,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyPart => "it is empty or has an empty part",
            Self::Absolute => "it is absolute",
            Self::DotPart => "a part of it is . or ..",
            Self::ControlCharacter => "it holds a control character",
            Self::Backslash => "it holds a backslash",
            Self::TooLong => "it is longer than 255 bytes",
            Self::NotText => "it is not UTF-8",
        })
    }
}

/// Refuses what a piece may not be named.
pub(crate) fn check(name: &str) -> Result<()> {
    fault(name).map_or(Ok(()), |fault| Err(Error::BadName { name: name.to_owned(), fault }))
}

/// Reads a name out of a record.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<String> {
    let Ok(name) = std::str::from_utf8(bytes) else {
        let name = String::from_utf8_lossy(bytes).into_owned();
        return Err(Error::BadName { name, fault: NameFault::NotText });
    };
    check(name)?;
    Ok(name.to_owned())
}

fn fault(name: &str) -> Option<NameFault> {
    if name.len() > MAX_NAME {
        Some(NameFault::TooLong)
    } else if name.starts_with('/') {
        Some(NameFault::Absolute)
    } else if name.chars().any(char::is_control) {
        Some(NameFault::ControlCharacter)
    } else if name.contains('\\') {
        Some(NameFault::Backslash)
    } else {
        name.split('/').find_map(|part| match part {
            "" => Some(NameFault::EmptyPart),
            "." | ".." => Some(NameFault::DotPart),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_pass() {
        for name in ["a", "containers/db1.tar", "a..b/.hidden/...", "ñ/日本", &"x".repeat(255)] {
            assert_eq!(fault(name), None, "{name}");
        }
    }

    #[test]
    fn what_could_leave_the_folder_is_refused() {
        for name in ["", "/abs", "../x", "a/../b", "a/..", ".", "a/./b", "a//b", "a/", "a\nb", "a\0", "a\\b", "a\u{85}"]
        {
            assert!(fault(name).is_some(), "{name:?}");
        }
        assert_eq!(fault(&"x".repeat(256)), Some(NameFault::TooLong));
    }
}
