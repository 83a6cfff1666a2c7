//! Snapshots of instances, and copies made from them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answer::nullable;
use super::call::Call;
use super::instances::Devices;
use super::{Client, Error};

/// How an instance was at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Its name, without the instance's.
    pub name: String,
    /// When it was taken, as RFC 3339 has it.
    pub created_at: String,
    /// The instance's configuration then.
    #[serde(deserialize_with = "nullable")]
    pub config: BTreeMap<String, String>,
}

impl Client {
    /// Lists the snapshots of an instance.
    ///
    /// # Errors
    /// `is_not_found` where the instance is missing.
    pub async fn snapshots(&self, instance: &str) -> Result<Vec<Snapshot>, Error> {
        let path = self.path(&["instances", instance, "snapshots"], &[("recursion", "1")]);
        let list: Option<Vec<Snapshot>> = self.get(path).await?.0;
        Ok(list.unwrap_or_default())
    }

    /// Takes a snapshot, without memory. On `dir` and `lvm` that copies the whole disk, frozen meanwhile.
    ///
    /// # Errors
    /// The daemon's own where the name is taken.
    pub async fn create_snapshot(&self, instance: &str, name: &str) -> Result<(), Error> {
        let path = self.path(&["instances", instance, "snapshots"], &[]);
        let call = Call::new(Method::POST, path).json(&json!({ "name": name, "stateful": false }));
        self.perform(call).await.map(drop)
    }

    /// Deletes a snapshot.
    ///
    /// # Errors
    /// `is_not_found` where there is none.
    pub async fn delete_snapshot(&self, instance: &str, name: &str) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, self.path(&["instances", instance, "snapshots", name], &[]));
        self.perform_when_free(call).await.map(drop)
    }

    /// Makes an instance what a snapshot holds, its configuration and devices included.
    ///
    /// # Errors
    /// The daemon's own where there is no such snapshot.
    pub async fn restore_snapshot(&self, instance: &str, name: &str) -> Result<(), Error> {
        let call = Call::new(Method::PUT, self.path(&["instances", instance], &[])).json(&json!({ "restore": name }));
        self.perform_when_free(call).await.map(drop)
    }

    /// Makes a stopped instance from a snapshot of another. What `config` and `devices` name is theirs, all else the
    /// snapshot's.
    ///
    /// # Errors
    /// `is_conflict` where the name is taken.
    pub async fn copy_snapshot(
        &self,
        (instance, snapshot): (&str, &str),
        copy: &str,
        config: &BTreeMap<String, String>,
        devices: &Devices,
    ) -> Result<(), Error> {
        let body = json!({
            "name": copy, "type": "container", "config": config, "devices": devices,
            "source": { "type": "copy", "source": format!("{instance}/{snapshot}"), "instance_only": true },
        });
        self.perform(Call::new(Method::POST, self.path(&["instances"], &[])).json(&body)).await.map(drop)
    }
}
