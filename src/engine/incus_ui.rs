//! Turning Incus's own web interface on and off, and letting browsers in and out.

use anyhow::{Context, Result, bail};

use crate::browser::{Place, owner};
use crate::desired::incus_ui::{SHARED, certificate_name, marker_key};
use crate::incus::{Client, Settings};
use crate::plan::UiAction;

/// How often a change that met another change of the settings is tried again.
const TRIES: usize = 10;

/// Does one thing.
pub(super) async fn perform(client: &Client, action: &UiAction) -> Result<()> {
    let (topology, change) = match action {
        UiAction::Trust { topology } => return trust(client, topology).await,
        UiAction::Distrust { topology, fingerprint } => return distrust(client, topology, fingerprint).await,
        UiAction::TurnOn { topology, listen } => {
            let listen = listen.to_string();
            (topology, Change { from: None, to: Some(listen.clone()), noted: listen })
        }
        UiAction::TurnOff { topology, address } => {
            (topology, Change { from: Some(address.clone()), to: None, noted: String::new() })
        }
        UiAction::Share { topology, address } => {
            (topology, Change { from: Some(address.clone()), to: Some(address.clone()), noted: SHARED.to_owned() })
        }
        UiAction::Leave { topology, address } => {
            (topology, Change { from: address.clone(), to: address.clone(), noted: String::new() })
        }
    };
    change.make(client, &marker_key(client.project(), topology)).await
}

/// A change of the listener and of the note about it, which are written at once.
struct Change {
    /// The address when this was planned.
    from: Option<String>,
    /// The address from now on.
    to: Option<String>,
    /// The note from now on; empty for none.
    noted: String,
}

impl Change {
    async fn make(&self, client: &Client, key: &str) -> Result<()> {
        for _ in 0..TRIES {
            let settings = client.settings().await?;
            let seen = settings.https_address();
            if self.is_made(&settings, key) {
                // The answer to an earlier try was lost.
                return Ok(());
            }
            if seen != self.from.as_deref() {
                let seen = seen.unwrap_or("unset");
                bail!("somebody else changed `core.https_address` meanwhile: it is {seen}; run the same command again");
            }
            let address = (self.from != self.to).then(|| self.to.as_deref().unwrap_or_default());
            match client.change_settings(&settings, address, &[(key, &self.noted)]).await {
                Err(error) if error.is_precondition_failed() => {}
                result => return Ok(result?),
            }
        }
        bail!("the settings of Incus change too often; run the same command again")
    }

    fn is_made(&self, settings: &Settings, key: &str) -> bool {
        let noted = settings.config.get(key).map(String::as_str).unwrap_or_default();
        settings.https_address() == self.to.as_deref() && noted == self.noted
    }
}

async fn trust(client: &Client, topology: &str) -> Result<()> {
    let place = Place::of(topology)?;
    let made = tokio::task::spawn_blocking(move || match place.load() {
        Some(certificate) => Ok(certificate),
        None => place.make(&owner()),
    });
    let certificate = made.await.context("making the certificate broke off")??;
    match client.trust_certificate(&certificate_name(topology), &owner(), &certificate.der).await {
        Err(error) if error.is_conflict() => Ok(()),
        result => Ok(result?),
    }
}

/// The file goes first: as long as Incus trusts the certificate, this is planned again.
async fn distrust(client: &Client, topology: &str, fingerprint: &str) -> Result<()> {
    if let Ok(place) = Place::of(topology)
        && place.load().is_some_and(|certificate| certificate.fingerprint == fingerprint)
    {
        place.remove().with_context(|| format!("{} can't be removed", place.file().display()))?;
    }
    match client.distrust_certificate(fingerprint).await {
        Err(error) if error.is_not_found() => Ok(()),
        result => Ok(result?),
    }
}
