//! The file as a tree in which every value knows its place.

use std::sync::Arc;

use super::span::Span;

/// A value of the file.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it stands. A value behind an alias stands where its anchor is.
    pub span: Span,
    /// How many values it has in it, itself and what aliases repeat included.
    pub weight: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nothing, or `null`.
    Null,
    /// Text, a number, a truth value: what is written, without its quotes.
    Scalar(String),
    /// A list.
    List(Vec<Arc<Node>>),
    /// Keys and values, each key once.
    Map(Vec<(Key, Arc<Node>)>),
}

/// A key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// What it is, as a message says it.
    pub(crate) fn what(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Scalar(text) if text.chars().count() > 40 => {
                format!("`{}...`", text.chars().take(40).collect::<String>())
            }
            Kind::Scalar(text) => format!("`{text}`"),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }

    /// The path of the deepest key or list item that holds a place: `containers.db1.ipv4`, `image[0]`.
    pub(crate) fn path_of(&self, place: Span) -> String {
        let mut path = String::new();
        self.walk(place, &mut path);
        path
    }

    fn walk(&self, place: Span, path: &mut String) {
        match &self.kind {
            Kind::Null | Kind::Scalar(_) => {}
            Kind::List(items) => {
                if let Some((at, item)) = items.iter().enumerate().find(|(_, item)| item.span.holds(place)) {
                    path.push_str(&format!("[{at}]"));
                    item.walk(place, path);
                }
            }
            Kind::Map(entries) => {
                let Some((key, value)) =
                    entries.iter().find(|(key, value)| key.span.holds(place) || value.span.holds(place))
                else {
                    return;
                };
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&key.name);
                if !key.span.holds(place) {
                    value.walk(place, path);
                }
            }
        }
    }
}
