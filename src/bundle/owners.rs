//! Who owns files in a container that stands: Incus wants numbers.

use anyhow::{Context, Result, anyhow};

use crate::desired::File;
use crate::guest::Guests;
use crate::incus::FileAttributes;

/// The numbers of users and groups in a container that stands.
pub(super) struct Owners {
    users: String,
    groups: String,
}

impl Owners {
    pub(super) async fn read(guests: &Guests, container: &str) -> Result<Self> {
        let read = |path: &'static str| async move {
            let bytes = guests.client.read_file(container, path).await?;
            let bytes = bytes.with_context(|| format!("{container} has no {path}"))?;
            anyhow::Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Self { users: read("/etc/passwd").await?, groups: read("/etc/group").await? })
    }

    pub(super) fn attributes(&self, file: &File) -> Result<FileAttributes> {
        let uid = number(&self.users, &file.owner).ok_or_else(|| anyhow!("it has no user {}", file.owner))?;
        let gid = number(&self.groups, &file.group).ok_or_else(|| anyhow!("it has no group {}", file.group))?;
        Ok(FileAttributes { uid, gid, mode: file.mode })
    }
}

/// The number in the third column of the line that begins with a name.
fn number(lines: &str, name: &str) -> Option<u32> {
    let line = lines.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}
