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
    let is_about_proxy = error.to_string().contains("proxy device");
    // Where this can't be told either, the first error says enough.
    let cause = if is_about_proxy { taken(client, container).await } else { log_end(client, container).await };
    let error = Error::from(error);
    Err(match cause {
        Some(cause) => error.context(cause),
        None => error,
    })
}

/// A proxy device is not in the log, and Incus does not always say which address it could not have.
async fn taken(client: &Client, container: &str) -> Option<String> {
    let devices = client.instance(container).await.ok()?.devices;
    let listens: Vec<String> = devices.into_values().filter_map(|mut device| device.remove("listen")).collect();
    let cause = || format!("another program may have an address on the host that it needs: {}", listens.join(", "));
    (!listens.is_empty()).then(cause)
}

async fn log_end(client: &Client, container: &str) -> Option<String> {
    let log = client.instance_log(container).await.ok()?;
    let lines: Vec<&str> = log.lines().collect();
    let end = lines.get(lines.len().saturating_sub(LINES)..)?.join(" | ");
    (!end.is_empty()).then(|| format!("its log ends with: {end}"))
}
