//! What collections there are, and what they are made with.

use mongodb::bson::{Binary, Bson, Document, doc};
use protocol::{Catalog, ClusterTime, Collection, CollectionKind, CollectionName, Failure};

use super::{OWN, Place, packed};

/// Collections that are mongod's own in any database: views, buckets, profiles.
const SYSTEM: &str = "system.";

/// Lists all collections. Held back writes are no obstacle.
pub async fn take(place: &Place) -> Result<Catalog, Failure> {
    let mut catalog = Catalog { mongod: version(place).await?, ..Catalog::default() };
    if place.is_set {
        catalog.at = Some(time(place).await?);
    }
    for database in databases(place).await? {
        for listed in listed(place, &database, doc! {}).await? {
            catalog.collections.extend(one(place, &database, listed).await?);
        }
    }
    catalog.collections.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    Ok(catalog)
}

async fn version(place: &Place) -> Result<String, Failure> {
    let answer = place.run("mongod", "admin", doc! { "buildInfo": 1 }).await?;
    Ok(answer.get_str("version").unwrap_or_default().to_owned())
}

/// The time of the last write. Where writes are held back, all that were acknowledged are at or before it, and none
/// that comes is.
async fn time(place: &Place) -> Result<ClusterTime, Failure> {
    let status = place.run("its time", "admin", doc! { "replSetGetStatus": 1 }).await?;
    let applied = status.get_document("optimes").and_then(|times| times.get_document("appliedOpTime"));
    let applied = applied.and_then(|applied| applied.get_timestamp("ts"));
    let applied = applied.map_err(|error| Failure::new(&place.on, format!("does not tell its time: {error}")))?;
    Ok(ClusterTime { time: applied.time, increment: applied.increment })
}

/// All databases but mongod's own.
pub async fn databases(place: &Place) -> Result<Vec<String>, Failure> {
    let answer = place.run("its databases", "admin", doc! { "listDatabases": 1, "nameOnly": true }).await?;
    let listed = answer.get_array("databases").into_iter().flatten().filter_map(Bson::as_document);
    let names = listed.filter_map(|database| database.get_str("name").ok());
    Ok(names.filter(|name| !OWN.contains(name)).map(str::to_owned).collect())
}

/// What mongod says of the collections of a database.
pub async fn listed(place: &Place, database: &str, filter: Document) -> Result<Vec<Document>, Failure> {
    place.find(database, database, doc! { "listCollections": 1, "filter": filter }).await
}

/// What tells a collection from another one of its name.
pub fn uuid(listed: &Document) -> Option<String> {
    match listed.get_document("info").ok()?.get("uuid")? {
        Bson::Binary(Binary { bytes, .. }) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        _ => None,
    }
}

/// One that a user has made; `None` for one of mongod's own.
async fn one(place: &Place, database: &str, listed: Document) -> Result<Option<Collection>, Failure> {
    let collection = listed.get_str("name").unwrap_or_default().to_owned();
    if collection.starts_with(SYSTEM) {
        return Ok(None);
    }
    let name = CollectionName { database: database.to_owned(), collection };
    let strange = |why: String| Failure::new(format!("{name} on {}", place.on), why);
    let empty = Document::new();
    let options = listed.get_document("options").unwrap_or(&empty);
    let kind = match listed.get_str("type") {
        Ok("collection") if options.get_bool("capped").unwrap_or(false) => CollectionKind::Capped,
        Ok("collection") => CollectionKind::Collection,
        Ok("timeseries") => CollectionKind::Timeseries,
        Ok("view") => CollectionKind::View,
        other => {
            let cause = format!("is of a type that can't be taken along: {}", other.unwrap_or("none"));
            return Err(strange(cause).with_hint("export whole containers: `--kind full`"));
        }
    };
    let options = packed(options).map_err(strange)?;
    let mut indexes = Vec::new();
    if kind != CollectionKind::View {
        let command = doc! { "listIndexes": &name.collection };
        let listed = place.find(&name.to_string(), database, command).await?;
        for index in listed.iter().filter(|index| is_declared(index)) {
            indexes.push(packed(index).map_err(strange)?);
        }
    }
    let uuid = uuid(&listed);
    Ok(Some(Collection { name, kind, uuid, options, indexes }))
}

/// Whether an index is one of its own: not the one of identities, nor a clustered collection's order.
fn is_declared(index: &Document) -> bool {
    index.get_str("name").is_ok_and(|name| name != "_id_") && !index.get_bool("clustered").unwrap_or(false)
}
