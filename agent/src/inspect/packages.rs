//! Installed Debian packages, read from dpkg's own record: no process is started.

use std::collections::BTreeMap;

/// Where dpkg keeps its record.
const STATUS: &str = "/var/lib/dpkg/status";

/// Versions of those of the asked packages that are installed, or that an installed one provides: Debian 13 has
/// `libcurl4t64`, which provides `libcurl4`.
pub fn versions(asked: &[String]) -> BTreeMap<String, String> {
    if asked.is_empty() {
        return BTreeMap::new();
    }
    let text = std::fs::read(STATUS).unwrap_or_default();
    installed(&String::from_utf8_lossy(&text), asked)
}

fn installed(status: &str, asked: &[String]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for stanza in status.split("\n\n") {
        // `install ok installed`: half-installed and removed packages keep their stanza.
        let (Some(name), Some(version), true) = (
            field(stanza, "Package"),
            field(stanza, "Version"),
            field(stanza, "Status").is_some_and(|status| status.ends_with(" installed")),
        ) else {
            continue;
        };
        // `libcurl4 (= 8.14.1-2), other`
        let provided = field(stanza, "Provides").unwrap_or_default().split(',');
        let provided = provided.filter_map(|provided| provided.split_whitespace().next());
        for name in provided.chain([name]).filter(|name| asked.iter().any(|asked| asked == name)) {
            found.insert(name.to_owned(), version.to_owned());
        }
    }
    found
}

fn field<'s>(stanza: &'s str, name: &str) -> Option<&'s str> {
    stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_really_installed_counts() {
        let status = "Package: libcurl4\nStatus: install ok installed\nVersion: 7.88.1-10\nDescription: x\n Package: fake\n\n\
                      Package: openssl\nStatus: deinstall ok config-files\nVersion: 3.0\n\n\
                      Package: half\nStatus: install reinstreq half-installed\nVersion: 1\n\n\
                      Package: other\nStatus: install ok installed\nVersion: 2\n";
        let asked = ["libcurl4", "openssl", "half", "fake"].map(String::from);
        let found = installed(status, &asked);
        assert_eq!(found, BTreeMap::from([("libcurl4".to_owned(), "7.88.1-10".to_owned())]));
    }

    #[test]
    fn what_an_installed_package_provides_counts() {
        let status = "Package: libcurl4t64\nStatus: install ok installed\nProvides: libcurl, libcurl4 (= 8.14)\nVersion: 8.14\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nProvides: openssl\nVersion: 1\n";
        let found = installed(status, &["libcurl4", "openssl"].map(String::from));
        assert_eq!(found, BTreeMap::from([("libcurl4".to_owned(), "8.14".to_owned())]));
    }
}
