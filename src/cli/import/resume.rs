//! The command that goes on with an import, to be typed anywhere.

use std::path::{Path, PathBuf, absolute};

use super::Import;
use crate::bundle::Manifest;
use crate::cli::Context;

/// Writes the command that goes on with an import.
pub(super) fn command(import: &Import, context: &Context, manifest: &Manifest) -> String {
    let mut words = vec!["distctl".to_owned()];
    let option = |words: &mut Vec<String>, name: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [name.to_owned(), quoted(&value)]));
    };
    option(&mut words, "--remote", context.remote.clone());
    option(&mut words, "--project", context.project.clone());
    words.push("import".to_owned());
    words.push(match import.bundle.as_os_str() == "-" {
        true => "-".to_owned(),
        false => quoted(&whole(&import.bundle)),
    });
    match &import.topology {
        Some(topology) => option(&mut words, "--topology", Some(whole(topology))),
        None => option(&mut words, "--into", Some(whole(&import.folder(manifest)))),
    }
    option(&mut words, "--name", import.name.clone());
    option(&mut words, "--network", import.network.clone());
    option(&mut words, "--subnet", import.subnet.map(|subnet| subnet.to_string()));
    option(&mut words, "--pool", import.pool.clone());
    for (old, new) in &import.listen {
        option(&mut words, "--listen", Some(format!("{old}={new}")));
    }
    for (old, new) in &import.map {
        option(&mut words, "--map", Some(format!("{old}={new}")));
    }
    if import.rotate_secrets {
        words.push("--rotate-secrets".to_owned());
    }
    import.opening.options(|name, path| option(&mut words, name, Some(whole(path))));
    words.push("--resume".to_owned());
    words.join(" ")
}

fn whole(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| PathBuf::from(path)).display().to_string()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=,@+%".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_split_it() {
        assert_eq!(quoted("/srv/shop.distctl"), "/srv/shop.distctl");
        assert_eq!(quoted("/srv/my shop"), "'/srv/my shop'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
