//! Client certificates that the daemon trusts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::{Client, Error, path};

/// A client certificate that the daemon trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// What it is called; several may have one name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The hex SHA-256 of the certificate.
    pub fingerprint: String,
}

impl Client {
    /// Lists the certificates that the daemon trusts.
    ///
    /// # Errors
    /// `is_forbidden` for a client that may not administer the daemon.
    pub async fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        let (list, _) = self.get::<Option<_>>(path(&["certificates"], &[("recursion", "1")])).await?;
        Ok(list.unwrap_or_default())
    }

    /// Lets the daemon trust a client certificate (DER) without limits.
    ///
    /// # Errors
    /// `is_conflict` where it trusts it already, under whatever name.
    pub async fn trust_certificate(&self, name: &str, description: &str, der: &[u8]) -> Result<(), Error> {
        let body = json!({"name": name, "description": description, "type": "client", "restricted": false,
            "certificate": STANDARD.encode(der)});
        self.perform(Call::new(Method::POST, path(&["certificates"], &[])).json(&body)).await.map(drop)
    }

    /// Lets the daemon trust a certificate no more.
    ///
    /// # Errors
    /// `is_not_found` where it doesn't trust it.
    pub async fn distrust_certificate(&self, fingerprint: &str) -> Result<(), Error> {
        self.perform(Call::new(Method::DELETE, path(&["certificates", fingerprint], &[]))).await.map(drop)
    }
}
