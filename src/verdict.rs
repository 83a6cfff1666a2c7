//! What was proven: the one word that failover tests, fragment checks and `verify` end with.

use serde::{Deserialize, Serialize};

/// What was proven. A later one is worse, and the worst holds for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All that was asked is shown to hold.
    #[default]
    Pass,
    /// It can't be told. That is never a pass.
    Unknown,
    /// Something is shown not to hold.
    Fail,
}

impl Verdict {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
