//! Where the agent can be run in a guest, for what calls it by its path.

use super::Guests;
use crate::incus::Error;

/// Prints the first of some programs that runs.
const FIRST: &str = "for one do \"$one\" --version >/dev/null 2>&1 && echo \"$one\" && exit; done; true";

/// Gives the path of an agent that runs in a container. One that isn't there yet is placed first, where it changes
/// nothing of the system.
///
/// # Errors
/// Why the guest can't be asked, or the agent not be placed.
pub async fn find(guests: &Guests, container: &str) -> Result<String, Error> {
    let (installed, passing) = (guests.agent.installed_path(), guests.agent.passing_path());
    let found = guests.client.run(container, &["sh", "-c", FIRST, "sh", &installed, &passing], Vec::new()).await?;
    let path = String::from_utf8_lossy(&found.stdout).trim().to_string();
    if !path.is_empty() {
        return Ok(path);
    }
    guests.agent.place(&guests.client, container).await?;
    Ok(passing)
}
