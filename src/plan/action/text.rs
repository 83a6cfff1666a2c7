//! Parts of what an action says of itself.

use std::collections::BTreeMap;

use crate::desired::File;

/// A size as a person says it: `134 MiB`.
pub(super) fn size_text(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

pub(super) fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

pub(super) fn write_files(
    f: &mut std::fmt::Formatter<'_>,
    container: &str,
    files: &BTreeMap<String, File>,
    remove: &[String],
) -> std::fmt::Result {
    match (files.len(), remove.len()) {
        (0, 0) => write!(f, "make users and directories in {container}"),
        (0, _) => write!(f, "remove {} in {container}", remove.join(", ")),
        (1, 0) => write!(f, "write {} in {container}", files.keys().map(String::as_str).collect::<String>()),
        (count, 0) => write!(f, "write {count} files in {container}"),
        (count, gone) => write!(f, "write {count} and remove {gone} files in {container}"),
    }
}

pub(super) fn change_units(
    f: &mut std::fmt::Formatter<'_>,
    container: &str,
    reload: bool,
    groups: &[(&str, &Vec<String>)],
) -> std::fmt::Result {
    let mut words: Vec<String> = groups
        .iter()
        .filter(|(_, units)| !units.is_empty())
        .map(|(verb, units)| {
            let short: Vec<_> = units.iter().map(|unit| unit.trim_end_matches(".service")).collect();
            format!("{verb} {}", short.join(", "))
        })
        .collect();
    if words.is_empty() && reload {
        words.push("reload unit files".to_string());
    }
    write!(f, "{} in {container}", words.join("; "))
}
