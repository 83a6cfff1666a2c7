//! Documents that arrive: written where none of their identity is, and read back.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, RawDocumentBuf, doc};
use mongodb::error::{ErrorKind, InsertManyError, Result};
use protocol::{Failure, Fate, Id, MovingDocument, Version};

use super::document::{copied, read_id, version};
use super::journal;
use super::place::{Place, is_short_of_room};

/// Writes the batch down, then its documents, and says of each what a majority of the set has then.
pub async fn copy(
    place: &Place,
    batch: &str,
    from: &str,
    documents: &[MovingDocument],
) -> std::result::Result<Vec<Fate>, Failure> {
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    let versions: Vec<Version> = documents.iter().map(|one| one.seen.version.clone()).collect();
    let raw: Vec<RawDocumentBuf> = documents.iter().map(decoded).collect::<std::result::Result<_, _>>()?;
    place.prepare().await?;
    journal::begin(place, batch, from, &versions).await?;
    let refused = place.trying(async || insert(place, &raw).await).await?;
    // One of another identity may have the same value where an index wants it to be unique: then it is not there.
    let found = fates(place, &versions, Vec::new).await?;
    let judged = found.into_iter().enumerate().map(|(index, fate)| match (fate, refused.get(&index)) {
        (Fate::Gone, Some(why)) => Fate::Refused(why.clone()),
        (Fate::Here, _) => Fate::Done,
        (fate, _) => fate,
    });
    Ok(judged.collect())
}

fn decoded(one: &MovingDocument) -> std::result::Result<RawDocumentBuf, Failure> {
    let damaged = |why: String| Failure::new("distctl-agent", format!("was sent a damaged document: {why}"));
    let bytes = BASE64_STANDARD.decode(&one.bson).map_err(|error| damaged(error.to_string()))?;
    let document = RawDocumentBuf::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
    match version(&document) {
        Ok(version) if version == one.seen.version => Ok(document),
        Ok(_) => Err(damaged("it is not the one that was read".into())),
        Err(why) => Err(damaged(why)),
    }
}

/// Writes what is not there; gives the documents that the database does not take, with its reasons.
async fn insert(place: &Place, documents: &[RawDocumentBuf]) -> Result<HashMap<usize, String>> {
    let Err(error) = place.documents().insert_many(documents).ordered(false).await else {
        return Ok(HashMap::new());
    };
    match error.kind.as_ref() {
        ErrorKind::InsertMany(InsertManyError { write_errors: Some(errors), write_concern_error: None, .. })
            if !errors.iter().any(|error| is_short_of_room(error.code)) =>
        {
            Ok(errors.iter().map(|error| (error.index, error.message.clone())).collect())
        }
        _ => Err(error),
    }
}

/// What is there now of each document, as a majority has it; `removed` are those that this batch deleted.
pub async fn fates(
    place: &Place,
    versions: &[Version],
    removed: impl FnOnce() -> Vec<Id>,
) -> std::result::Result<Vec<Fate>, Failure> {
    let asked: Vec<Bson> =
        versions.iter().map(|version| read_id(&version.id)).collect::<std::result::Result<_, _>>()?;
    let collection = place.documents();
    let look = async || {
        let mut found = HashMap::new();
        let mut cursor = collection.find(doc! { "_id": { "$in": &asked } }).await?;
        while let Some(document) = cursor.try_next().await? {
            if let Ok(copied) = copied(&place.rule, &document) {
                found.insert(copied.version.id.clone(), copied);
            }
        }
        Result::Ok(found)
    };
    let mut found = place.trying(look).await?;
    let removed: BTreeSet<Id> = removed().into_iter().collect();
    let judged = versions.iter().map(|version| match found.remove(&version.id) {
        Some(there) if there.version == *version => Fate::Here,
        Some(there) => Fate::Differs(Box::new(there)),
        None if removed.contains(&version.id) => Fate::Done,
        None => Fate::Gone,
    });
    Ok(judged.collect())
}
