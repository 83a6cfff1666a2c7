//! What can be wrong with a fragmentation or a name.

/// Why a fragmentation can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not the JSON that is expected.
    #[error("the fragmentation can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The collection's name lacks the database or the collection.
    #[error("`{0}` does not name a collection: write `DATABASE.COLLECTION`")]
    Collection(String),
    /// The name of the field is empty.
    #[error("the fragmentation names no key")]
    NoKey,
    /// A fragment has neither range nor default.
    #[error("the fragment on {on} takes nothing: give it a range, or make it the default")]
    TakesNothing {
        /// Where the fragment is.
        on: String,
    },
    /// Two fragments have a letter in common.
    #[error("{letter} is in two fragments, on {first} and on {second}")]
    Overlap {
        /// The first letter of those in both.
        letter: char,
        /// Where the first of them is.
        first: String,
        /// Where the other one is.
        second: String,
    },
    /// A letter is in no fragment.
    #[error("{0} is in no fragment")]
    LeftOut(char),
    /// No fragment takes digits, symbols and other scripts.
    #[error("no fragment is the default")]
    NoDefault,
    /// Two fragments take digits, symbols and other scripts.
    #[error("two fragments are the default, on {first} and on {second}")]
    TwoDefaults {
        /// Where the first of them is.
        first: String,
        /// Where the other one is.
        second: String,
    },
}

/// A name that shows nothing: empty, or only spaces and characters without width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name is empty")]
pub struct EmptyName;

/// Text that is no range of letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of letters: write two from A to Z in their order, `A-M`, or one")]
pub struct NotARange(pub String);
