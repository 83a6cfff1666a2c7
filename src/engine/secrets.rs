//! Secrets on their way into guests: read from a guest that has them, brought along or made anew, and kept in memory only.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use rand::distr::Alphanumeric;
use tokio::sync::OnceCell;

use crate::desired::{SecretKind, SecretName};
use crate::incus::Client;
use crate::plan::SecretSource;

/// The bytes of a keyfile before base64: as many as make the 1,024 characters that mongod reads at most.
const KEYFILE_BYTES: usize = 567;

/// The length of a password: 32 letters and digits are 190 bits.
const PASSWORD_LENGTH: usize = 32;

/// The secrets that a plan needs.
pub(super) struct Secrets {
    known: BTreeMap<SecretName, Secret>,
    given: Given,
}

/// Secrets that were brought along from elsewhere, for those that nobody has here.
pub type Given = Arc<BTreeMap<SecretName, Vec<u8>>>;

/// Where a secret comes from, and its value once somebody has asked for it.
struct Secret {
    source: SecretSource,
    value: OnceCell<Vec<u8>>,
}

impl Secrets {
    pub fn new(sources: &BTreeMap<SecretName, SecretSource>, given: Given) -> Self {
        let unread = |source: &SecretSource| Secret { source: source.clone(), value: OnceCell::new() };
        Self { known: sources.iter().map(|(name, source)| (name.clone(), unread(source))).collect(), given }
    }

    /// The value of a secret, the same at every call.
    pub async fn get(&self, client: &Client, name: &SecretName) -> Result<Vec<u8>> {
        let Some(secret) = self.known.get(name) else {
            bail!("the plan does not say where the secret {name} comes from");
        };
        let value = secret.value.get_or_try_init(|| async {
            match &secret.source {
                SecretSource::Generate => Ok(self.given.get(name).cloned().unwrap_or_else(|| generate(&name.kind))),
                SecretSource::Guest { container, path } => client
                    .read_file(container, path)
                    .await?
                    .with_context(|| format!("the secret {name} has gone from {path} in {container}")),
            }
        });
        value.await.cloned()
    }
}

/// A new secret that nobody guesses.
pub fn generate(kind: &SecretKind) -> Vec<u8> {
    let mut rng = rand::rng();
    match kind {
        SecretKind::Keyfile => {
            let mut bytes = [0_u8; KEYFILE_BYTES];
            rng.fill(&mut bytes[..]);
            STANDARD.encode(bytes).into_bytes()
        }
        SecretKind::Password(_) | SecretKind::Named => rng.sample_iter(&Alphanumeric).take(PASSWORD_LENGTH).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyfile_is_what_mongod_takes() {
        let key = generate(&SecretKind::Keyfile);
        assert!(key.len() >= 6 && key.len() <= 1024, "{} characters", key.len());
        assert_ne!(key, generate(&SecretKind::Keyfile));
    }

    #[test]
    fn a_password_needs_no_quoting() {
        let password = generate(&SecretKind::Password("admin".into()));
        assert_eq!(password.len(), PASSWORD_LENGTH);
        assert!(password.iter().all(u8::is_ascii_alphanumeric));
    }
}
