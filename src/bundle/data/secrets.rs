//! Secrets that a topology names, on their way into a bundle and out of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::desired::{Content, Desired, SecretKind, SecretName};
use crate::incus::Client;

/// The name of the piece that holds them.
pub const PIECE: &str = "secrets.json";

/// Reads them from the containers that keep them, as JSON: base64 by name.
///
/// # Errors
/// One that no container has.
pub async fn read(client: &Client, desired: &Desired) -> Result<Vec<u8>> {
    let mut places: BTreeMap<&SecretName, Vec<&String>> = BTreeMap::new();
    for (container, wanted) in &desired.containers {
        for file in wanted.files.values() {
            match &file.content {
                Content::Secret(name) if name.kind == SecretKind::Named => {
                    places.entry(name).or_default().push(container);
                }
                _ => {}
            }
        }
    }
    let mut secrets = BTreeMap::new();
    for (name, containers) in places {
        let mut found = None;
        for container in containers {
            let read = client.read_file(container, &name.store_path()).await;
            found = read.with_context(|| format!("the secret {name} can't be read from {container}"))?;
            if found.is_some() {
                break;
            }
        }
        let Some(value) = found else { bail!("the secret {name} is in no container: `distctl up` makes it") };
        secrets.insert(name.to_string(), STANDARD.encode(value));
    }
    Ok(serde_json::to_vec_pretty(&secrets)?)
}

/// Reads them out of a piece.
///
/// # Errors
/// What is no such piece.
pub fn parse(text: &[u8]) -> Result<BTreeMap<SecretName, Vec<u8>>> {
    let secrets: BTreeMap<String, String> = serde_json::from_slice(text).context("its secrets can't be read")?;
    let decoded = |(name, value): (String, String)| {
        let value = STANDARD.decode(value).with_context(|| format!("its secret {name} is damaged"))?;
        Ok((SecretName::named(&name), value))
    };
    secrets.into_iter().map(decoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_out_as_they_went_in() {
        let parsed = parse(br#"{"jwt":"c2VjcmV0AA=="}"#).expect("secrets");
        assert_eq!(parsed, BTreeMap::from([(SecretName::named("jwt"), b"secret\0".to_vec())]));
        assert!(parse(br#"{"jwt":"*"}"#).is_err_and(|error| !format!("{error:#}").contains('*')));
    }
}
