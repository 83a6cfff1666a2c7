//! Looks at Incus's own web interface.

use crate::browser::{self, Place};
use crate::desired::Desired;
use crate::desired::incus_ui::{certificate_name, marker_key};
use crate::incus::{self, Client};
use crate::observed::{Holder, IncusUi, Part};

/// Looks at it if it is declared or was turned on for the topology: one request otherwise.
pub(super) async fn look(client: &Client, desired: &Desired) -> Result<Part<IncusUi>, incus::Error> {
    let settings = client.settings().await?;
    let noted = settings.config.get(&marker_key(client.project(), &desired.name)).filter(|text| !text.is_empty());
    if desired.incus_ui.is_none() && noted.is_none() {
        return Ok(Part::Absent);
    }
    let is_way_in = client.address().starts_with("https:");
    if is_way_in && settings.https_address().is_none() {
        // It came in by a listener that it is not shown: a client that is restricted to projects.
        return Ok(Part::Unreachable("Incus does not show its settings to this client".to_owned()));
    }
    let place = Place::of(&desired.name).ok();
    let browser = tokio::task::spawn_blocking(move || place.and_then(|place| place.load()));
    let (certificates, installed, browser) = tokio::join!(client.certificates(), client.has_web_interface(), browser);
    let certificates = match certificates {
        Err(error) if error.is_forbidden() => return Ok(Part::Unreachable(error.to_string())),
        certificates => certificates?,
    };
    let browser = browser.ok().flatten().map(|certificate| certificate.fingerprint);
    let (name, owner) = (certificate_name(&desired.name), browser::owner());
    // One that this user has trusted under a name of his own choice serves as well.
    let ours = certificates.into_iter().filter(|one| one.name == name || Some(&one.fingerprint) == browser.as_ref());
    let certificates = ours.map(|one| {
        let holder = if one.description == owner { Holder::Here } else { Holder::Elsewhere };
        (one.fingerprint, holder)
    });
    Ok(Part::Present(IncusUi {
        noted: noted.cloned(),
        address: settings.https_address().map(str::to_owned),
        is_way_in,
        installed: installed?,
        server: settings.fingerprint().to_owned(),
        certificates: certificates.collect(),
        browser,
    }))
}
