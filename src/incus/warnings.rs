//! What the daemon itself finds amiss with its host.

use serde::Deserialize;

use super::{Client, Error, path};

/// Something that the daemon warns of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Warning {
    /// What kind it is: `Couldn't find the CGroup memory controller`.
    #[serde(rename = "type")]
    pub type_: String,
    /// What follows from it.
    pub last_message: String,
    /// `low`, `moderate`, `high`.
    pub severity: String,
    /// `new`, `acknowledged`, `resolved`.
    pub status: String,
}

impl Client {
    /// Lists what the daemon warns of, in all projects.
    ///
    /// # Errors
    /// `is_forbidden` for a client that may not administer the daemon.
    pub async fn warnings(&self) -> Result<Vec<Warning>, Error> {
        let (list, _) = self.get::<Option<_>>(path(&["warnings"], &[("recursion", "1")])).await?;
        Ok(list.unwrap_or_default())
    }
}
