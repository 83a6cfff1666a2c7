//! Reads values out of the tree, and notes what does not fit without stopping.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::finding::Notes;
use super::foreign_keys;
use super::meant;
use super::named::Named;
use super::node::{Key, Kind, Node};
use super::quantity::{Size, Time};
use super::span::{At, Span};
use super::validate::variables;

/// A type of the file.
pub(super) trait Read: Sized {
    /// Whether it is one text, so that a key without a value is a mistake.
    const IS_TEXT: bool = false;

    /// Reads it; `None` where it does not fit, which the notes then say. The owner is what a missing key is noted at.
    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self>;
}

/// A type that is written as one text.
pub(super) trait Scalar: Sized {
    /// What may be written, as in "`x` is not ...".
    const WHAT: &str;

    /// Reads the text.
    fn parse(text: &str) -> Option<Self>;

    /// What was most likely meant by a text that can't be read.
    fn meant(_text: &str) -> Option<String> {
        None
    }
}

impl<T: Scalar> Read for T {
    const IS_TEXT: bool = true;

    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        let text = match &node.kind {
            Kind::Scalar(text) => text,
            Kind::Null => {
                let place = if node.span.start < node.span.end { node.span } else { owner };
                notes.error(place, "this item is empty").instead(format!("write {}, or remove it", T::WHAT));
                return None;
            }
            Kind::Map(_) => {
                notes
                    .error(node.span, format!("a map is not {}", T::WHAT))
                    .instead("put a text that begins with `{` in quotes");
                return None;
            }
            Kind::List(_) => {
                notes
                    .error(node.span, format!("a list is not {}", T::WHAT))
                    .instead("write one value, without `[` and `]`");
                return None;
            }
        };
        let value = T::parse(text);
        if value.is_none() {
            let finding = notes.error(node.span, format!("{} is not {}", node.what(), T::WHAT));
            if variables::find(text).next().is_some() {
                finding.instead("write the value itself: distctl does not expand variables");
            } else if let Some(meant) = T::meant(text) {
                finding.instead(format!("write `{meant}`"));
            }
        }
        value
    }
}

impl<T: Read> Read for At<T> {
    const IS_TEXT: bool = T::IS_TEXT;

    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        T::read(node, owner, notes).map(|value| At { value, span: node.span })
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, _: Span, notes: &mut Notes) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            notes
                .error(node.span, format!("{} is not a list", node.what()))
                .instead("write a list: `[a, b]`, or one `- a` a line");
            return None;
        };
        Some(items.iter().filter_map(|item| T::read(item, item.span, notes)).collect())
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, _: Span, notes: &mut Notes) -> Option<Self> {
        let mut named = Self::default();
        for (key, value) in entries(node, notes)? {
            if T::IS_TEXT && matches!(value.kind, Kind::Null) {
                let finding = notes.error(key.span, format!("`{}` has no value", key.name));
                finding.instead(format!("write `{}: \"\"` for an empty text, or remove the key", key.name));
                named.insert(&key.name, key.span, None);
                continue;
            }
            named.insert(&key.name, key.span, T::read(value, key.span, notes));
        }
        Some(named)
    }
}

/// The keys and values of a node.
fn entries<'n>(node: &'n Node, notes: &mut Notes) -> Option<&'n [(Key, Arc<Node>)]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        Kind::Null => Some(&[]),
        _ => {
            notes
                .error(node.span, format!("{} stands where keys and values belong", node.what()))
                .instead("write `key: value`, one a line, or `{ key: value, ... }`");
            None
        }
    }
}

/// A text, or a list of them.
pub(super) fn one_or_many(node: &Node, notes: &mut Notes) -> Option<Vec<At<String>>> {
    match &node.kind {
        Kind::Scalar(_) => At::read(node, node.span, notes).map(|one| vec![one]),
        _ => Vec::read(node, node.span, notes),
    }
}

/// The keys of a section. A key that nobody asks for is unknown.
pub(super) struct Fields<'n> {
    owner: Span,
    entries: &'n [(Key, Arc<Node>)],
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Takes a node's keys; `None` if it has none to offer.
    pub fn of(node: &'n Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        Some(Self { owner, entries: entries(node, notes)?, asked: Vec::new() })
    }

    /// The node under a key, unless that is empty.
    pub fn node(&mut self, name: &'static str) -> Option<(&'n Key, &'n Node)> {
        self.asked.push(name);
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        (!matches!(node.kind, Kind::Null)).then_some((key, node))
    }

    /// How many items the list under a key has.
    pub fn length(&self, name: &str) -> usize {
        match self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| &node.kind) {
            Some(Kind::List(items)) => items.len(),
            _ => 0,
        }
    }

    /// A value that may be missing.
    pub fn optional<T: Read>(&mut self, name: &'static str, notes: &mut Notes) -> Option<T> {
        let (key, node) = self.node(name)?;
        T::read(node, key.span, notes)
    }

    /// A value that has a default.
    pub fn or_default<T: Read + Default>(&mut self, name: &'static str, notes: &mut Notes) -> T {
        self.optional(name, notes).unwrap_or_default()
    }

    /// A value that must be there; the example says how it may look.
    pub fn required<T: Read>(&mut self, name: &'static str, example: &str, notes: &mut Notes) -> Option<T> {
        if let Some((key, node)) = self.node(name) {
            return T::read(node, key.span, notes);
        }
        let empty = self.entries.iter().find(|(key, _)| key.name == name);
        let finding = match empty {
            Some((key, _)) => notes.error(key.span, format!("`{name}` has no value")),
            None => notes.error(self.owner, format!("`{name}` is missing")),
        };
        finding.instead(format!("add `{name}: {example}`"));
        None
    }

    /// Notes all keys of a section that nobody asked for.
    pub fn finish(self, section: &str, notes: &mut Notes) {
        self.finish_but(section, |_| false, notes);
    }

    /// Notes all keys of a section that nobody asked for and that are not allowed besides.
    pub fn finish_but(self, section: &str, allowed: impl Fn(&str) -> bool, notes: &mut Notes) {
        let asked = |name: &str| self.asked.contains(&name) || allowed(name);
        for (key, _) in self.entries.iter().filter(|(key, _)| !asked(&key.name)) {
            if let Some((why, instead)) = foreign_keys::why(section, &key.name) {
                notes.error(key.span, format!("there is no key `{}` here: {why}", key.name)).instead(instead);
                continue;
            }
            let finding = notes.error(key.span, format!("there is no key `{}` here", key.name));
            match nearest(&key.name, self.asked.iter().copied()) {
                Some(name) => finding.instead(format!("did you mean `{name}`?")),
                None => finding.instead(format!("the keys here are {}", listed(self.asked.iter().copied()))),
            };
        }
    }
}

/// The name that was most likely meant, if any is near enough.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
    let wrong = plain(wrong);
    let likeness = |name: &str| {
        // `ip` is a long way from `ipv4` in letters, but not in thought.
        let part = wrong.len() > 1 && (name.starts_with(&wrong) || wrong.starts_with(name) && name.len() > 1);
        strsim::normalized_damerau_levenshtein(&wrong, name).max(if part { 0.7 } else { 0.0 })
    };
    known
        .map(|name| (likeness(&plain(name)), name))
        .filter(|(likeness, _)| *likeness >= 0.6)
        // The first of those that are equally near.
        .min_by(|(one, _), (other, _)| other.total_cmp(one))
        .map(|(_, name)| name)
}

/// Names as a sentence has them: `a`, `b`, `c`.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

macro_rules! scalar {
    ($type:ty, $what:expr, $parse:expr) => {
        scalar!($type, $what, $parse, |_| None);
    };
    ($type:ty, $what:expr, $parse:expr, $meant:expr) => {
        impl Scalar for $type {
            const WHAT: &str = $what;

            fn parse(text: &str) -> Option<Self> {
                $parse(text)
            }

            fn meant(text: &str) -> Option<String> {
                $meant(text)
            }
        }
    };
}

scalar!(String, "a text", |text: &str| Some(text.to_owned()));
scalar!(bool, "`true` or `false`", |text: &str| text.parse().ok(), meant::truth);
scalar!(u8, "0 or 1", |text: &str| text.parse().ok().filter(|number| *number <= 1));
scalar!(u16, "a port from 1 to 65535", |text: &str| text.parse().ok().filter(|port| *port > 0));
scalar!(u32, "a whole number from 1", |text: &str| text.parse().ok().filter(|number| *number > 0), meant::count);
scalar!(f64, "a number", |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite()));
scalar!(Ipv4Addr, "an IPv4 address such as `10.10.10.12`", |text: &str| text.parse().ok());
scalar!(Ipv4Net, "an IPv4 address with its prefix length such as `10.10.10.1/24`", |text: &str| text.parse().ok());
scalar!(Time, "a duration with its unit such as `2s`, `500ms` or `1m`", Time::parse, meant::time);
scalar!(Size, "a size with its unit such as `512MiB` or `2GiB`", Size::parse, meant::size);
