//! `$NAME` and `${NAME}`, which other tools expand and distctl does not.

use std::ops::Range;

use super::super::node::{Kind, Node};
use super::super::span::At;
use super::super::{Notes, Topology};

/// Keys whose texts are scripts and files in other languages: a `$` there is theirs. Commands are looked at by themselves.
const OTHER_LANGUAGES: [&str; 3] = ["content", "stdin", "command"];

/// Warns of variables in all values, unless the value is wrong anyway.
pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    if let Some(tree) = &topology.origin.tree {
        walk(tree, notes);
    }
}

fn walk(node: &Node, notes: &mut Notes) {
    match &node.kind {
        Kind::Null => {}
        Kind::Scalar(text) => scalar(&At { value: text.clone(), span: node.span }, notes),
        Kind::List(items) => items.iter().for_each(|item| walk(item, notes)),
        Kind::Map(entries) => {
            let ours =
                entries.iter().filter(|(key, _)| !key.name.starts_with("x-") && !OTHER_LANGUAGES.contains(&&*key.name));
            ours.for_each(|(_, value)| walk(value, notes));
        }
    }
}

fn scalar(text: &At<String>, notes: &mut Notes) {
    let Some(range) = find(text).next().filter(|_| !notes.has(text.span)) else { return };
    let message = format!("distctl does not expand variables: the value keeps `{}`", &text[range.clone()]);
    notes.warning(text.part(&range), message).instead(HINT);
}

/// What to write instead of a variable.
pub(in super::super) const HINT: &str = "write the value itself; for a password that distctl makes `{{ secret('NAME') }}`, for an \
                                   address `{{ containers.NAME.ipv4 }}`, both in `environment`";

/// Finds `${NAME}` with all that shells allow in it, and `$NAME` in capitals: `pa$word` is more likely a password.
pub(in super::super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices('$').filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let name = |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if let Some(inner) = rest.strip_prefix('{') {
            let starts = inner.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
            let end = inner.find('}').filter(|_| starts)?;
            let behind = inner[name(inner)..end].chars().next();
            return behind.is_none_or(|one| ":-+?=".contains(one)).then_some(at..at + end + 3);
        }
        let long = name(rest);
        let capitals =
            rest[..long].bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let starts = rest.starts_with(|first: char| first.is_ascii_uppercase() || first == '_');
        (long > 1 && capitals && starts).then_some(at..at + 1 + long)
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_what_shells_and_compose_expand() {
        let first = |text: &str| find(text).next().map(|range| text[range].to_owned());
        for text in ["${PORT:-8000}", "${db}", "$HOSTNAME", "${A?say}"] {
            assert_eq!(first(&format!("http://{text}/x")).as_deref(), Some(text));
        }
        for text in ["pa$word", "100$", "$1", "${", "${}", "$$", "${1}", "$", "${a b}", "é$é"] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
