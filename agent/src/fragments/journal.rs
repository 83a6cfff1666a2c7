//! What is written down of batches: in the collection's journal, in the same database as what it tells of.
//!
//! A batch on its way here is written down before its first document, with what it consists of. Where documents of a
//! batch were deleted, their identities are written down by the transaction that deletes them. So after a crash at any
//! moment it can be told whether a document that is no longer in its old place was moved, or deleted by somebody else.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, doc};
use protocol::{Failure, UnfinishedBatch, Version};

use super::document::{read_id, write_id};
use super::place::Place;

/// Writes down that documents are on their way here.
pub async fn begin(place: &Place, batch: &str, from: &str, documents: &[Version]) -> Result<(), Failure> {
    let listed = |version: &Version| Ok(doc! { "id": read_id(&version.id)?, "sha256": &version.sha256 }.into());
    let listed: Vec<Bson> = documents.iter().map(listed).collect::<Result<_, Failure>>()?;
    let entry = doc! { "_id": batch, "from": from, "at": DateTime::now(), "documents": listed };
    let journal = place.journal();
    place.trying(async || journal.replace_one(doc! { "_id": batch }, &entry).upsert(true).await).await.map(drop)
}

/// What is written down where documents were deleted.
pub fn removed(batch: &str, ids: &[Bson]) -> Document {
    doc! { "_id": batch, "at": DateTime::now(), "removed": ids }
}

/// The documents that a batch deleted here.
pub async fn removed_by(place: &Place, batch: &str) -> Result<Option<Vec<Bson>>, Failure> {
    let journal = place.journal();
    let entry = place.trying(async || journal.find_one(doc! { "_id": batch }).await).await?;
    Ok(entry.and_then(|entry| entry.get_array("removed").ok().cloned()))
}

/// Forgets a batch.
pub async fn forget(place: &Place, batch: &str) -> Result<(), Failure> {
    let journal = place.journal();
    place.trying(async || journal.delete_one(doc! { "_id": batch }).await).await.map(drop)
}

/// Lists batches that are written down, the oldest first.
pub async fn unfinished(place: &Place) -> Result<Vec<UnfinishedBatch>, Failure> {
    let journal = place.journal();
    let look = async || journal.find(doc! {}).sort(doc! { "at": 1 }).await?.try_collect::<Vec<Document>>().await;
    let entries = place.trying(look).await?;
    let damaged = |entry: &Document| Failure::new(&place.on, format!("has a damaged batch in its journal: {entry}"));
    entries.iter().map(|entry| read(entry).ok_or_else(|| damaged(entry))).collect()
}

fn read(entry: &Document) -> Option<UnfinishedBatch> {
    let listed = entry.get_array("documents").into_iter().flatten().map(|one| {
        let one = one.as_document()?;
        Some(Version { id: write_id(one.get("id")?.clone()).ok()?, sha256: one.get_str("sha256").ok()?.to_owned() })
    });
    Some(UnfinishedBatch {
        batch: entry.get_str("_id").ok()?.to_owned(),
        from: entry.get_str("from").ok().map(str::to_owned),
        documents: listed.collect::<Option<_>>()?,
    })
}
