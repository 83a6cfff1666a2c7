//! Brings the documents of a fragmented collection in order, and writes down for which rule that was done.

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{FileContent, FileWrite, Request, WriteRequest};

use crate::desired::Fragmented;
use crate::fragments::Agents;
use crate::fragments::mover::Mover;
use crate::guest::{self, Guests};

/// How many documents that can't be moved are named.
const NAMED: usize = 3;

/// Moves all documents that belong elsewhere. The marker is written only when none is left.
pub(super) async fn bring_in_order(
    guests: &Guests,
    fragmented: &Fragmented,
    progress: impl FnMut(String) + Send,
) -> Result<()> {
    let agents = Agents::new(guests.clone(), fragmented);
    let moved = Mover::new(&agents, fragmented.homes.keys().cloned(), progress).bring_in_order().await?;
    if !moved.left.is_empty() {
        let named: Vec<String> =
            moved.left.iter().take(NAMED).map(|one| format!("{} on {}: {}", one.id, one.on, one.why)).collect();
        bail!(
            "{} documents can't be moved ({}); `distctl fragmentation-check {}` lists what is amiss",
            moved.left.len(),
            named.join("; "),
            fragmented.name
        );
    }
    let (container, path) = &fragmented.marker;
    let content = FileContent::Inline(STANDARD.encode(fragmented.marked()));
    let (owner, group) = ("root".to_owned(), "root".to_owned());
    let file = FileWrite { path: path.clone(), mode: 0o644, owner, group, content };
    let write = Request::Write(WriteRequest { files: vec![file], ..WriteRequest::default() });
    guest::call(guests, container, &write, |_| {}).await?;
    Ok(())
}
