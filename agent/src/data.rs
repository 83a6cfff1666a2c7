//! All data of a set or single mongod: read whole as it was at one moment, and put into another one.

mod catalog;
mod put;
mod read;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use mongodb::Client;
use mongodb::bson::Document;
use mongodb::error::ErrorKind;
use mongodb::raw_batch_cursor::RawBatchCursor;
use protocol::{CollectionKind, CollectionName, DataAsk, DataReply, DataRequest, Failure};

use crate::deadline::{Deadline, SOON};
use crate::mongo::client;
use crate::mongo::code::{SNAPSHOT_TOO_OLD, SNAPSHOT_UNAVAILABLE};
use crate::mongo::connect::Error;

/// Databases that are mongod's own: users, replication, sessions.
const OWN: [&str; 3] = ["admin", "config", "local"];

/// How long a majority may take to have a write.
const MAJORITY: Duration = Duration::from_secs(60);

/// Does what is asked of the data of one place.
pub async fn perform(request: &DataRequest) -> Result<DataReply, Failure> {
    let place = Place {
        on: request.place.on.clone(),
        is_set: request.place.is_set,
        client: client::of(&request.place, &request.place.on)?,
        deadline: Deadline::after_ms(request.timeout_ms),
    };
    match &request.ask {
        DataAsk::Catalog => return catalog::take(&place).await.map(DataReply::Catalog),
        DataAsk::Read { at, collections } => read::all(&place, *at, collections).await?,
        DataAsk::Clear => put::clear(&place).await?,
        DataAsk::Make { collection } => put::make(&place, collection).await?,
        DataAsk::Insert { name, kind, documents } => put::insert(&place, &stored(*kind, name), documents).await?,
        DataAsk::Complete { collection, holds } => put::complete(&place, collection, *holds).await?,
    }
    Ok(DataReply::Done)
}

/// A set or single mongod, ready to be asked.
struct Place {
    on: String,
    is_set: bool,
    client: Client,
    deadline: Deadline,
}

impl Place {
    /// Runs a command. Tries again and again while members start or elect a primary: it must be one that may be repeated.
    async fn run(&self, what: &str, database: &str, command: Document) -> Result<Document, Failure> {
        let database = self.client.database(database);
        loop {
            match database.run_command(command.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) if self.passes(&error).await => {}
                Err(error) => return Err(self.failure(what, error)),
            }
        }
    }

    /// The same for a command that finds many things.
    async fn open(&self, what: &str, database: &str, command: Document) -> Result<RawBatchCursor, Failure> {
        let database = self.client.database(database);
        loop {
            match database.run_cursor_command(command.clone()).batch().await {
                Ok(cursor) => return Ok(cursor),
                Err(error) if self.passes(&error).await => {}
                Err(error) => return Err(self.failure(what, error)),
            }
        }
    }

    /// All that a command finds, which is little.
    async fn find(&self, what: &str, database: &str, command: Document) -> Result<Vec<Document>, Failure> {
        let failed = |error| self.failure(what, error);
        let mut cursor = self.open(what, database, command).await?;
        let mut all = Vec::new();
        while let Some(batch) = cursor.next().await {
            for document in batch.map_err(failed)?.doc_slices().map_err(failed)? {
                let document = document.map_err(|error| failed(error.into()))?;
                if let Some(document) = document.as_document() {
                    all.push(Document::try_from(document).map_err(|error| failed(error.into()))?);
                }
            }
        }
        Ok(all)
    }

    /// Whether it is worth another try, after a moment.
    async fn passes(&self, error: &mongodb::error::Error) -> bool {
        Error::from(error.clone()).is_transient() && self.deadline.pause(SOON).await
    }

    /// Says what mongod does not do, and what can be done about it.
    fn failure(&self, what: &str, error: mongodb::error::Error) -> Failure {
        let code = match error.kind.as_ref() {
            ErrorKind::Command(command) => command.code,
            _ => 0,
        };
        let object = format!("{what} on {}", self.on);
        let cause = Error::from(error).to_string();
        match code {
            SNAPSHOT_TOO_OLD => Failure::new(object, format!("took longer than mongod keeps the past: {cause}"))
                .with_hint(
                    "export when there is less to do, raise mongod's minSnapshotHistoryWindowInSeconds (300), or export \
                     whole containers: `--kind full`",
                ),
            SNAPSHOT_UNAVAILABLE => Failure::new(object, format!("was changed as such while it was read: {cause}"))
                .with_hint("export again when nobody makes collections or indexes"),
            _ => Failure::new(object, cause)
                .with_hint("look with `distctl status` which of its mongods are down; a majority must be up"),
        }
    }
}

/// The collection that the documents of one are in.
fn stored(kind: CollectionKind, name: &CollectionName) -> CollectionName {
    let collection = match kind {
        CollectionKind::Timeseries => format!("system.buckets.{}", name.collection),
        _ => name.collection.clone(),
    };
    CollectionName { database: name.database.clone(), collection }
}

fn packed(document: &Document) -> Result<String, String> {
    let bytes = mongodb::bson::serialize_to_vec(document).map_err(|error| error.to_string())?;
    Ok(BASE64_STANDARD.encode(bytes))
}

fn unpacked(text: &str) -> Result<Document, Failure> {
    let damaged = |why: String| Failure::new("distctl-agent", format!("was sent damaged options: {why}"));
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| damaged(error.to_string()))?;
    mongodb::bson::deserialize_from_slice(&bytes).map_err(|error| damaged(error.to_string()))
}
