//! Things by name, in which even a thing that could not be read has its name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::span::Span;

/// Things by name, sorted.
#[derive(Debug, Clone)]
pub struct Named<T> {
    entries: BTreeMap<String, T>,
    declared: BTreeMap<String, Span>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), declared: BTreeMap::new() }
    }
}

impl<T> Named<T> {
    /// Adds a name and, where it could be read, the thing itself.
    pub(super) fn insert(&mut self, name: &str, span: Span, value: Option<T>) {
        self.declared.insert(name.to_owned(), span);
        if let Some(value) = value {
            self.entries.insert(name.to_owned(), value);
        }
    }

    /// The thing of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.entries.get(name)
    }

    /// All things and their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// All things and their names, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.entries.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether the file has the name, be its thing readable or not.
    pub fn declares(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    /// All names of the file and where they stand.
    pub fn declared(&self) -> impl Iterator<Item = (&str, Span)> {
        self.declared.iter().map(|(name, span)| (name.as_str(), *span))
    }

    /// Where a name stands.
    pub fn span(&self, name: &str) -> Span {
        self.declared.get(name).copied().unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}
