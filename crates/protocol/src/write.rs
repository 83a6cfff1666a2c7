//! Writing files, installing packages, running units.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// Waits until the guest can be worked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitReadyRequest {
    /// The interface that must carry the address.
    pub interface: String,
    /// The address with its prefix length, `10.10.10.12/24`.
    pub address: String,
    /// How long to wait, in milliseconds.
    pub timeout_ms: u64,
}

/// Writes files. Users and directories come first, then files in order, then removals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteRequest {
    /// System users (with a group of the same name, no login) that must exist.
    pub system_users: Vec<String>,
    /// Directories that must exist; only their own mode and owner are set.
    pub directories: Vec<Directory>,
    /// Files to write: each is written beside its place, flushed, given mode and owner, and renamed.
    pub files: Vec<FileWrite>,
    /// Paths of files to remove; one that is absent is no error.
    pub remove: Vec<String>,
}

/// A directory that must exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Directory {
    /// Its absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
}

/// One file to write.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWrite {
    /// Its absolute path; missing parents are made, root's and 0755.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// What to write.
    pub content: FileContent,
}

/// Where the content of a file comes from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// The bytes, in base64. They may be a secret: never shown by `Debug`.
    Inline(String),
    /// A file that was pushed into the guest before; it is moved into place if its hash is right.
    Staged {
        /// Where it lies.
        path: String,
        /// The hex SHA-256 that it must have.
        sha256: String,
    },
    /// A text into which the guest fills secrets that it keeps.
    Filled(Vec<Piece>),
}

/// A part of a text that is filled in the guest, so that its secrets stay there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// It stands as it is.
    Text(String),
    /// A secret of the guest.
    Secret {
        /// The file that holds it; white space around it doesn't count.
        file: String,
        /// What the text around it needs.
        escape: Escape,
    },
}

/// How a secret is written into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// As it is.
    Plain,
    /// As a part of a URI (RFC 3986, percent-encoded).
    Uri,
    /// Between double quotes of a systemd environment file (systemd.exec(5)).
    Environment,
}

/// All but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Escape {
    /// Writes a text as what is around it needs.
    pub fn apply(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Uri => utf8_percent_encode(text, RESERVED).to_string(),
            Self::Environment => text.chars().fold(String::with_capacity(text.len()), |mut escaped, one| {
                if matches!(one, '"' | '\\' | '`' | '$') {
                    escaped.push('\\');
                }
                escaped.push(one);
                escaped
            }),
        }
    }
}

impl std::fmt::Debug for FileWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWrite")
            .field("path", &self.path)
            .field("mode", &format_args!("{:#o}", self.mode))
            .field("owner", &format_args!("{}:{}", self.owner, self.group))
            .finish_non_exhaustive()
    }
}

/// Installs the packages that are missing, with apt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPackagesRequest {
    /// Their names.
    pub packages: Vec<String>,
}

/// Changes units. Order: daemon-reload if asked, stop and disable, enable, restart, start, wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitsRequest {
    /// Whether to run daemon-reload first.
    pub reload: bool,
    /// Units to stop and disable.
    pub stop: Vec<String>,
    /// Units to enable and start.
    pub start: Vec<String>,
    /// Units to restart (started if they are not active).
    pub restart: Vec<String>,
    /// The log file of a unit, for the error if it fails.
    pub logs: BTreeMap<String, String>,
    /// How long a unit may take to become active, in milliseconds.
    pub timeout_ms: u64,
}
