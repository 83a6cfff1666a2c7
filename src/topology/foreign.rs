//! Files that are no topology: one sentence for the whole file, instead of one for each of its keys.

use super::finding::Notes;
use super::node::{Kind, Node};

/// Keys that only a topology has at its top, so that a file with one of them is meant to be one.
const OURS: [&str; 8] =
    ["containers", "network", "mongodb", "artifacts", "fragmentation", "expose", "incus_ui", "checks"];

/// Keys of a topology that other files have at their top, too.
const SHARED: [&str; 4] = ["name", "image", "storage", "services"];

/// Keys by which a service of a compose file is known: a service of ours never has one.
const COMPOSE: [&str; 8] = ["image", "build", "ports", "volumes", "container_name", "restart", "networks", "env_file"];

const OTHER_FILE: &str = "name the topology with `--file PATH`; docs/topology.md describes what is in one";

/// Says what a file is instead of a topology. Where it does, nothing else is worth saying.
pub(super) fn is_foreign(node: &Node, notes: &mut Notes) -> bool {
    let Some((message, instead)) = what(node) else { return false };
    notes.error(None, message).instead(instead);
    true
}

fn what(node: &Node) -> Option<(String, &'static str)> {
    let entries = match &node.kind {
        Kind::Map(entries) => entries,
        Kind::List(_) => return Some(("this is not a topology: the file is a list".into(), OTHER_FILE)),
        Kind::Scalar(_) => return Some(("this is not a topology: the file has no keys, only text".into(), OTHER_FILE)),
        Kind::Null => return None,
    };
    let has = |name: &str| entries.iter().any(|(key, _)| key.name == name);
    let text = |name: &str| match &entries.iter().find(|(key, _)| key.name == name)?.1.kind {
        Kind::Scalar(text) => Some(text.as_str()),
        _ => None,
    };
    if has("apiVersion") && has("kind") {
        let kind = text("kind").unwrap_or_default();
        return Some((
            format!("this is a Kubernetes manifest (`kind: {kind}`), not a topology"),
            "describe the system in a topology of its own: containers, `mongodb`, services; docs/topology.md has every key",
        ));
    }
    if OURS.iter().any(|name| has(name)) {
        return None;
    }
    if is_compose(node) {
        return Some((
            "this is a compose file, not a topology: its services are images, and distctl runs programs in system containers"
                .into(),
            "write a topology: `containers`, databases under `mongodb`, programs under `services`; docs/topology.md has every key",
        ));
    }
    if has("systemLog") || has("replication") && has("net") {
        return Some((
            "this is the configuration of a mongod, not a topology".into(),
            "write a topology: distctl makes the configuration of every mongod from its `mongodb` section",
        ));
    }
    let known = entries.iter().filter(|(key, _)| SHARED.contains(&key.name.as_str())).count();
    let other = entries.iter().filter(|(key, _)| !key.name.starts_with("x-")).count() - known;
    let first = entries.iter().find(|(key, _)| !SHARED.contains(&key.name.as_str()))?;
    (other > known).then(|| {
        (
            format!("this is not a topology: it has `{}`, and neither `network` nor `containers`", first.0.name),
            OTHER_FILE,
        )
    })
}

/// Whether services are described as Compose has them.
fn is_compose(node: &Node) -> bool {
    let child = |node: &Node, name: &str| match &node.kind {
        Kind::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value.clone()),
        _ => None,
    };
    let Some(services) = child(node, "services") else { return false };
    let Kind::Map(services) = &services.kind else { return false };
    services.iter().any(|(_, service)| COMPOSE.iter().any(|name| child(service, name).is_some()))
}

/// Makes a text of a file's bytes, or says in a sentence what they are instead, and what to do.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, (String, String)> {
    if let Some(order) = utf16(&bytes) {
        return Err((
            "the file is UTF-16, and a topology is UTF-8".into(),
            format!("save it as UTF-8, or convert it: `iconv -f {order} -t UTF-8 FILE > NEW`"),
        ));
    }
    let binary = || ("the file is not a text".to_owned(), "name the topology with `--file PATH`".to_owned());
    if bytes.iter().any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)) {
        return Err(binary());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..valid];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.rsplit(|byte| *byte == b'\n').next().map(String::from_utf8_lossy).unwrap_or_default();
        let column = column.chars().count() + 1;
        (
            format!("the file is not UTF-8: line {line}, column {column} is in another encoding"),
            "save it as UTF-8; from a Windows editor, convert it: `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`".into(),
        )
    })
}

/// The name of the encoding, where every other byte is empty or a byte order mark says it.
fn utf16(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [first, 0, second, 0, ..] if *first > 0 && *second > 0 => Some("UTF-16LE"),
        [0, first, 0, second, ..] if *first > 0 && *second > 0 => Some("UTF-16BE"),
        _ => None,
    }
}
