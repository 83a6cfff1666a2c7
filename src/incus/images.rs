//! Images: on the server itself, or on a remote that the server fetches them from.

use serde::Deserialize;
use serde_json::{Value, json};

use super::remote::Remotes;
use super::{Client, Error};

/// Where the image of a new instance comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An alias on the server itself.
    Alias(String),
    /// An alias on another server. The daemon fetches it, from its own network.
    Remote {
        /// The other server's address.
        server: String,
        /// `simplestreams`, `incus` or `oci`.
        protocol: String,
        /// The alias there.
        alias: String,
        /// The other server's certificate (PEM), where no authority vouches for it.
        certificate: Option<String>,
    },
}

impl Source {
    /// Gives it as the API wants it.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::Alias(alias) => json!({"type": "image", "alias": alias}),
            Self::Remote { server, protocol, alias, certificate } => json!({
                "type": "image", "mode": "pull", "server": server, "protocol": protocol, "alias": alias,
                "certificate": certificate.as_deref().unwrap_or_default(),
            }),
        }
    }
}

#[derive(Deserialize)]
struct Alias {
    target: String,
}

impl Client {
    /// Finds the fingerprint that an alias stands for; `None` where there is no such alias.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn image_alias(&self, alias: &str) -> Result<Option<String>, Error> {
        match self.get::<Alias>(self.path(&["images", "aliases", alias], &[])).await {
            Ok((found, _)) => Ok(Some(found.target)),
            Err(error) if error.is_not_found() && !error.is_project_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds a remote of the user's incus configuration to take an image from; `images` is always known.
    ///
    /// # Errors
    /// [`Error::UnknownRemote`]; [`Error::Config`] where it has no address that another server can reach.
    pub fn remote_image(&self, remote: &str, alias: &str) -> Result<Source, Error> {
        let remotes = Remotes::load(self.places())?;
        let found = remotes.get(remote)?;
        let reachable = found.addresses().into_iter().find(|address| address.starts_with("http"));
        let Some(server) = reachable else {
            let message = "has no address that the daemon could fetch images from".into();
            return Err(Error::Config { path: format!("remote {remote}").into(), message });
        };
        let certificate = match remotes.pinned(remote) {
            None => None,
            Some(path) => Some(std::fs::read_to_string(&path).map_err(|source| Error::HostFile { path, source })?),
        };
        Ok(Source::Remote { server, protocol: found.protocol().into(), alias: alias.into(), certificate })
    }
}
