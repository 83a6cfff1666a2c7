//! Instances: read, made, changed and deleted. Starting and stopping is in [`state`](super::state).

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answer::nullable;
use super::call::Call;
use super::images::Source;
use super::state::InstanceState;
use super::{Client, Error};

/// Devices by name, each a map of its settings.
pub type Devices = BTreeMap<String, BTreeMap<String, String>>;

/// A container (or a virtual machine, which distctl leaves alone).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// `container` or `virtual-machine`.
    #[serde(rename = "type")]
    pub type_: String,
    /// What it is doing.
    pub status: Status,
    /// Its own configuration, `volatile.*` included.
    #[serde(deserialize_with = "nullable")]
    pub config: BTreeMap<String, String>,
    /// Its own devices.
    #[serde(deserialize_with = "nullable")]
    pub devices: Devices,
    /// Its configuration with that of its profiles.
    #[serde(deserialize_with = "nullable")]
    pub expanded_config: BTreeMap<String, String>,
    /// Its devices with those of its profiles.
    #[serde(deserialize_with = "nullable")]
    pub expanded_devices: Devices,
    /// Its profiles, later ones override.
    #[serde(deserialize_with = "nullable")]
    pub profiles: Vec<String>,
    /// Free text.
    pub description: String,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// It is deleted when it stops.
    pub ephemeral: bool,
    /// It keeps its memory over a stop.
    pub stateful: bool,
    /// The cluster member it is on; `none` without a cluster.
    pub location: String,
    /// Its state, where it was asked for.
    pub state: Option<InstanceState>,
    /// Its version, for [`Client::update_instance`]. Starting and stopping change it too.
    #[serde(skip)]
    pub etag: Option<String>,
}

/// What an instance is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Status {
    /// It runs.
    Running,
    /// It does not run.
    #[default]
    Stopped,
    /// It is frozen: its processes get no time.
    Frozen,
    /// Anything else: `Error` where its cluster member is offline.
    Other(String),
}

impl From<String> for Status {
    fn from(text: String) -> Self {
        match text.as_str() {
            // "Ready" is running, with a guest that said so.
            "Running" | "Ready" => Self::Running,
            "Stopped" => Self::Stopped,
            "Frozen" => Self::Frozen,
            _ => Self::Other(text),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("Running"),
            Self::Stopped => f.write_str("Stopped"),
            Self::Frozen => f.write_str("Frozen"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// A container to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstance {
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its configuration, owner keys included: they must be there from the first moment.
    pub config: BTreeMap<String, String>,
    /// Its devices.
    pub devices: Devices,
    /// Its profiles; those of the image, else `default`, where it is `None`.
    pub profiles: Option<Vec<String>>,
    /// Its image.
    pub source: Source,
}

impl Client {
    /// Lists the project's instances without their state.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn instances(&self) -> Result<Vec<Instance>, Error> {
        let (list, _) = self.get::<Option<_>>(self.path(&["instances"], &[("recursion", "1")])).await?;
        Ok(list.unwrap_or_default())
    }

    /// Lists the project's instances with their state, which makes the daemon enter each of them.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn instances_with_state(&self) -> Result<Vec<Instance>, Error> {
        let path = self.path(&["instances"], &[("recursion", "2")]);
        let call = Call::new(Method::GET, path).within(Duration::from_secs(120));
        let list: Option<_> = self.send(&call).await?.done(&call)?;
        Ok(list.unwrap_or_default())
    }

    /// Reads an instance.
    ///
    /// # Errors
    /// `is_not_found` where there is none of that name.
    pub async fn instance(&self, name: &str) -> Result<Instance, Error> {
        let (instance, etag) = self.get(self.path(&["instances", name], &[])).await?;
        Ok(Instance { etag, ..instance })
    }

    /// Makes a container and leaves it stopped.
    ///
    /// # Errors
    /// `is_conflict` where the name is taken, `is_image_unavailable`. Addresses are not checked until it starts.
    pub async fn create_instance(&self, new: &NewInstance) -> Result<(), Error> {
        let mut body = json!({
            "name": new.name, "type": "container", "description": new.description,
            "config": new.config, "devices": new.devices, "source": new.source.body(),
        });
        if let Some(profiles) = &new.profiles {
            body["profiles"] = json!(profiles);
        }
        self.perform(Call::new(Method::POST, self.path(&["instances"], &[])).json(&body)).await.map(drop)
    }

    /// Sets (`Some`) and unsets (`None`) configuration keys and adds or replaces whole devices; other keys stay.
    ///
    /// The description has to be given again: Incus up to 6.0.5 clears it otherwise.
    ///
    /// # Errors
    /// `is_conflict` where an address is taken. A busy instance is waited for.
    pub async fn patch_instance(
        &self,
        name: &str,
        config: &BTreeMap<String, Option<String>>,
        devices: &Devices,
        description: &str,
    ) -> Result<(), Error> {
        // An empty value unsets a key.
        let body = json!({"config": config.iter().map(|(key, value)| (key, value.as_deref().unwrap_or_default()))
            .collect::<BTreeMap<_, _>>(), "devices": devices, "description": description});
        let call = Call::new(Method::PATCH, self.path(&["instances", name], &[])).json(&body);
        self.perform_when_free(call).await.map(drop)
    }

    /// Replaces all that can be set of an instance that was read before.
    ///
    /// # Errors
    /// `is_precondition_failed` where it changed since. A busy instance is waited for.
    pub async fn update_instance(&self, instance: &Instance) -> Result<(), Error> {
        let body = json!({
            "architecture": instance.architecture, "config": instance.config, "devices": instance.devices,
            "ephemeral": instance.ephemeral, "profiles": instance.profiles, "stateful": instance.stateful,
            "description": instance.description,
        });
        let call = Call::new(Method::PUT, self.path(&["instances", &instance.name], &[])).json(&body);
        self.perform_when_free(call.if_match(instance.etag.as_deref())).await.map(drop)
    }

    /// Gives a stopped instance another name; its snapshots and volumes go with it.
    ///
    /// # Errors
    /// `is_conflict` where the name is taken, `is_running` where it is not stopped.
    pub async fn rename_instance(&self, name: &str, to: &str) -> Result<(), Error> {
        let call = Call::new(Method::POST, self.path(&["instances", name], &[])).json(&json!({ "name": to }));
        match self.perform_when_free(call).await {
            Err(lost @ Error::OperationLost { .. }) => match self.instance(name).await {
                Err(error) if error.is_not_found() => Ok(()),
                _ => Err(lost),
            },
            result => result.map(drop),
        }
    }

    /// Deletes a stopped instance with its snapshots and backups.
    ///
    /// # Errors
    /// `is_running` where it is not stopped, `is_not_found` where it is gone already.
    pub async fn delete_instance(&self, name: &str) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, self.path(&["instances", name], &[]));
        match self.perform_when_free(call).await {
            Err(lost @ Error::OperationLost { .. }) => match self.instance(name).await {
                Err(error) if error.is_not_found() => Ok(()),
                _ => Err(lost),
            },
            result => result.map(drop),
        }
    }
}
