//! The routing rule alone: which fragment of a collection a name belongs to.
//!
//! The first letter decides, case and accents folded: `Ángel` belongs where A is, `ñame` where N is. What begins with no
//! letter from A to Z, a digit, a symbol, another script, belongs to the default fragment. A collection whose application
//! folds nothing says `letters: ascii`. No I/O, no clock, no state:
//! web-server asks where to write, distctl asks whether what is there is in the right place, and both get one answer.

mod check;
mod error;
mod letter;
mod range;

use serde::{Deserialize, Serialize};

pub use error::{EmptyName, Error, NotARange};
pub use letter::letter;
pub use range::Range;

/// How a collection is spread over databases, as the JSON file says that `distctl up` renders for services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragmentation {
    /// Database and collection: `products_db.products`.
    pub collection: String,
    /// The field whose first letter decides: `name`.
    pub key: String,
    /// How the first letter of a key is found.
    #[serde(default, skip_serializing_if = "Letters::is_folded")]
    pub letters: Letters,
    /// The parts, in any order.
    pub fragments: Vec<Fragment>,
}

/// How the first letter of a key is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Letters {
    /// Case and accents are folded, and what shows nothing is passed over: `ñame` and ` Nuez` belong where N is.
    #[default]
    Folded,
    /// The first character as it is: `ñame` and ` Nuez` begin with no letter, `nuez` with N.
    Ascii,
}

impl Letters {
    fn is_folded(&self) -> bool {
        *self == Self::Folded
    }
}

/// A part of a fragmented collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Its letters, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// The replica set or single mongod that holds it: `rsA`.
    pub on: String,
    /// Whether it also takes what begins with no letter. Exactly one part does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}

/// Where a name belongs, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The fragment's position in [`Fragmentation::fragments`].
    pub fragment: usize,
    /// What decided.
    pub by: Route,
}

/// What decides where a name belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Its first letter is in the fragment's range.
    Range,
    /// It begins with no letter from A to Z.
    Default,
}

impl Fragmentation {
    /// Reads and checks the file that `distctl up` renders.
    ///
    /// # Errors
    /// What is no such file, or does not give every name exactly one place.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let fragmentation: Self = serde_json::from_slice(json)?;
        fragmentation.check()?;
        Ok(fragmentation)
    }

    /// Database and collection apart: `("products_db", "products")`.
    ///
    /// # Errors
    /// [`Error::Collection`] if one of them is missing.
    pub fn namespace(&self) -> Result<(&str, &str), Error> {
        match self.collection.split_once('.') {
            Some((database, collection)) if !database.is_empty() && !collection.is_empty() => {
                Ok((database, collection))
            }
            _ => Err(Error::Collection(self.collection.clone())),
        }
    }

    /// Finds the first letter of a name, A to Z; `None` where it begins with none.
    ///
    /// # Errors
    /// [`EmptyName`] for a name that shows nothing; with [`Letters::Ascii`] only for one without any character.
    pub fn letter(&self, name: &str) -> Result<Option<char>, EmptyName> {
        match self.letters {
            Letters::Folded => letter(name),
            Letters::Ascii => {
                let first = name.chars().next().ok_or(EmptyName)?.to_ascii_uppercase();
                Ok(Some(first).filter(char::is_ascii_uppercase))
            }
        }
    }

    /// Says where a name belongs.
    ///
    /// Every name has exactly one place in a fragmentation that passed [`check`](Self::check). In one that did not, the
    /// first fragment that fits takes it, else the first of all.
    ///
    /// # Errors
    /// [`EmptyName`] for a name that shows nothing: empty, or only spaces and characters without width.
    pub fn place(&self, name: &str) -> Result<Placement, EmptyName> {
        let ranged = self.letter(name)?.and_then(|letter| {
            self.fragments.iter().position(|fragment| fragment.range.is_some_and(|range| range.contains(letter)))
        });
        Ok(match ranged {
            Some(fragment) => Placement { fragment, by: Route::Range },
            None => {
                let fragment = self.fragments.iter().position(|fragment| fragment.default).unwrap_or_default();
                Placement { fragment, by: Route::Default }
            }
        })
    }
}
