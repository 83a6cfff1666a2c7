//! What fills or blocks the disk of a guest.

use protocol::Inspection;

use super::Check;

/// Logs larger than this, in bytes, are worth a warning: those of five mongods that rotate stay below.
const LARGE: u64 = 2 << 30;

/// One line for each thing that fills or blocks the disk.
pub(super) fn checks(name: &str, guest: &Inspection) -> Vec<Check> {
    let storage = &guest.storage;
    let read_only = storage.read_only.iter().map(|folder| {
        let hint = format!("see why: `distctl exec {name} -- findmnt --target {folder}`");
        Check::failure(name, format!("{folder} is read-only: nothing can be written there"), hint)
    });
    let logs = storage.logs.iter().filter(|(_, bytes)| **bytes > LARGE).map(|(folder, bytes)| {
        let hint = match folder.ends_with("/journal") {
            true => format!("keep less of the journal: `distctl exec {name} -- journalctl --vacuum-size=500M`"),
            false => format!("see which are large: `distctl exec {name} -- ls -l {folder}`"),
        };
        Check::warning(name, format!("the logs in {folder} have {} MiB", bytes >> 20), hint)
    });
    let strangers = storage.strangers.iter().map(|one| {
        let text = format!("{} belongs to {}: its mongod can't use it", one.path, one.owner);
        Check::failure(name, text, "run `distctl up`: it gives all of the data folder to mongod")
    });
    read_only.chain(logs).chain(strangers).collect()
}

#[cfg(test)]
mod tests {
    use protocol::{Storage, Stranger};

    use super::*;
    use crate::report::doctor::{Verdict, worst};

    #[test]
    fn what_fills_or_blocks_a_disk_has_a_line_each() {
        let stranger = |path: &str| Stranger { folder: "/d".into(), path: path.into(), owner: "root:root".into() };
        let storage = Storage {
            logs: [("/var/log/mongodb".into(), 3 << 30), ("/var/log/journal".into(), 1 << 30)].into(),
            read_only: vec!["/etc".into()],
            strangers: vec![stranger("/d/WiredTiger")],
        };
        let seen = checks("db1", &Inspection { storage, ..Inspection::default() });
        let texts: Vec<&str> = seen.iter().map(|check| check.text.as_str()).collect();
        insta::assert_snapshot!(texts.join("\n"), @"
    /etc is read-only: nothing can be written there
    the logs in /var/log/mongodb have 3072 MiB
    /d/WiredTiger belongs to root:root: its mongod can't use it
    ");
        assert_eq!(worst(&seen), Verdict::Failure);
        assert_eq!(checks("db1", &Inspection::default()), []);
    }
}
