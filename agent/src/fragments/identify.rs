//! The documents behind digests, and whether documents are there.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use protocol::{Copied, Failure, Id};

use super::document::{copied, digest, key, read_id, write_id};
use super::place::Place;
use super::scan::look;

/// How many documents are asked for at once.
const AT_ONCE: usize = 500;

/// Finds the documents that have one of these digests, whole. Another look at all of them: nothing is indexed by a
/// digest, and mostly nobody asks.
pub async fn identify(place: &Place, digests: &[u64], limit: usize) -> Result<Vec<Copied>, Failure> {
    let wanted: HashSet<u64> = digests.iter().copied().filter(|digest| *digest != 0).collect();
    let mut ids: Vec<Bson> = Vec::new();
    let take = |document: &mongodb::bson::RawDocument| {
        let id = document.get("_id").ok().flatten();
        let digest = digest(id, key(document, &place.rule.key));
        if ids.len() < limit && (wanted.contains(&digest.id) || wanted.contains(&digest.key)) {
            ids.extend(id.and_then(|id| Bson::try_from(id).ok()));
        }
    };
    look(place, None, take).await.map_err(|error| place.failure(error))?;
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let documents = place.documents();
        let mut cursor = place.trying(async || documents.find(doc! { "_id": { "$in": some } }).await).await?;
        while let Some(document) = cursor.try_next().await.map_err(|error| place.failure(error))? {
            found.push(copied(&place.rule, &document).map_err(|why| Failure::new(&place.on, why))?);
        }
    }
    Ok(found)
}

/// Says which documents are there.
pub async fn holds(place: &Place, ids: &[Id]) -> Result<Vec<bool>, Failure> {
    let asked: Vec<Bson> = ids.iter().map(read_id).collect::<Result<_, _>>()?;
    let collection = place.documents().clone_with_type::<Document>();
    let filter = doc! { "_id": { "$in": &asked } };
    let look = async || {
        let cursor = collection.find(filter.clone()).projection(doc! { "_id": 1 }).await?;
        cursor.try_collect::<Vec<Document>>().await
    };
    let there: HashSet<Id> = place
        .trying(look)
        .await?
        .into_iter()
        .filter_map(|mut document| write_id(document.remove("_id")?).ok())
        .collect();
    Ok(ids.iter().map(|id| there.contains(id)).collect())
}
