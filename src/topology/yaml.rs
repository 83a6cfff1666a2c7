//! YAML text as a tree of [`Node`]s. The only place of this layer that knows the parser.
//!
//! The tree is made from the parser's events rather than through serde: serde stops at the first thing that does not
//! fit, and a finding for each of them is what we are after.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;

use serde_saphyr::granit_parser::{self as yaml, Event, Parser, ScalarStyle, ScanError, StrInput};

use super::finding::Notes;
use super::foreign;
use super::node::{Key, Kind, Node};
use super::span::Span;

/// How many values anchors may expand to, all in all. A topology of 1,000 containers has some 10,000.
const MAX_VALUES: usize = 100_000;

/// Reads the one document of a text; `None` if there is none or the text is broken, which the notes then say.
pub(super) fn tree(text: &str, notes: &mut Notes) -> Option<Arc<Node>> {
    let options = yaml::options! { emit_comments: false, emit_unresolved_aliases: true };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, parser: parser.peekable(), anchors: HashMap::new(), values: 0, notes };
    match builder.document() {
        Ok(node) => Some(node),
        Err(Stop::Broken(error)) => {
            builder.broken(&error);
            None
        }
        Err(Stop::Said) => None,
    }
}

/// Why no tree came of it.
enum Stop {
    /// The parser can't go on.
    Broken(ScanError),
    /// The notes say why.
    Said,
}

struct Builder<'t, 'n> {
    text: &'t str,
    parser: Peekable<Parser<'t, StrInput<'t>>>,
    anchors: HashMap<usize, Arc<Node>>,
    values: usize,
    notes: &'n mut Notes,
}

impl<'t> Builder<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, place(&span))),
            Some(Err(error)) => Err(Stop::Broken(error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Arc<Node>, Stop> {
        loop {
            match self.next()? {
                (Event::DocumentStart(..), _) => break,
                (Event::StreamEnd, _) => {
                    self.empty();
                    return Err(Stop::Said);
                }
                _ => {}
            }
        }
        let (event, span) = self.next()?;
        let node = self.node(event, span)?;
        if matches!(node.kind, Kind::Null) {
            self.empty();
            return Err(Stop::Said);
        }
        loop {
            match self.next()? {
                (Event::DocumentStart(..), _) if foreign::is_foreign(&node, self.notes) => return Err(Stop::Said),
                (Event::DocumentStart(..), span) => {
                    self.notes
                        .error(span, "a second document begins here; a topology is one document")
                        .instead("remove `---` and what follows, or put it into a file of its own");
                    return Err(Stop::Said);
                }
                (Event::StreamEnd, _) => return Ok(node),
                _ => {}
            }
        }
    }

    fn empty(&mut self) {
        self.notes
            .error(None, "the file is empty")
            .instead("write at least `name`, `network` and `containers`; docs/topology.md describes every key");
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Arc<Node>, Stop> {
        self.values += 1;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style, span), anchor),
            Event::SequenceStart(_, anchor, _) => (self.list(span)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(span)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                self.notes
                    .error(span, format!("`*{name}` repeats an anchor that is not there"))
                    .instead(format!("mark the value to repeat with `&{name}`, before this line"));
                return Err(Stop::Said);
            }
            _ => (scalar("", ScalarStyle::Plain, span), 0),
        };
        let node = Arc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Arc<Node>, Stop> {
        // An alias inside its own anchor finds nothing here: the anchor is known once its value is complete.
        let Some(node) = self.anchors.get(&anchor).map(Arc::clone) else {
            self.notes.error(span, "this alias stands within its own anchor").instead("write the value out");
            return Err(Stop::Said);
        };
        self.values += node.weight;
        if self.values > MAX_VALUES {
            self.notes
                .error(span, format!("anchors make the file more than {MAX_VALUES} values large"))
                .instead("repeat less through anchors");
            return Err(Stop::Said);
        }
        Ok(node)
    }

    fn list(&mut self, start: Span) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    let last = items.last().map(|item: &Arc<Node>| item.span);
                    let weight = 1 + items.iter().map(|item| item.weight).sum::<usize>();
                    return Ok(Node { span: whole(start, last, end), weight, kind: Kind::List(items) });
                }
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self, start: Span) -> Result<Node, Stop> {
        let mut entries: Vec<(Key, Arc<Node>)> = Vec::new();
        let mut merged = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut last = None;
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, end) => {
                    merge(merged, &mut entries, seen);
                    let weight = 1 + entries.iter().map(|(_, value)| value.weight).sum::<usize>();
                    return Ok(Node { span: whole(start, last, end), weight, kind: Kind::Map(entries) });
                }
                (event, span) => self.node(event, span)?,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            last = Some(if value.span.end > key.span.end { value.span } else { key.span });
            let Kind::Scalar(text) = &key.kind else {
                self.notes
                    .error(key.span, format!("a key is a name, not {}", key.what()))
                    .instead("put a text that begins with `{` in quotes");
                continue;
            };
            if text == "<<" {
                self.collect_merged(&value, &mut merged);
            } else if let Some(first) = seen.get(text) {
                self.notes
                    .error(key.span, format!("`{text}` is written twice"))
                    .instead("keep one of the two")
                    .also(*first, "it is here first");
            } else {
                seen.insert(text.clone(), key.span);
                entries.push((Key { name: text.clone(), span: key.span }, value));
            }
        }
    }

    /// Takes what `<<: *anchor` or `<<: [*one, *two]` brings in.
    fn collect_merged(&mut self, value: &Arc<Node>, merged: &mut Vec<Arc<Node>>) {
        match &value.kind {
            Kind::Map(_) => merged.push(Arc::clone(value)),
            Kind::List(items) => items.iter().for_each(|item| self.collect_merged(item, merged)),
            _ => {
                self.notes.error(value.span, format!("`<<` brings in keys and values, not {}", value.what()));
            }
        }
    }

    fn broken(&mut self, error: &ScanError) {
        let mark = error.marker();
        let start = mark.byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let end = self.text[start..].chars().next().map_or(start, |first| start + first.len_utf8());
        let span = Span { start, end, line: mark.line().max(1), column: mark.col() + 1 };
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let finding = self.notes.error(span, format!("this is not YAML: {}", error.kind()));
        if indent.contains('\t') {
            finding.instead("indent with spaces: YAML takes no tabs there");
        } else if start == self.text.trim_end().len() || start == self.text.len() {
            finding.instead("the file ends in the middle of something: close what is open");
        } else {
            finding.instead("look at the indentation, colons, quotes and brackets here and in the line before");
        }
    }
}

/// Adds what was merged in and is not written out.
fn merge(merged: Vec<Arc<Node>>, entries: &mut Vec<(Key, Arc<Node>)>, mut seen: HashMap<String, Span>) {
    for node in merged {
        let Kind::Map(brought) = &node.kind else { continue };
        for (key, value) in brought {
            if seen.insert(key.name.clone(), key.span).is_none() {
                entries.push((key.clone(), Arc::clone(value)));
            }
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, span: Span) -> Node {
    let kind = match text {
        "" | "~" | "null" if style == ScalarStyle::Plain => Kind::Null,
        _ => Kind::Scalar(text.to_owned()),
    };
    Node { span, weight: 1, kind }
}

/// From the first byte of a list or map to the end of the last value in it, or to its closing bracket.
fn whole(start: Span, last: Option<Span>, end: Span) -> Span {
    let last = last.map_or(start.end, |last| last.end);
    // A block ends where the next thing begins, an empty end there: that is too far.
    let end = if end.end > end.start { end.end } else { last };
    Span { end: end.max(last).max(start.end), ..start }
}

fn place(span: &yaml::Span) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span { start: range.start, end: range.end, line: span.start.line(), column: span.start.col() + 1 }
}
