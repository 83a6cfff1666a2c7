//! Commands of services: split as a shell splits them, but no shell reads them.

use std::ops::Range;

use super::super::command::{CommandLine, Open, Quoting, characters};
use super::super::reference::references;
use super::super::span::Span;
use super::super::{At, Notes, Topology};
use super::variables;

/// Programs that read a script behind `-c`, and expand variables in it.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// What a shell reads as an operator where it stands for itself, in the order in which it is looked for.
const OPERATORS: [&str; 14] = ["&&", "||", "2>&1", "2>", "&>", ">>", "<<", ">", "<", "|", ";", "&", "$(", "`"];

/// Operators that nobody means as an argument, not even as an item of a list.
const NEVER_MEANT: [&str; 5] = ["&&", "||", "2>&1", ">>", "&>"];

/// Signs that systemd reads at the beginning of a program (systemd.service(5), "Special executable prefixes").
const PREFIXES: [char; 6] = ['@', '-', ':', '+', '!', '|'];

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    for (_, service) in topology.services.iter() {
        line(&service.command, notes);
        service.init.iter().for_each(|init| line(&init.command, notes));
    }
}

fn line(command: &CommandLine, notes: &mut Notes) {
    let before = notes.errors();
    match command.text() {
        Some(text) => split(text, notes),
        None => listed(command, notes),
    }
    if notes.errors() > before {
        return;
    }
    let words = command.words();
    if let (Some(program), Some(first)) = (words.first(), command.written().first())
        && program.starts_with(PREFIXES)
    {
        notes
            .error(first.span, format!("`{program}` can't be a program: systemd reads its first sign as an order"))
            .instead("write the program first, with its path where it needs one");
    }
    filled(command, notes);
    if !is_script(&words) {
        unexpanded(command, notes);
    }
}

/// A text that is split: quotes must be closed, and what a shell would do besides is not done.
fn split(text: &At<String>, notes: &mut Notes) {
    let all = match characters(text) {
        Ok(all) => all,
        Err(Open::Quote(at, quote)) => {
            notes
                .error(text.part(&(at..at + 1)), format!("this `{quote}` is never closed"))
                .instead(format!("close it with another `{quote}`, or write `\\{quote}` for the sign itself"));
            return;
        }
        Err(Open::Backslash(at)) => {
            notes
                .error(text.part(&(at..at + 1)), "the command ends with a backslash, which has nothing behind it")
                .instead("remove it, or write `\\\\` for the sign itself");
            return;
        }
    };
    if let Some((range, operator)) = operator(text, &all) {
        let shown = if operator == "`" { "a backtick".to_owned() } else { format!("`{operator}`") };
        notes
            .error(text.part(&range), format!("{shown} is for a shell, and no shell reads this command"))
            .instead(format!("let a shell read it: `sh -c \"...\"`, with {shown} inside the quotes"));
    }
}

/// The first operator outside quotes. Signs in the middle of a word stay what they are: `http://db?a=1&b=2`.
fn operator(text: &str, all: &[(usize, char, Quoting)]) -> Option<(Range<usize>, &'static str)> {
    let bare: Vec<usize> = all.iter().filter(|(_, _, quoting)| *quoting == Quoting::Bare).map(|(at, ..)| *at).collect();
    let is_space = |at: Option<char>| at.is_none_or(char::is_whitespace);
    for at in &bare {
        let (before, rest) = (text[..*at].chars().next_back(), &text[*at..]);
        if rest.starts_with('#') && is_space(before) {
            return Some((*at..at + 1, "#"));
        }
        let Some(found) = OPERATORS.into_iter().find(|one| rest.starts_with(one)) else { continue };
        if !(0..found.len()).all(|offset| bare.contains(&(at + offset))) {
            continue;
        }
        let after = rest[found.len()..].chars().next();
        // A redirection may touch its file, `;` and `&` the word before them.
        let counts = match found {
            "$(" | "`" => true,
            ";" | "&" => is_space(after),
            _ => is_space(before) || is_space(after),
        };
        if counts {
            return Some((*at..at + found.len(), found));
        }
    }
    None
}

/// A list: its items are words as they are.
fn listed(command: &CommandLine, notes: &mut Notes) {
    if let Some(first) = command.written().first().filter(|first| first.trim().contains(char::is_whitespace)) {
        notes
            .error(first.span, format!("an item of a list is one word, and no program is named `{}`", first.value))
            .instead("write one item for each word, or the whole command as one text without `[` and `]`");
    }
    for item in command.written().iter().filter(|item| NEVER_MEANT.contains(&item.as_str())) {
        notes
            .error(item.span, format!("`{}` is for a shell, and no shell reads this command", item.value))
            .instead("let a shell read it: `[sh, -c, \"...\"]`, with all of it in the last item");
    }
}

/// Nothing is filled into a command: what is filled in may be a secret, and command lines are seen by everybody.
fn filled(command: &CommandLine, notes: &mut Notes) {
    for text in command.written() {
        for (range, _) in references(text).into_iter().flatten() {
            let message = format!(
                "`{}` is not filled in here: everybody in a container can see command lines",
                &text[range.clone()]
            );
            notes.error(text.part(&range), message).instead(
                "put it under `environment` and let the program read it there, or `sh -c \"exec PROGRAM $NAME\"`",
            );
        }
    }
}

/// Whether a shell reads a script, in which it expands variables itself.
fn is_script(words: &[String]) -> bool {
    let name = |word: &String| word.rsplit('/').next().map(str::to_owned).unwrap_or_default();
    let shell = words.iter().position(|word| SHELLS.contains(&name(word).as_str()));
    shell.is_some_and(|at| words[at + 1..].iter().any(|word| word.starts_with('-') && word.ends_with('c')))
}

/// Variables that the user counts on.
fn unexpanded(command: &CommandLine, notes: &mut Notes) {
    for text in command.written() {
        let literal: Vec<usize> = match command.text().and_then(|text| characters(text).ok()) {
            Some(all) => {
                all.iter().filter(|(_, _, quoting)| *quoting == Quoting::Literal).map(|(at, ..)| *at).collect()
            }
            None => Vec::new(),
        };
        let found = variables::find(text).filter(|range| !literal.contains(&range.start));
        for range in found.take(1) {
            let name = &text[range.clone()];
            notes.warning(text.part(&range), format!("distctl does not expand variables: the program gets `{name}`")).instead(
                "write the value itself, or let a shell expand what `environment` declares: `sh -c \"exec PROGRAM $NAME\"`",
            );
        }
    }
}

impl At<String> {
    /// Where a part of the text stands in the file, in bytes of the text.
    pub(super) fn part(&self, range: &Range<usize>) -> Span {
        // In quotes a text is two bytes longer in the file. With escapes or over lines it is more: all is marked then.
        let quotes = (self.span.end - self.span.start)
            .checked_sub(self.value.len())
            .filter(|more| self.value.is_ascii() && [0, 2].contains(more));
        quotes.map_or(self.span, |more| self.span.part(range.start + more / 2, range.end + more / 2))
    }
}
