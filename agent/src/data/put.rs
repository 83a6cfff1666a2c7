//! Putting collections where none are.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mongodb::Collection as Documents;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{CollectionOptions, WriteConcern};
use protocol::{Collection, CollectionKind, CollectionName, Failure, Holds};

use super::{MAJORITY, OWN, Place, catalog, stored, unpacked};

/// Drops all databases but mongod's own.
pub async fn clear(place: &Place) -> Result<(), Failure> {
    for name in catalog::databases(place).await? {
        place.run(&name, &name, doc! { "dropDatabase": 1, "writeConcern": majority() }).await?;
    }
    Ok(())
}

/// Makes a collection or view where there is none of its name.
pub async fn make(place: &Place, collection: &Collection) -> Result<(), Failure> {
    let CollectionName { database, collection: name } = &collection.name;
    refuse_own(&collection.name)?;
    let mut create = doc! { "create": name };
    create.extend(unpacked(&collection.options)?);
    create.insert("writeConcern", majority());
    place.run(&collection.name.to_string(), database, create).await.map(|_| ())
}

/// Users and replication are nobody's data.
fn refuse_own(name: &CollectionName) -> Result<(), Failure> {
    if OWN.contains(&name.database.as_str()) {
        return Err(Failure::new(name.to_string(), "is mongod's own: no data goes there"));
    }
    Ok(())
}

/// Writes documents. A validator that came after them does not keep them out.
pub async fn insert(place: &Place, name: &CollectionName, documents: &str) -> Result<(), Failure> {
    refuse_own(name)?;
    let documents = split(documents)?;
    if documents.is_empty() {
        return Ok(());
    }
    let insert = durable(place, name).insert_many(&documents).ordered(true).bypass_document_validation(true).await;
    insert.map(|_| ()).map_err(|error| place.failure(&name.to_string(), error))
}

/// Documents in base64, split where each ends.
fn split(text: &str) -> Result<Vec<RawDocumentBuf>, Failure> {
    let damaged = |why: String| Failure::new("distctl-agent", format!("was sent damaged documents: {why}"));
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| damaged(error.to_string()))?;
    let mut rest = bytes.as_slice();
    let mut documents = Vec::new();
    while !rest.is_empty() {
        let document = RawDocumentBuf::from_reader(&mut rest);
        documents.push(document.map_err(|error| damaged(error.to_string()))?);
    }
    Ok(documents)
}

/// Makes indexes, and compares what a majority has with what it should be.
pub async fn complete(place: &Place, collection: &Collection, holds: Holds) -> Result<(), Failure> {
    let name = &collection.name;
    let indexes: Vec<Bson> =
        collection.indexes.iter().map(|index| unpacked(index).map(Bson::from)).collect::<Result<_, _>>()?;
    if !indexes.is_empty() {
        let command = doc! { "createIndexes": &name.collection, "indexes": indexes, "writeConcern": majority() };
        place.run(&name.to_string(), &name.database, command).await?;
    }
    if collection.kind == CollectionKind::View {
        return Ok(());
    }
    let there = count(place, &stored(collection.kind, name)).await?;
    if there == holds {
        return Ok(());
    }
    let told = |holds: Holds| format!("{} documents of {} bytes", holds.documents, holds.bytes);
    let cause = format!("has {} and should have {}", told(there), told(holds));
    Err(Failure::new(format!("{name} on {}", place.on), cause).with_hint("something else writes there: stop it"))
}

async fn count(place: &Place, name: &CollectionName) -> Result<Holds, Failure> {
    let sums =
        doc! { "_id": Bson::Null, "documents": { "$sum": 1_i64 }, "bytes": { "$sum": { "$bsonSize": "$$ROOT" } } };
    let command = doc! {
        "aggregate": &name.collection, "pipeline": [{ "$group": sums }], "cursor": {}, "readConcern": { "level": "majority" },
    };
    let answers = place.find(&name.to_string(), &name.database, command).await?;
    let Some(sums) = answers.first() else { return Ok(Holds::default()) };
    let sum = |name: &str| {
        let value = sums.get(name);
        let number = value.and_then(|value| value.as_i64().or_else(|| value.as_i32().map(i64::from)));
        number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
    };
    Ok(Holds { documents: sum("documents"), bytes: sum("bytes") })
}

fn durable(place: &Place, name: &CollectionName) -> Documents<RawDocumentBuf> {
    let options = CollectionOptions::builder().write_concern(WriteConcern::majority()).build();
    place.client.database(&name.database).collection_with_options(&name.collection, options)
}

fn majority() -> Document {
    doc! { "w": "majority", "wtimeout": i64::try_from(MAJORITY.as_millis()).unwrap_or(i64::MAX) }
}
