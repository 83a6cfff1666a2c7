//! Where a value stands in the file.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// A stretch of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The line of its first byte, from 1; 0 for what does not stand in the file.
    pub line: usize,
    /// The column of its first byte, in characters from 1.
    pub column: usize,
}

impl Span {
    /// Whether the other span lies within this one.
    pub(super) fn holds(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The part of this span from `from` to `to`, in bytes from its start. Right only within one line of ASCII.
    pub(super) fn part(self, from: usize, to: usize) -> Span {
        Span { start: self.start + from, end: self.start + to, line: self.line, column: self.column + from }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands; [`Span::default`] for what could not be read, which nobody looks at twice.
    pub span: Span,
}

impl<T> At<T> {
    /// Puts a value in the place of one that could not be read, so that the rest can still be looked at.
    pub(super) fn unread(value: T) -> Self {
        Self { value, span: Span::default() }
    }

    /// The value, unless it stands for one that could not be read.
    pub(super) fn known(&self) -> Option<&T> {
        (self.span.line > 0).then_some(&self.value)
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
