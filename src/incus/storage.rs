//! Where instances are stored, and the profile that says so.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::nullable;
use super::instances::Devices;
use super::{Client, Error, path};

/// A storage pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// `btrfs`, `zfs`, `dir`, ...
    pub driver: String,
    /// `Created`, `Pending`, `Errored`, `Unavailable`.
    pub status: String,
}

/// A profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its devices.
    #[serde(deserialize_with = "nullable")]
    pub devices: Devices,
}

impl Profile {
    /// Names the pool of its root disk.
    pub fn root_pool(&self) -> Option<&str> {
        root_of(&self.devices)?.get("pool").map(String::as_str)
    }
}

/// Finds the root disk among devices.
pub fn root_of(devices: &Devices) -> Option<&BTreeMap<String, String>> {
    let is_root = |device: &&BTreeMap<String, String>| {
        device.get("type").is_some_and(|kind| kind == "disk") && device.get("path").is_some_and(|path| path == "/")
    };
    devices.values().find(is_root)
}

impl Client {
    /// Reads a storage pool.
    ///
    /// # Errors
    /// `is_not_found` where there is none of that name.
    pub async fn pool(&self, name: &str) -> Result<Pool, Error> {
        Ok(self.get(path(&["storage-pools", name], &[])).await?.0)
    }

    /// Reads how full a storage pool is.
    ///
    /// # Errors
    /// `is_not_found` where there is none of that name.
    pub async fn pool_space(&self, name: &str) -> Result<Space, Error> {
        let (resources, _): (Resources, _) = self.get(path(&["storage-pools", name, "resources"], &[])).await?;
        Ok(resources.space)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// `is_not_found` where there is none of that name.
    pub async fn profile(&self, name: &str) -> Result<Profile, Error> {
        Ok(self.get(self.path(&["profiles", name], &[])).await?.0)
    }
}

/// How full a pool is, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Space {
    /// What is used.
    pub used: u64,
    /// What there is in all.
    pub total: u64,
}

impl Space {
    /// What is free.
    pub fn free(self) -> u64 {
        self.total.saturating_sub(self.used)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resources {
    space: Space,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_disk_is_told_by_its_path() {
        let text = r#"{"name": "default", "devices": {"data": {"type": "disk", "path": "/srv", "pool": "slow"},
                       "root": {"type": "disk", "path": "/", "pool": "fast"}}}"#;
        let profile: Profile = serde_json::from_str(text).unwrap();
        assert_eq!(profile.root_pool(), Some("fast"));
        assert_eq!(Profile::default().root_pool(), None);
    }
}
