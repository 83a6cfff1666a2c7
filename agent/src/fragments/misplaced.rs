//! Documents that belong elsewhere, read whole.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::error::Result;
use mongodb::options::Hint;
use protocol::{Failure, FragmentReply, Id, MovingDocument};

use super::document::{Belongs, belongs, copied, key, read_id, version, write_id};
use super::place::Place;

/// How many identities and keys come in one answer of mongod.
const BATCH: u32 = 20_000;

/// Reads the next documents that belong elsewhere.
pub async fn read(
    place: &Place,
    after: Option<&Id>,
    documents: usize,
    bytes: usize,
) -> std::result::Result<FragmentReply, Failure> {
    let after = after.map(read_id).transpose()?;
    let ids = place.trying(async || next_ids(place, after.as_ref(), documents).await).await?;
    let mut moving = Vec::new();
    let (mut taken, mut last, mut size, mut largest) = (0, None, 0, 0);
    while taken < ids.len() {
        let some = &ids[taken..ids.len().min(taken + at_once(largest))];
        for document in place.trying(async || whole(place, some).await).await? {
            let length = document.as_bytes().len();
            largest = largest.max(length);
            if !moving.is_empty() && size + length > bytes {
                return Ok(FragmentReply::Misplaced { documents: moving, next: last });
            }
            size += length;
            if let Some(one) = leaving(place, &document)? {
                moving.push(one);
            }
            last = Some(version(&document).map_err(|why| Failure::new(&place.on, why))?.id);
        }
        taken += some.len();
    }
    // Nothing is behind what was not even asked for in full.
    let last = ids.last().filter(|_| taken == documents).cloned();
    let next = last.map(write_id).transpose().map_err(|why| Failure::new(&place.on, why))?;
    Ok(FragmentReply::Misplaced { documents: moving, next })
}

/// How many documents to ask for at once, by the size of the largest one so far: few before any is known, since one may
/// have 16 MB, and as many as a mebibyte holds when they are small. Each question costs a round trip.
fn at_once(largest: usize) -> usize {
    const FEW: usize = 8;
    const MANY: usize = 250;
    const ROOM: usize = 1 << 20;
    ROOM.checked_div(largest).map_or(FEW, |many| many.clamp(FEW, MANY))
}

/// Identities of documents that belong elsewhere, in their order, across all types.
async fn next_ids(place: &Place, after: Option<&Bson>, limit: usize) -> Result<Vec<Bson>> {
    let mut fields = doc! { "_id": 1 };
    fields.insert(&place.rule.key, 1);
    let collection = place.documents();
    let mut find = collection.find(Document::new()).projection(fields).sort(doc! { "_id": 1 });
    find = find.hint(Hint::Keys(doc! { "_id": 1 })).batch_size(BATCH);
    if let Some(after) = after {
        find = find.min(doc! { "_id": after });
    }
    let mut cursor = find.batch().await?;
    let mut ids = Vec::new();
    while let Some(batch) = cursor.next().await {
        for document in batch?.doc_slices()? {
            let Some(document) = document?.as_document() else { continue };
            let id = document.get("_id")?.and_then(|id| Bson::try_from(id).ok());
            let Some(id) = id.filter(|id| is_elsewhere(place, document) && Some(id) != after) else { continue };
            ids.push(id);
            if ids.len() == limit {
                return Ok(ids);
            }
        }
    }
    Ok(ids)
}

fn is_elsewhere(place: &Place, document: &RawDocument) -> bool {
    matches!(belongs(&place.rule, key(document, &place.rule.key)), Belongs::To(on, _) if on != place.on)
}

async fn whole(place: &Place, ids: &[Bson]) -> Result<Vec<RawDocumentBuf>> {
    let mut documents = Vec::with_capacity(ids.len());
    let mut cursor = place.documents().find(doc! { "_id": { "$in": ids } }).sort(doc! { "_id": 1 }).await?;
    while cursor.advance().await? {
        documents.push(cursor.current().to_owned());
    }
    Ok(documents)
}

/// A document as it is sent; `None` if it was changed meanwhile and belongs here now.
fn leaving(place: &Place, document: &RawDocument) -> std::result::Result<Option<MovingDocument>, Failure> {
    let seen = copied(&place.rule, document).map_err(|why| Failure::new(&place.on, why))?;
    let leaves = seen.belongs.as_ref().is_some_and(|on| *on != place.on);
    Ok(leaves.then(|| MovingDocument { seen, bson: BASE64_STANDARD.encode(document.as_bytes()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_documents_are_asked_for_many_at_once_and_large_ones_few() {
        assert_eq!([0, 200, 5_000, 1 << 20, 16 << 20].map(at_once), [8, 250, 209, 8, 8]);
    }
}
