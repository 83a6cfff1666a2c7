//! The daemon's own settings, and its web interface.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::answer::nullable;
use super::call::Call;
use super::{Client, Error, path};

/// Where the daemon listens for HTTPS.
const HTTPS_ADDRESS: &str = "core.https_address";

/// The daemon's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Its configuration, `user.*` keys included; empty for a client that may not administer it.
    #[serde(deserialize_with = "nullable")]
    pub config: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    environment: Environment,
    /// Its version, for [`Client::change_settings`].
    #[serde(skip)]
    pub etag: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Environment {
    certificate_fingerprint: String,
}

impl Settings {
    /// Where it listens for HTTPS, as somebody wrote it.
    pub fn https_address(&self) -> Option<&str> {
        self.config.get(HTTPS_ADDRESS).map(String::as_str).filter(|address| !address.is_empty())
    }

    /// The hex SHA-256 of the certificate that it shows.
    pub fn fingerprint(&self) -> &str {
        &self.environment.certificate_fingerprint
    }
}

impl Client {
    /// Reads the daemon's settings.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn settings(&self) -> Result<Settings, Error> {
        let (settings, etag) = self.get(path(&[], &[])).await?;
        Ok(Settings { etag, ..settings })
    }

    /// Sets keys of settings that were read before; an empty text unsets one. `https` is where to listen, where that
    /// is to change.
    ///
    /// # Errors
    /// `is_precondition_failed` where they changed since; `is_address_in_use` where it can't listen, which leaves the
    /// address unset and the other keys set.
    pub async fn change_settings(
        &self,
        seen: &Settings,
        https: Option<&str>,
        keys: &[(&str, &str)],
    ) -> Result<(), Error> {
        let https = https.map(|address| (HTTPS_ADDRESS, address));
        let config: BTreeMap<&str, &str> = keys.iter().copied().chain(https).collect();
        // PUT would replace everything, and lose keys of the member even where it is refused (6.0.4).
        let call = Call::new(Method::PATCH, path(&[], &[])).json(&json!({"config": config}));
        self.perform(call.if_match(seen.etag.as_deref())).await.map(drop)
    }

    /// Tells whether the daemon has the web interface: it then serves its files on every door, this one too.
    ///
    /// # Errors
    /// Those of every read, but for that it is not there.
    pub async fn has_web_interface(&self) -> Result<bool, Error> {
        let call = Call::new(Method::GET, "/ui/".into());
        let status = self.transport().send(&call).await?.status;
        Ok(status == StatusCode::OK)
    }
}
