//! Files as a whole: from disk, in every format, against the schema.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::Value;

use super::super::{load, load_without_files, schema};
use super::{HEAD, lines, read};

fn in_folder(write: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let findings = load(&folder.path().join("topology.yaml")).unwrap_err();
    lines(&findings).replace(folder.path().to_str().unwrap(), "FOLDER")
}

#[test]
fn files_that_are_no_topology() {
    assert_snapshot!(in_folder(|_| {}), @"");
    assert_snapshot!(in_folder(|folder| fs::create_dir(folder.join("topology.yaml")).unwrap()), @"");
    assert_snapshot!(in_folder(|folder| fs::write(folder.join("topology.yaml"), b"name: a\nb: \xff\xfe").unwrap()), @"");
    let begun = Instant::now();
    assert_snapshot!(
        in_folder(|folder| fs::write(folder.join("topology.yaml"), "x: [1, 2]\n".repeat(1 << 20)).unwrap()),
        @""
    );
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn files_that_are_named_must_be_there() {
    let text = format!(
        "{HEAD}\
artifacts:
  mongod: {{ path: artifacts/mongod }}
  here: {{ path: here }}
services:
  web:
    container: db1
    binary: target/web
    files: {{ /etc/web.toml: {{ template: web.toml }}, /etc/motd: {{ source: folder }} }}
"
    );
    assert_snapshot!(
        in_folder(|folder| {
            fs::write(folder.join("topology.yaml"), &text).unwrap();
            fs::write(folder.join("here"), "").unwrap();
            fs::create_dir(folder.join("folder")).unwrap();
            fs::write(folder.join("web.toml"), "db = {{ mongodb.rsQ.uri(db='x') }}").unwrap();
        }),
        @""
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topology.yaml");
    fs::write(&file, &text).unwrap();
    assert!(
        load_without_files(&file).is_ok(),
        "taking a system down needs no artifacts"
    );
}

#[test]
fn a_person_sees_the_line_and_the_part() {
    let findings = read(&format!(
        "{HEAD}  db4: {{ ipv4: 10.1.0.11, limts: {{}} }}\nmongodb: {{ auth: none }}\n"
    ))
    .unwrap_err();
    assert_snapshot!(findings.render(false), @"");
    assert!(findings.render(true).contains("\u{1b}["));
    assert!(!findings.render(false).contains('\u{1b}'));
}

#[test]
fn a_program_sees_json() {
    let findings = read(&format!("{HEAD}  db4: {{ ipv4: 10.1.0.11 }}\n")).unwrap_err();
    insta::assert_json_snapshot!(findings, @"");
}

#[test]
fn warnings_are_no_errors() {
    let topology = read(&format!("{HEAD}mongodb: {{ auth: none }}\n")).unwrap();
    let warnings = topology.warnings();
    assert!(warnings.has_warnings() && !warnings.has_errors());
}

/// The properties of a schema and of all that it refers to, as `Type.key`.
fn properties(schema: &Value) -> BTreeSet<String> {
    let definitions = schema["$defs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let keys = definitions.chain([("Topology", schema)]).flat_map(|(name, value)| {
        value["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, _)| (name, key))
    });
    keys.map(|(name, key)| format!("{name}.{key}")).collect()
}

/// Reads each type with one key that cannot be, and takes the keys from the finding: they are those of the schema.
#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let text = include_str!("../../../tests/it/topologies/every-place.yaml");
    let mut read_keys = BTreeSet::new();
    for finding in read(text).unwrap_err().list {
        let Some(name) = finding
            .message
            .strip_prefix("there is no key `Zzzz")
            .and_then(|rest| rest.strip_suffix("` here"))
        else {
            continue;
        };
        let known = finding.instead.unwrap().replace("the keys here are ", "");
        read_keys.extend(known.split(", ").map(|key| format!("{name}.{}", key.trim_matches('`'))));
    }
    assert_eq!(read_keys, properties(&schema));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn every_key_can_be_written() {
    let topology = read(include_str!("../../../tests/it/topologies/every-key.yaml")).unwrap();
    let written = serde_json::to_value(&topology).unwrap();
    assert_eq!(written["mongodb"]["settings"]["election_timeout"], "2s");
    let unset: Vec<_> = nulls(&written, String::new());
    assert_eq!(unset, Vec::<String>::new(), "the example leaves keys out");
}

fn nulls(value: &Value, path: String) -> Vec<String> {
    match value {
        Value::Null => vec![path],
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(at, item)| nulls(item, format!("{path}[{at}]")))
            .collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, item)| nulls(item, format!("{path}.{key}")))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn examples_are_right() {
    for text in [
        include_str!("../../../topology.yaml"),
        include_str!("../../../examples/minimal.yaml"),
        include_str!("../../../examples/spread-set.yaml"),
    ] {
        read(text).unwrap();
    }
}
