//! Names and numbers of users and groups, from `/etc/passwd` and `/etc/group`.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::Failure;

/// The users or the groups of the guest.
#[derive(Debug, Default)]
pub struct Names {
    file: &'static str,
    numbers: BTreeMap<String, u32>,
}

impl Names {
    /// Reads the users.
    pub fn users() -> Self {
        Self::read("/etc/passwd")
    }

    /// Reads the groups.
    pub fn groups() -> Self {
        Self::read("/etc/group")
    }

    fn read(file: &'static str) -> Self {
        let text = std::fs::read(Path::new(file)).unwrap_or_default();
        Self { file, numbers: parse(&String::from_utf8_lossy(&text)) }
    }

    /// Whether there is such a name.
    pub fn has(&self, name: &str) -> bool {
        self.numbers.contains_key(name)
    }

    /// The number of a name. A name that is a number stands for itself.
    pub fn number(&self, name: &str) -> Result<u32, Failure> {
        self.numbers.get(name).copied().or_else(|| name.parse().ok()).ok_or_else(|| {
            Failure::new(name, format!("is not in {} of the guest", self.file))
                .with_hint("install the package that makes it, or name another owner")
        })
    }

    /// The name of a number, or the number itself.
    pub fn name(&self, number: u32) -> String {
        let known = self.numbers.iter().find(|(_, known)| **known == number);
        known.map_or_else(|| number.to_string(), |(name, _)| name.clone())
    }
}

/// Whether a text is made of letters, digits and hyphens, so that it can name a file and a unit.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '-')
}

fn parse(text: &str) -> BTreeMap<String, u32> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let (name, _password, number) = (fields.next()?, fields.next()?, fields.next()?);
            Some((name.to_owned(), number.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_are_passed_over() {
        let names =
            Names { file: "passwd", numbers: parse("root:x:0:0::/:/bin/sh\nbroken\nx:y:z\nmongodb:x:999:999\n") };
        assert_eq!(names.number("mongodb").unwrap(), 999);
        assert_eq!(names.name(0), "root");
        assert_eq!(names.name(4), "4");
        assert_eq!(names.number("4").unwrap(), 4);
        assert!(names.number("nobody").unwrap_err().to_string().contains("nobody"));
    }
}
