//! What stands between `{{` and `}}` in a service's environment and templates.
//!
//! Tera, which renders units and files of our own, has no calls of this form; the few that there are need no engine.

use std::ops::Range;

use super::read::nearest;

/// A value that distctl fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `secret('jwt')`: made once, kept in the guest that uses it.
    Secret(String),
    /// `mongodb.rsA.uri(db='products_db')`: credentials, members and options.
    MongoUri {
        /// The replica set or single mongod.
        name: String,
        /// The database.
        db: String,
    },
    /// `containers.db1.ipv4`: an address.
    Address(String),
    /// `fragmentation.products.json`: how a collection is spread, as JSON.
    Fragmentation(String),
}

/// A reference that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub instead: String,
}

const FORMS: &str =
    "write `secret('name')`, `mongodb.SET.uri(db='name')`, `containers.NAME.ipv4` or `fragmentation.NAME.json`";

/// All references of a text, each with its place in bytes.
pub fn references(text: &str) -> Vec<Result<(Range<usize>, Reference), Wrong>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        let Some(close) = text[open..].find("}}").map(|at| open + at) else {
            found.push(Err(Wrong {
                range: open..text.len(),
                message: "`{{` is never closed".to_owned(),
                instead: "close it with `}}`".to_owned(),
            }));
            break;
        };
        let range = open..close + 2;
        found.push(match reference(text[open + 2..close].trim()) {
            Ok(reference) => Ok((range, reference)),
            Err((message, instead)) => Err(Wrong { range, message, instead }),
        });
        from = close + 2;
    }
    found
}

/// Reads `ident(.ident)*` with or without `(args)`.
fn reference(text: &str) -> Result<Reference, (String, String)> {
    let (path, arguments) = match text.split_once('(') {
        Some((path, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| unclear(text))?;
            (path, Some(arguments(inner).ok_or_else(|| unclear(text))?))
        }
        None => (text, None),
    };
    let parts: Vec<_> = path.trim().split('.').collect();
    match (parts.as_slice(), arguments.as_deref()) {
        (["secret"], Some([(None, name)])) if is_name(name) => Ok(Reference::Secret((*name).to_owned())),
        (["secret"], _) => Err((
            "`secret` takes one name of letters, digits, `_` and `-`".to_owned(),
            "write `secret('jwt')`".to_owned(),
        )),
        (["mongodb", name, "uri"], Some([(Some("db"), db)])) if is_name(db) => {
            Ok(Reference::MongoUri { name: (*name).to_owned(), db: (*db).to_owned() })
        }
        (["mongodb", name, "uri"], _) => {
            Err(("`uri` takes the name of a database".to_owned(), format!("write `mongodb.{name}.uri(db='name')`")))
        }
        (["containers", name, "ipv4"], None) => Ok(Reference::Address((*name).to_owned())),
        (["fragmentation", name, "json"], None) => Ok(Reference::Fragmentation((*name).to_owned())),
        (["mongodb" | "containers" | "fragmentation", ..], _) => Err(unclear(text)),
        ([""], _) | ([], _) => Err(unclear(text)),
        ([first, ..], _) => {
            let instead = match nearest(first, ["secret", "mongodb", "containers", "fragmentation"].into_iter()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => FORMS.to_owned(),
            };
            Err((format!("there is no `{first}` to fill in"), instead))
        }
    }
}

fn unclear(text: &str) -> (String, String) {
    if text.is_empty() {
        return ("nothing stands between `{{` and `}}`".to_owned(), FORMS.to_owned());
    }
    (format!("`{text}` is nothing that can be filled in"), FORMS.to_owned())
}

/// Reads `'a', key='b'`.
fn arguments(text: &str) -> Option<Vec<(Option<&str>, &str)>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',')
        .map(|argument| match argument.split_once('=') {
            Some((key, value)) => Some((Some(key.trim()), unquoted(value.trim())?)),
            None => Some((None, unquoted(argument.trim())?)),
        })
        .collect()
}

fn unquoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Reference, String> {
        match references(text).remove(0) {
            Ok((_, reference)) => Ok(reference),
            Err(wrong) => Err(format!("{}; {}", wrong.message, wrong.instead)),
        }
    }

    #[test]
    fn reads_what_can_be_filled_in() {
        assert_eq!(one("{{ secret('jwt') }}"), Ok(Reference::Secret("jwt".into())));
        assert_eq!(
            one(r#"x{{mongodb.rsA.uri( db = "shop" )}}y"#),
            Ok(Reference::MongoUri { name: "rsA".into(), db: "shop".into() })
        );
        assert_eq!(one("{{ containers.db1.ipv4 }}"), Ok(Reference::Address("db1".into())));
        assert_eq!(one("{{ fragmentation.products.json }}"), Ok(Reference::Fragmentation("products".into())));
        assert_eq!(references("no } reference { here").len(), 0);
        let two = references("{{ secret('a') }}:{{ secret('b') }}");
        assert_eq!(two[1], Ok((18..35, Reference::Secret("b".into()))));
    }

    #[test]
    fn says_what_is_wrong() {
        insta::assert_snapshot!(
            [
                "{{ secrets('jwt') }}", "{{ secret() }}", "{{ secret('../x') }}", "{{ secret('a' }}",
                "{{ mongodb.rsA.uri }}", "{{ mongodb.rsA.url(db='x') }}", "{{ HOME }}", "{{ }}", "{{ secret('a')",
            ]
            .map(|text| format!("{text} -> {}", one(text).unwrap_err()))
            .join("\n"),
            @"
        {{ secrets('jwt') }} -> there is no `secrets` to fill in; did you mean `secret`?
        {{ secret() }} -> `secret` takes one name of letters, digits, `_` and `-`; write `secret('jwt')`
        {{ secret('../x') }} -> `secret` takes one name of letters, digits, `_` and `-`; write `secret('jwt')`
        {{ secret('a' }} -> `secret('a'` is nothing that can be filled in; write `secret('name')`, `mongodb.SET.uri(db='name')`, `containers.NAME.ipv4` or `fragmentation.NAME.json`
        {{ mongodb.rsA.uri }} -> `uri` takes the name of a database; write `mongodb.rsA.uri(db='name')`
        {{ mongodb.rsA.url(db='x') }} -> `mongodb.rsA.url(db='x')` is nothing that can be filled in; write `secret('name')`, `mongodb.SET.uri(db='name')`, `containers.NAME.ipv4` or `fragmentation.NAME.json`
        {{ HOME }} -> there is no `HOME` to fill in; write `secret('name')`, `mongodb.SET.uri(db='name')`, `containers.NAME.ipv4` or `fragmentation.NAME.json`
        {{ }} -> nothing stands between `{{` and `}}`; write `secret('name')`, `mongodb.SET.uri(db='name')`, `containers.NAME.ipv4` or `fragmentation.NAME.json`
        {{ secret('a') -> `{{` is never closed; close it with `}}`
        "
        );
    }
}
