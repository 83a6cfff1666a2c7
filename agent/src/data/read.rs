//! Reading collections whole, with memory for one answer of mongod at a time.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use mongodb::bson::{Document, Timestamp, doc};
use protocol::{ClusterTime, Collection, CollectionKind, DataPart, Failure, Holds, Line};

use super::{Place, catalog, stored};
use crate::call::pass_on;

/// How many bytes go into one line; base64 makes a third more of them.
const PART: usize = 768 << 10;

/// Reads collections one after the other; views have nothing to read.
pub async fn all(place: &Place, at: Option<ClusterTime>, collections: &[Collection]) -> Result<(), Failure> {
    for collection in collections.iter().filter(|one| one.kind != CollectionKind::View) {
        send(&DataPart::Begin(collection.name.clone()))?;
        let holds = one(place, at, collection).await?;
        is_still_there(place, collection).await?;
        send(&DataPart::End(holds))?;
    }
    Ok(())
}

async fn one(place: &Place, at: Option<ClusterTime>, collection: &Collection) -> Result<Holds, Failure> {
    let name = collection.name.to_string();
    let failed = |error| place.failure(&name, error);
    let mut cursor = place.open(&name, &collection.name.database, question(at, collection)).await?;
    let (mut holds, mut part) = (Holds::default(), Vec::with_capacity(PART));
    while let Some(batch) = cursor.next().await {
        let batch = batch.map_err(failed)?;
        for document in batch.doc_slices().map_err(failed)? {
            let document = document.map_err(|error| failed(error.into()))?;
            let Some(document) = document.as_document() else { continue };
            let mut bytes = document.as_bytes();
            holds.documents += 1;
            holds.bytes += bytes.len() as u64;
            while !bytes.is_empty() {
                let (now, later) = bytes.split_at(bytes.len().min(PART - part.len()));
                part.extend_from_slice(now);
                bytes = later;
                if part.len() == PART {
                    send(&DataPart::Bytes(BASE64_STANDARD.encode(&part)))?;
                    part.clear();
                }
            }
        }
    }
    if !part.is_empty() {
        send(&DataPart::Bytes(BASE64_STANDARD.encode(&part)))?;
    }
    Ok(holds)
}

/// In the order in which mongod keeps them: that of a capped collection counts.
fn question(at: Option<ClusterTime>, collection: &Collection) -> Document {
    let mut command = doc! { "find": stored(collection.kind, &collection.name).collection, "filter": Document::new() };
    if let Some(ClusterTime { time, increment }) = at {
        let at = Timestamp { time, increment };
        command.insert("readConcern", doc! { "level": "snapshot", "atClusterTime": at });
    }
    command
}

/// One that was dropped since reads as if it had been empty; that must not pass.
async fn is_still_there(place: &Place, collection: &Collection) -> Result<(), Failure> {
    let name = &collection.name;
    let listed = catalog::listed(place, &name.database, doc! { "name": &name.collection }).await?;
    if listed.first().is_some_and(|listed| catalog::uuid(listed) == collection.uuid) {
        return Ok(());
    }
    Err(Failure::new(format!("{name} on {}", place.on), "was dropped or renamed while it was read")
        .with_hint("export again when nobody does that"))
}

fn send(part: &DataPart) -> Result<(), Failure> {
    let said = serde_json::to_string(part).map_err(std::io::Error::from);
    let said = said.and_then(|text| pass_on(&Line::Part(text)));
    said.map_err(|error| Failure::new("distctl-agent", format!("nobody takes what is read: {error}")))
}
