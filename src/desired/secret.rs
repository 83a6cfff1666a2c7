//! Secrets: their names, and where they are in a container.

use super::{Content, File, SecretKind, SecretName};

/// The user of the agent in every set.
pub const AGENT_USER: &str = "distctl-agent";

/// The administrator of every set.
pub const ADMIN_USER: &str = "admin";

/// The folder of all secrets of a container, readable by root alone.
pub const STORE: &str = "/var/lib/distctl/secrets";

impl SecretName {
    /// The key by which members of a set trust each other.
    pub fn keyfile(set: &str) -> Self {
        Self { owner: set.to_owned(), kind: SecretKind::Keyfile }
    }

    /// The password of a user of a set or a single mongod.
    pub fn password(owner: &str, user: &str) -> Self {
        Self { owner: owner.to_owned(), kind: SecretKind::Password(user.to_owned()) }
    }

    /// One that the topology names itself.
    pub fn named(name: &str) -> Self {
        Self { owner: name.to_owned(), kind: SecretKind::Named }
    }

    /// Where it is kept.
    pub fn store_path(&self) -> String {
        format!("{STORE}/{self}")
    }

    /// Where mongod, and the agent as part of its unit, read it.
    pub fn use_path(&self) -> String {
        format!("/etc/distctl/{self}")
    }

    /// The file in the store.
    pub fn stored(&self) -> (String, File) {
        (self.store_path(), self.file("root"))
    }

    /// The copy for mongod and its unit.
    pub fn used(&self) -> (String, File) {
        (self.use_path(), self.file("mongodb"))
    }

    fn file(&self, owner: &str) -> File {
        File {
            mode: 0o400,
            owner: owner.to_owned(),
            group: owner.to_owned(),
            content: Content::Secret(self.clone()),
            restarts: None,
        }
    }
}
