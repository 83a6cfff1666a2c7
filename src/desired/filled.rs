//! Texts that are filled in: what is known now stands in them, and where a secret belongs the guest puts it.

use fragmentation::{Fragment, Fragmentation};
use protocol::{Escape, Piece};

use super::SecretName;
use crate::topology::{self, Auth, Reference, Topology, references};

/// Fills a text for a service. References that can't be resolved were found when the topology was checked.
pub(super) fn fill(text: &str, service: &str, topology: &Topology) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (range, reference) in references(text).into_iter().flatten() {
        push_text(&mut pieces, &text[from..range.start]);
        from = range.end;
        match reference {
            Reference::Secret(name) => pieces.push(secret(&SecretName::named(&name), Escape::Plain)),
            Reference::Address(name) => {
                let address = topology.containers.get(&name).map(|container| container.ipv4.to_string());
                push_text(&mut pieces, &address.unwrap_or_default());
            }
            Reference::Fragmentation(name) => {
                push_text(&mut pieces, &topology.fragmentation.get(&name).map(json).unwrap_or_default());
            }
            Reference::MongoUri { name, db } => uri(&mut pieces, service, &name, &db, topology),
        }
    }
    push_text(&mut pieces, &text[from..]);
    pieces
}

/// A file for systemd's `EnvironmentFile=`: every value between double quotes.
pub(super) fn environment<'v>(variables: impl Iterator<Item = (&'v str, Vec<Piece>)>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    push_text(&mut pieces, "# Written by distctl; a change made here is undone by the next `distctl up`.\n");
    for (name, value) in variables {
        push_text(&mut pieces, &format!("{name}=\""));
        for piece in value {
            match piece {
                Piece::Text(text) => push_text(&mut pieces, &Escape::Environment.apply(&text)),
                Piece::Secret { file, escape: Escape::Plain } => {
                    pieces.push(Piece::Secret { file, escape: Escape::Environment });
                }
                secret @ Piece::Secret { .. } => pieces.push(secret),
            }
        }
        push_text(&mut pieces, "\"\n");
    }
    pieces
}

/// A filled text to look at: where a secret belongs its file is named.
pub(super) fn outline(pieces: &[Piece]) -> String {
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Secret { file, .. } => format!("<{file}>"),
    });
    shown.collect()
}

fn secret(name: &SecretName, escape: Escape) -> Piece {
    Piece::Secret { file: name.store_path(), escape }
}

/// Neighbouring texts are one, so that the same text is the same pieces.
fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// A connection string (MongoDB's manual, "Connection Strings") for the service's own user.
fn uri(pieces: &mut Vec<Piece>, service: &str, name: &str, db: &str, topology: &Topology) {
    let address = |container: &str, port: u16| {
        topology.containers.get(container).map(|container| format!("{}:{port}", container.ipv4.value))
    };
    let set = topology.mongodb.replica_sets.get(name);
    let hosts: Vec<String> = match (set, topology.mongodb.standalone.get(name)) {
        (Some(set), _) => {
            set.members.iter().filter_map(|member| address(&member.container, member.port.value)).collect()
        }
        (None, Some(single)) => address(&single.container, single.port.value).into_iter().collect(),
        (None, None) => Vec::new(),
    };
    push_text(pieces, "mongodb://");
    let mut options = vec![format!("appName={service}")];
    if topology.mongodb.auth() != Auth::None {
        push_text(pieces, &format!("{service}:"));
        pieces.push(secret(&SecretName::password(name, service), Escape::Uri));
        push_text(pieces, "@");
        options.push("authSource=admin".to_owned());
    }
    if set.is_some() {
        options.extend([format!("replicaSet={name}"), "retryWrites=true".to_owned(), "w=majority".to_owned()]);
    }
    push_text(pieces, &format!("{}/{db}?{}", hosts.join(","), options.join("&")));
}

/// How a collection is spread, for a service that routes by it: the file that `fragmentation` reads.
fn json(rule: &topology::Fragmentation) -> String {
    serde_json::to_string(&self::rule(rule)).unwrap_or_default()
}

/// How a collection is spread.
pub(super) fn rule(rule: &topology::Fragmentation) -> Fragmentation {
    let fragments = rule.fragments.iter().map(|fragment| Fragment {
        range: fragment.range.as_ref().and_then(|range| range.parse().ok()),
        on: fragment.on.value.clone(),
        default: fragment.is_default(),
    });
    Fragmentation {
        collection: rule.collection.value.clone(),
        key: rule.key.value.clone(),
        letters: match rule.letters.map(|letters| letters.value).unwrap_or_default() {
            topology::Letters::Folded => fragmentation::Letters::Folded,
            topology::Letters::Ascii => fragmentation::Letters::Ascii,
        },
        fragments: fragments.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_file_takes_what_systemd_would_read_otherwise() {
        let secret = Piece::Secret { file: "/s/jwt".into(), escape: Escape::Plain };
        let pieces = environment([("A", vec![Piece::Text("say \"$x\" \\".into()), secret])].into_iter());
        insta::assert_snapshot!(outline(&pieces), @r#"
        # Written by distctl; a change made here is undone by the next `distctl up`.
        A="say \"\$x\" \\</s/jwt>"
        "#);
        assert!(pieces.contains(&Piece::Secret { file: "/s/jwt".into(), escape: Escape::Environment }));
    }
}
