//! Holds the rules of who may import whom, by reading the `crate::` paths of every file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms of ours that it may name; the first prefix of a file's path that fits decides.
const RULES: &[(&str, &[&str])] = &[
    ("main.rs", &[]),
    ("lib.rs", &[]),
    ("topology/", &["topology"]),
    ("incus/", &["incus"]),
    ("download/", &["download", "desired"]),
    ("desired/", &["desired", "topology"]),
    ("browser/", &["browser", "desired"]),
    ("observed/collect/", &["observed", "desired", "guest", "incus", "browser"]),
    ("observed/collect.rs", &["observed", "desired", "guest", "incus"]),
    ("observed/", &["observed"]),
    // Random topologies, from the file that a person edits to the plan.
    ("plan/tests/edits/", &["plan", "desired", "observed", "topology"]),
    ("plan/tests/", &["plan", "desired", "observed", "topology"]),
    ("plan/", &["plan", "desired", "observed"]),
    ("guest/", &["guest", "incus", "desired"]),
    ("engine/event.rs", &[]),
    ("engine/", &["engine", "plan", "desired", "guest", "incus", "browser", "fragments"]),
    ("fragments/", &["fragments", "desired", "guest", "verdict"]),
    ("cut/", &["cut", "desired", "guest", "incus"]),
    ("bundle/", &["bundle", "cut", "desired", "engine", "guest", "incus", "topology"]),
    ("report/", &["report", "desired", "observed", "plan", "verdict"]),
    ("verdict.rs", &[]),
    ("drill/checker/", &["drill", "verdict"]),
    ("drill/history/", &["drill"]),
    ("drill/report/", &["drill"]),
    ("drill/run.rs", &["drill", "topology"]),
    ("drill/folder.rs", &["drill"]),
    ("drill/mongod_log/", &["drill"]),
    ("drill/schedule.rs", &["drill"]),
    ("drill/", &["drill", "desired", "engine", "guest", "incus"]),
    ("ui/", &["ui", "engine", "topology"]),
    (
        "cli/",
        &[
            "cli",
            "ui",
            "report",
            "engine",
            "plan",
            "observed",
            "desired",
            "topology",
            "guest",
            "incus",
            "download",
            "browser",
            "drill",
            "fragments",
            "cut",
            "bundle",
            "verdict",
        ],
    ),
];

#[test]
fn every_file_imports_only_what_its_room_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        let (_, allowed) =
            RULES.iter().find(|(room, _)| name.starts_with(room)).unwrap_or_else(|| panic!("no rule for {name}"));
        let named = named_rooms(&fs::read_to_string(&file).unwrap());
        wrong.extend(
            named.iter().filter(|room| !allowed.contains(&room.as_str())).map(|room| format!("{name}: {room}")),
        );
    }
    assert!(wrong.is_empty(), "these imports break the rules of ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_pure_has_no_clock_and_no_input_or_output() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let forbidden =
        ["std::fs", "std::net::Tcp", "std::time::Instant", "std::time::SystemTime", "tokio", "rand", "async "];
    let pure = ["plan", "drill/checker", "drill/report"].map(|room| rust_files(&src.join(room)));
    // Tests of the report keep its pages for people to look at; random topologies are drawn from a seed.
    let is_test = |file: &Path| file.ends_with("html/tests.rs") || file.to_string_lossy().contains("/tests/edits/");
    for file in pure.iter().flatten().filter(|file| !is_test(file)) {
        let text = fs::read_to_string(file).unwrap();
        for word in forbidden {
            let found = text.lines().any(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert!(!found, "{} uses {word}", file.display());
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect();
    files.sort();
    files
}

/// The rooms after `crate::` in a file, those in braces included; comments don't count.
fn named_rooms(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let inside = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        let names = inside.map_or_else(|| vec![rest], |list| list.split(',').collect());
        for name in names {
            let room: String =
                name.trim().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            if room.chars().next().is_some_and(char::is_lowercase) {
                rooms.insert(room);
            }
        }
    }
    rooms
}

#[test]
fn the_reader_of_imports_finds_every_form() {
    let text = "use crate::incus::Client;\nuse crate::{plan, ui::Exit};\n// crate::cli\nlet x = crate::desired::y();";
    let expected: BTreeSet<String> = ["desired", "incus", "plan", "ui"].map(String::from).into();
    assert_eq!(named_rooms(text), expected);
}
