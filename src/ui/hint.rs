//! Errors that carry what to do next.

use std::error::Error;

/// Adds what to do next to an error, or to the error of a result.
///
/// ```
/// use anyhow::Context;
/// use distctl::ui::Advise;
///
/// let failed = std::fs::read("/no/such/file").context("can't read /no/such/file").hint("write it first");
/// assert_eq!(failed.unwrap_err().to_string(), "can't read /no/such/file");
/// ```
pub trait Advise {
    /// What it is with its hint.
    type Advised;

    /// Says what to do next. More than one hint may be given; all are shown.
    fn hint(self, hint: impl Into<String>) -> Self::Advised;
}

impl Advise for anyhow::Error {
    type Advised = Self;

    fn hint(self, hint: impl Into<String>) -> Self {
        Self::new(Advised { hint: hint.into(), error: self })
    }
}

impl<T, E: Into<anyhow::Error>> Advise for Result<T, E> {
    type Advised = anyhow::Result<T>;

    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| error.into().hint(hint))
    }
}

/// An error together with its hint. In a chain it stands before the error, which keeps its own type: whoever walks
/// the chain finds both.
pub(super) struct Advised {
    pub(super) hint: String,
    error: anyhow::Error,
}

impl std::fmt::Debug for Advised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}\n\nHint: {}", self.error, self.hint)
    }
}

impl std::fmt::Display for Advised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.error, f)
    }
}

impl Error for Advised {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.error.as_ref())
    }
}
