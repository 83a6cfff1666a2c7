//! What is run: a text that is split as a shell splits it, or its words one by one.

use serde::{Serialize, Serializer};

use super::finding::Notes;
use super::node::{Kind, Node};
use super::read::Read;
use super::span::{At, Span};

/// A program and its arguments. No shell reads them.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// As they are written: one text to be split, or one item a word.
    written: Vec<At<String>>,
    /// Whether it is a text to be split.
    is_text: bool,
}

impl CommandLine {
    /// The program and its arguments; nothing where a quote is left open, which the checks say.
    pub fn words(&self) -> Vec<String> {
        match self.text() {
            Some(text) => shlex::split(text).unwrap_or_default(),
            None => self.written.iter().map(|word| word.value.clone()).collect(),
        }
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.written.iter().all(|text| text.trim().is_empty())
    }

    /// The text, where it is one that is split.
    pub(super) fn text(&self) -> Option<&At<String>> {
        self.written.first().filter(|_| self.is_text)
    }

    /// All that is written: the text, or the items of the list.
    pub(super) fn written(&self) -> &[At<String>] {
        &self.written
    }
}

impl Read for CommandLine {
    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        let is_text = matches!(node.kind, Kind::Scalar(_));
        let written = if is_text { vec![At::read(node, owner, notes)?] } else { Vec::read(node, owner, notes)? };
        Some(Self { written, is_text })
    }
}

impl Serialize for CommandLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            Some(text) => text.serialize(serializer),
            None => self.written.serialize(serializer),
        }
    }
}

/// How a character of a command stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// A shell would read it as syntax.
    Bare,
    /// In double quotes: a shell would still expand variables.
    Double,
    /// In single quotes, or behind a backslash: it stands for itself.
    Literal,
}

/// Why a text can't be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// The quote at this byte is never closed.
    Quote(usize, char),
    /// A backslash at this byte has nothing behind it.
    Backslash(usize),
}

/// The characters of a text with their places in bytes and how they stand there, quotes and backslashes left out.
/// It tells places; [`CommandLine::words`] splits. A comment, which splitting drops, is told as what it begins with.
pub(super) fn characters(text: &str) -> Result<Vec<(usize, char, Quoting)>, Open> {
    let mut found = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut all = text.char_indices().peekable();
    while let Some((at, one)) = all.next() {
        match (quote, one) {
            (None, '\'' | '"') => quote = Some((at, one)),
            (Some((_, open)), _) if one == open => quote = None,
            (Some((_, '\'')), _) => found.push((at, one, Quoting::Literal)),
            (None, '\\') => match all.next() {
                Some((at, next)) => found.push((at, next, Quoting::Literal)),
                None => return Err(Open::Backslash(at)),
            },
            (Some(_), '\\') => match all.next_if(|(_, next)| matches!(next, '$' | '`' | '"' | '\\' | '\n')) {
                Some((at, next)) => found.push((at, next, Quoting::Literal)),
                None => found.push((at, one, Quoting::Double)),
            },
            (Some(_), _) => found.push((at, one, Quoting::Double)),
            (None, _) => found.push((at, one, Quoting::Bare)),
        }
    }
    match quote {
        Some((at, open)) => Err(Open::Quote(at, open)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> CommandLine {
        CommandLine { written: vec![At { value: text.to_owned(), span: Span::default() }], is_text: true }
    }

    #[test]
    fn a_text_is_split_as_a_shell_splits_it() {
        assert_eq!(line("nginx -g 'daemon off;'").words(), ["nginx", "-g", "daemon off;"]);
        assert_eq!(line(r#"sh -c "echo \"hi\" && sleep 1""#).words(), ["sh", "-c", r#"echo "hi" && sleep 1"#]);
        assert_eq!(line(r"a\ b '' x'y'z").words(), ["a b", "", "xyz"]);
        assert_eq!(line("  a \n\t b ").words(), ["a", "b"]);
    }

    #[test]
    fn items_of_a_list_are_words_as_they_are() {
        let items = ["a b", "'c'", "$D"].map(|word| At { value: word.to_owned(), span: Span::default() });
        assert_eq!(CommandLine { written: items.to_vec(), is_text: false }.words(), ["a b", "'c'", "$D"]);
    }

    proptest! {
        /// Places are told of the very texts that can be split.
        #[test]
        fn what_can_be_split_has_places(text in r#"[ab '"\\]{0,12}"#) {
            prop_assert_eq!(characters(&text).is_ok(), shlex::split(&text).is_some(), "{}", text);
        }
    }
}
