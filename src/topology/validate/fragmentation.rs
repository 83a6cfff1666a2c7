//! Fragmented collections: every letter in exactly one part, exactly one default.

use super::super::deployment::{Fragment, Fragmentation};
use super::super::span::Span;
use super::super::{At, Notes, Topology};
use super::suggest;

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    for (name, rule) in topology.fragmentation.iter() {
        let span = topology.fragmentation.span(name);
        if rule.collection.split_once('.').is_none_or(|(db, collection)| db.is_empty() || collection.is_empty()) {
            notes
                .error(rule.collection.span, format!("`{}` does not name a database", rule.collection.value))
                .instead(format!("write `DATABASE.{}`", rule.collection.trim_matches('.')));
        }
        for fragment in &rule.fragments {
            if !topology.mongodb.declares(&fragment.on) {
                let finding =
                    notes.error(fragment.on.span, format!("there is no replica set or mongod `{}`", fragment.on.value));
                suggest(finding, &fragment.on, topology.mongodb.names());
            }
        }
        letters(rule, span, notes);
        if rule.complete {
            default(rule, span, notes);
        }
    }
}

/// Finds letters that two parts take, or none.
fn letters(rule: &Fragmentation, span: Span, notes: &mut Notes) {
    let mut owners: [Option<Span>; 26] = [None; 26];
    let mut readable = rule.complete;
    for fragment in &rule.fragments {
        let Some(range) = &fragment.range else {
            if !fragment.is_default() {
                readable = false;
                notes.error(fragment.span, "this part takes nothing").instead("add `range: A-M`, or `default: true`");
            }
            continue;
        };
        let Some((from, to)) = bounds(range, notes) else {
            readable = false;
            continue;
        };
        let taken: Vec<usize> = (from..=to).filter(|letter| owners[*letter].is_some()).collect();
        if let Some(other) = taken.first().and_then(|letter| owners[*letter]) {
            notes
                .error(range.span, format!("{} belongs to another part already", shown(&taken)))
                .instead("let each letter be in one range only")
                .also(other, "this one");
        }
        owners[from..=to].iter_mut().for_each(|owner| *owner = owner.or(Some(range.span)));
    }
    let left: Vec<usize> = (0..26).filter(|letter| owners[*letter].is_none()).collect();
    if readable && !left.is_empty() && !rule.fragments.is_empty() {
        notes.error(span, format!("no part takes {}", shown(&left))).instead("let the ranges together go from A to Z");
    }
}

/// The first and last letter of a range, from 0 for A.
fn bounds(range: &At<String>, notes: &mut Notes) -> Option<(usize, usize)> {
    let upper = range.to_ascii_uppercase();
    let (from, to) = upper.split_once('-').unwrap_or((&upper, &upper));
    let number = |text: &str| match text.trim().as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
        _ => None,
    };
    let bounds = number(from).zip(number(to));
    let instead = match bounds {
        Some((from, to)) if from <= to && upper == range.value && !upper.contains(' ') => return Some((from, to)),
        Some((from, to)) => format!("write `{}`", shown_range(from.min(to), from.max(to))),
        None if upper.contains(|one: char| one.is_ascii_digit()) => {
            "ranges are of letters: write two from A to Z, `A-M`; digits belong to the part with `default: true`"
                .to_owned()
        }
        None => "write two letters from A to Z, `A-M`, or one letter; the part with `default: true` takes the rest"
            .to_owned(),
    };
    notes.error(range.span, format!("`{}` is not a range of letters", range.value)).instead(instead);
    None
}

fn default(rule: &Fragmentation, span: Span, notes: &mut Notes) {
    let defaults: Vec<&At<Fragment>> = rule.fragments.iter().filter(|fragment| fragment.is_default()).collect();
    let place = |fragment: &At<Fragment>| fragment.default.map_or(fragment.span, |default| default.span);
    match defaults.as_slice() {
        [] => {
            notes
                .error(span, "no part takes digits, symbols and other scripts")
                .instead("add `default: true` to one of them");
        }
        [first, others @ ..] => {
            for other in others {
                notes
                    .error(place(other), "another part is the default already")
                    .instead("keep `default: true` in one of them")
                    .also(place(first), "this one");
            }
        }
    }
}

fn letter(number: usize) -> char {
    char::from(b'A' + u8::try_from(number).unwrap_or_default())
}

fn shown_range(from: usize, to: usize) -> String {
    if from == to { letter(from).to_string() } else { format!("{}-{}", letter(from), letter(to)) }
}

/// Letters in runs: `A-C, F`.
fn shown(letters: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for letter in letters {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == *letter => *to = *letter,
            _ => runs.push((*letter, *letter)),
        }
    }
    runs.into_iter().map(|(from, to)| shown_range(from, to)).collect::<Vec<_>>().join(", ")
}
