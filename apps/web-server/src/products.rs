//! The products: which database each belongs to, and all that is done with them.

mod change;
mod create;
mod gather;
pub mod input;
pub mod json;
mod list;
mod merge;
mod newest;
pub mod query;
mod remove;
mod search;
mod turns;

use std::sync::Arc;

use bytes::Bytes;
use fragmentation::{EmptyName, Fragmentation, Route};
use mongodb::bson::oid::ObjectId;

use crate::databases::{Database, Failed};
use gather::Gather;

pub use change::Changed;
pub use create::NotCreated;
pub use json::Product;
pub use list::Counted;
pub use newest::Found;
use newest::Lookup;
pub use query::Query;
use turns::Turns;

/// The products of all fragments.
#[derive(Debug)]
pub struct Products {
    /// The rule that says where a name belongs.
    pub rule: Fragmentation,
    /// The databases, DB1 first.
    pub databases: Vec<Arc<Database>>,
    /// The database of each of the rule's fragments, as a position.
    homes: Vec<usize>,
    lists: Arc<Gather<Query, (), Result<Bytes, Unavailable>>>,
    lookups: Arc<Gather<(), ObjectId, Lookup>>,
    turns: Turns,
}

/// A database that is needed, or all of them, are away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// Their names.
    pub databases: Vec<String>,
}

impl Unavailable {
    fn of(database: &Database) -> impl FnOnce(Failed) -> Self + use<> {
        let databases = vec![database.name.clone()];
        move |_| Self { databases }
    }
}

/// Where a product goes: a database, and what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The position of the database.
    pub home: usize,
    /// `DB1 (A-M)`, or `DB1 (default)` for what begins with no letter.
    pub label: String,
}

impl Products {
    /// Joins the rule with the databases that it speaks of.
    pub fn new(rule: Fragmentation, databases: Vec<Arc<Database>>, homes: Vec<usize>) -> Arc<Self> {
        let (lists, lookups) = (Arc::default(), Arc::default());
        Arc::new(Self { rule, databases, homes, lists, lookups, turns: Turns::default() })
    }

    /// Says where a product of that name belongs.
    ///
    /// # Errors
    /// [`EmptyName`] for a name that shows nothing.
    pub fn place(&self, name: &str) -> Result<Place, EmptyName> {
        let placement = self.rule.place(name)?;
        let home = self.homes.get(placement.fragment).copied().unwrap_or_default();
        let why = match placement.by {
            Route::Range => self.range(placement.fragment),
            Route::Default => "default".to_owned(),
        };
        Ok(Place { home, label: format!("{} ({why})", self.databases[home].name) })
    }

    /// The fragments in the rule's order: database, range, whether default.
    pub fn fragments(&self) -> impl Iterator<Item = (&str, String, bool)> {
        self.rule.fragments.iter().zip(&self.homes).enumerate().map(|(position, (fragment, home))| {
            (self.databases[*home].name.as_str(), self.range(position), fragment.default)
        })
    }

    fn range(&self, fragment: usize) -> String {
        self.rule.fragments[fragment].range.map(|range| range.to_string()).unwrap_or_default()
    }
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let databases = self.databases.join(", ");
        match self.databases.len() {
            0 => f.write_str("La base de datos no está disponible; inténtelo de nuevo en unos segundos"),
            1 => write!(f, "La base de datos {databases} no está disponible; inténtelo de nuevo en unos segundos"),
            _ => write!(f, "Las bases de datos {databases} no están disponibles; inténtelo de nuevo en unos segundos"),
        }
    }
}
