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
    assert_snapshot!(in_folder(|_| {}), @"
    error -
      there is no such file
      -> name the topology with `--file PATH`, or change to the folder that holds `topology.yaml`
    ");
    assert_snapshot!(in_folder(|folder| fs::create_dir(folder.join("topology.yaml")).unwrap()), @"
    error -
      it is a folder, not a file
      -> name a file: `--file FOLDER/topology.yaml/topology.yaml`
    ");
    assert_snapshot!(in_folder(|folder| fs::write(folder.join("topology.yaml"), b"name: a\nb: \xff\xfe").unwrap()), @"
    error -
      the file is not UTF-8: line 2, column 4 is in another encoding
      -> save it as UTF-8; from a Windows editor, convert it: `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`
    ");
    let begun = Instant::now();
    assert_snapshot!(
        in_folder(|folder| fs::write(folder.join("topology.yaml"), "x: [1, 2]\n".repeat(1 << 20)).unwrap()),
        @"
    error -
      it is too large for a topology: 10 MiB, where 1 MiB is the most
      -> check that `--file` names the right file
    "
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
        @"
    error 8:19 artifacts.mongod.path «artifacts/mongod»
      `artifacts/mongod` is not there
      -> put the file at `FOLDER/artifacts/mongod`, or write where it is
    error 13:13 services.web.binary «target/web»
      `target/web` is not there
      -> put the file at `FOLDER/target/web`, or write where it is
    error 14:41 services.web.files./etc/web.toml.template «web.toml»
      there is no replica set or mongod `rsQ`
      -> declare it first
    error 14:74 services.web.files./etc/motd.source «folder»
      `folder` is not a file
      -> put the file at `FOLDER/folder`, or write where it is
    "
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topology.yaml");
    fs::write(&file, &text).unwrap();
    assert!(load_without_files(&file).is_ok(), "taking a system down needs no artifacts");
}

#[test]
fn a_person_sees_the_line_and_the_part() {
    let findings =
        read(&format!("{HEAD}  db4: {{ ipv4: 10.1.0.11, limts: {{}} }}\nmongodb: {{ auth: none }}\n")).unwrap_err();
    assert_snapshot!(findings.render(false), @"
    error: 10.1.0.11 is the address of `db1` already
     --> topology.yaml:7:16
      |
    7 |   db4: { ipv4: 10.1.0.11, limts: {} }
      |                ^^^^^^^^^
      |
     ::: topology.yaml:4:16
      |
    4 |   db1: { ipv4: 10.1.0.11 }
      |                --------- `db1` has it
      |
      = help: give each container an address of its own

    error: there is no key `limts` here
     --> topology.yaml:7:27
      |
    7 |   db4: { ipv4: 10.1.0.11, limts: {} }
      |                           ^^^^^
      |
      = help: did you mean `limits`?

    warning: everybody who reaches a port can read and change all data
     --> topology.yaml:8:18
      |
    8 | mongodb: { auth: none }
      |                  ^^^^
      |
      = help: leave `auth` out: a keyfile and passwords are made without asking
    ");
    assert!(findings.render(true).contains("\u{1b}["));
    assert!(!findings.render(false).contains('\u{1b}'));
}

#[test]
fn a_program_sees_json() {
    let findings = read(&format!("{HEAD}  db4: {{ ipv4: 10.1.0.11 }}\n")).unwrap_err();
    insta::assert_json_snapshot!(findings, @r#"
    {
      "file": "topology.yaml",
      "errors": 1,
      "warnings": 0,
      "findings": [
        {
          "severity": "error",
          "message": "10.1.0.11 is the address of `db1` already",
          "span": {
            "start": 161,
            "end": 170,
            "line": 7,
            "column": 16
          },
          "path": "containers.db4.ipv4",
          "instead": "give each container an address of its own",
          "also": [
            {
              "span": {
                "start": 80,
                "end": 89,
                "line": 4,
                "column": 16
              },
              "label": "`db1` has it"
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn warnings_are_no_errors() {
    let topology = read(&format!("{HEAD}mongodb: {{ auth: none }}\n")).unwrap();
    let warnings = topology.warnings();
    assert!(warnings.has_warnings() && !warnings.has_errors());
}

/// The properties of a schema and of all that it refers to, as `Type.key`.
fn properties(schema: &Value) -> BTreeSet<String> {
    let definitions = schema["$defs"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value));
    let keys = definitions.chain([("Topology", schema)]).flat_map(|(name, value)| {
        value["properties"].as_object().into_iter().flatten().map(move |(key, _)| (name, key))
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
        let Some(name) =
            finding.message.strip_prefix("there is no key `Zzzz").and_then(|rest| rest.strip_suffix("` here"))
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
    let (mut set, mut unset) = (BTreeSet::new(), BTreeSet::new());
    sort_keys(&written, &mut set, &mut unset);
    let never: Vec<_> = unset.difference(&set).copied().collect();
    assert!(never.is_empty(), "the example leaves keys out that could be written: {never:?}");
}

/// Sorts the keys of a value into those that have one and those that have none.
fn sort_keys<'v>(value: &'v Value, set: &mut BTreeSet<&'v str>, unset: &mut BTreeSet<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| sort_keys(item, set, unset)),
        Value::Object(entries) => {
            for (key, item) in entries {
                if item.is_null() {
                    unset.insert(key)
                } else {
                    set.insert(key)
                };
                sort_keys(item, set, unset);
            }
        }
        _ => {}
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
