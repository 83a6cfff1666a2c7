//! Networks, and the addresses that are taken.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answer::nullable;
use super::call::Call;
use super::{Client, Error, path};

/// A network of the daemon, or an interface of its host (`managed` is false then).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// `bridge` for those that distctl makes.
    #[serde(rename = "type")]
    pub type_: String,
    /// Free text.
    pub description: String,
    /// Its configuration.
    #[serde(deserialize_with = "nullable")]
    pub config: BTreeMap<String, String>,
    /// The daemon made it and may change it.
    pub managed: bool,
    /// `Created`, `Pending`, `Errored`.
    pub status: String,
    /// Paths of what uses it, `/1.0/instances/db1?project=web` for instance.
    #[serde(deserialize_with = "nullable")]
    pub used_by: Vec<String>,
    /// Its version, for [`Client::update_network`].
    #[serde(skip)]
    pub etag: Option<String>,
}

/// An address that is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Allocation {
    /// The address with its prefix length, `10.10.10.200/32`.
    #[serde(rename = "addresses")]
    pub address: String,
    /// The path of what has it.
    pub used_by: String,
    /// `instance`, `network`, `network-forward`.
    #[serde(rename = "type")]
    pub type_: String,
}

impl Client {
    /// Reads a network.
    ///
    /// # Errors
    /// `is_not_found` where there is none of that name.
    pub async fn network(&self, name: &str) -> Result<Network, Error> {
        let (network, etag) = self.get(self.path(&["networks", name], &[])).await?;
        Ok(Network { etag, ..network })
    }

    /// Makes a bridge.
    ///
    /// # Errors
    /// `is_conflict` where the name is taken, `is_address_in_use` where the subnet is on the host already.
    pub async fn create_network(
        &self,
        name: &str,
        description: &str,
        config: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let body = json!({"name": name, "type": "bridge", "description": description, "config": config});
        self.perform(Call::new(Method::POST, self.path(&["networks"], &[])).json(&body)).await.map(drop)
    }

    /// Replaces the configuration and description of a network that was read before.
    ///
    /// # Errors
    /// `is_precondition_failed` where it changed since.
    pub async fn update_network(&self, network: &Network) -> Result<(), Error> {
        let body = json!({"config": network.config, "description": network.description});
        let call = Call::new(Method::PUT, self.path(&["networks", &network.name], &[])).json(&body);
        self.perform(call.if_match(network.etag.as_deref())).await.map(drop)
    }

    /// Deletes a network.
    ///
    /// # Errors
    /// `is_in_use` where an instance or a profile still uses it.
    pub async fn delete_network(&self, name: &str) -> Result<(), Error> {
        self.perform(Call::new(Method::DELETE, self.path(&["networks", name], &[]))).await.map(drop)
    }

    /// Lists the addresses that are reserved or leased, in all projects; those of stopped instances too.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn allocations(&self) -> Result<Vec<Allocation>, Error> {
        let all = path(&["network-allocations"], &[("all-projects", "true")]);
        let (list, _) = self.get::<Option<Vec<Allocation>>>(all).await?;
        Ok(list.unwrap_or_default())
    }
}
