//! Topology files as users have them: the examples, and one with everything wrong.

use std::path::{Path, PathBuf};

use distctl::topology::{load, load_without_files};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_examples_are_right() {
    let mut seen = 0;
    for entry in std::fs::read_dir(project("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue; // workflows, not topologies
        }
        if let Err(findings) = load_without_files(&path) {
            panic!("{findings}");
        }
        seen += 1;
    }
    assert!(seen >= 2);
    let platform = load_without_files(&project("topology.yaml")).unwrap();
    let warnings = platform.warnings();
    assert_eq!(warnings.list.len(), 1, "the sets in one container, and nothing else: {warnings}");
}

#[test]
fn everything_wrong_is_found_at_once() {
    let findings = load(&project("tests/it/topologies/everything-wrong.yaml")).unwrap_err();
    let shown = findings.render(false).replace(env!("CARGO_MANIFEST_DIR"), "PROJECT");
    insta::assert_snapshot!(shown);
}
