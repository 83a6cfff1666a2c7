//! Starting a container, with the cause if it does not start.

use anyhow::{Error, Result};

use crate::incus::Client;

/// How many lines of its log explain that a container did not start.
const LINES: usize = 5;

/// Starts a container. Incus itself says little of why one does not start: what it knows besides is added.
///
/// # Errors
/// Where it does not start.
pub async fn start(client: &Client, container: &str) -> Result<()> {
    let Err(error) = client.start_instance(container).await else { return Ok(()) };
    let taken = if error.to_string().contains("proxy device") { taken(client, container).await } else { None };
    let causes: Vec<String> = taken.into_iter().chain(log_end(client, container).await).collect();
    let error = Error::from(error);
    // Where nothing more is known the first error says enough.
    Err(if causes.is_empty() { error } else { error.context(causes.join("; ")) })
}

/// Incus says which address a proxy device could not have only if its helper has written that in time; no API gives the
/// helper's own log.
async fn taken(client: &Client, container: &str) -> Option<String> {
    let devices = client.instance(container).await.ok()?.devices;
    let listens: Vec<String> = devices.into_values().filter_map(|mut device| device.remove("listen")).collect();
    let cause = || format!("is an address already in use? It listens on the host at {}", listens.join(", "));
    (!listens.is_empty()).then(cause)
}

async fn log_end(client: &Client, container: &str) -> Option<String> {
    let log = client.instance_log(container).await.ok()?;
    let lines: Vec<&str> = log.lines().collect();
    let end = lines.get(lines.len().saturating_sub(LINES)..)?.join(" | ");
    (!end.is_empty()).then(|| format!("its log ends with: {end}"))
}
