//! Installed Debian packages, read from dpkg's own record: no process is started.

use std::collections::BTreeMap;

/// Where dpkg keeps its record.
const STATUS: &str = "/var/lib/dpkg/status";

/// Versions of those of the asked packages that are installed.
pub fn versions(asked: &[String]) -> BTreeMap<String, String> {
    if asked.is_empty() {
        return BTreeMap::new();
    }
    let text = std::fs::read(STATUS).unwrap_or_default();
    installed(&String::from_utf8_lossy(&text), asked)
}

fn installed(status: &str, asked: &[String]) -> BTreeMap<String, String> {
    status
        .split("\n\n")
        .filter_map(|stanza| {
            let name = field(stanza, "Package")?;
            let wanted = asked.iter().find(|wanted| wanted.as_str() == name)?;
            // `install ok installed`: half-installed and removed packages keep their stanza.
            let installed = field(stanza, "Status")?.ends_with(" installed");
            installed.then(|| Some((wanted.clone(), field(stanza, "Version")?.to_owned())))?
        })
        .collect()
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
}
