//! The part of a collection that is in one replica set or single mongod.

use fragmentation::Fragmentation;
use mongodb::bson::{Document, RawDocumentBuf};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::{CollectionOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, Database};
use protocol::{Failure, FragmentRequest, MOVES, QUARANTINE};

use crate::deadline::{Deadline, SOON};
use crate::mongo::client;
use crate::mongo::connect::Error;

/// One part of a collection, ready to be asked.
pub struct Place {
    /// The replica set or single mongod, as the rule names it.
    pub on: String,
    /// Whether it is a replica set, which has snapshots and transactions.
    pub is_set: bool,
    /// How the collection is spread.
    pub rule: Fragmentation,
    /// The client.
    pub client: Client,
    collection: String,
    database: Database,
    deadline: Deadline,
}

impl Place {
    /// Makes a client; whether anybody answers shows with the first question.
    pub fn open(request: &FragmentRequest) -> Result<Self, Failure> {
        let (place, rule) = (&request.place, &request.rule);
        let failed = |why: String| Failure::new(format!("{} on {}", rule.collection, place.on), why);
        let (database, collection) = rule.namespace().map_err(|error| failed(error.to_string()))?;
        let client = client::of(place, &format!("{} on {}", rule.collection, place.on))?;
        Ok(Self {
            on: place.on.clone(),
            is_set: place.is_set,
            rule: rule.clone(),
            database: client.database(database),
            client,
            collection: collection.to_owned(),
            deadline: Deadline::after_ms(request.timeout_ms),
        })
    }

    /// The documents themselves. What is read can't be rolled back, what is written neither.
    pub fn documents(&self) -> Collection<RawDocumentBuf> {
        self.durable("")
    }

    /// Older copies.
    pub fn quarantine(&self) -> Collection<RawDocumentBuf> {
        self.durable(QUARANTINE)
    }

    /// What is written down of batches on their way.
    pub fn journal(&self) -> Collection<Document> {
        self.durable(MOVES)
    }

    fn durable<T: Send + Sync>(&self, suffix: &str) -> Collection<T> {
        let majority = CollectionOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(WriteConcern::majority())
            .build();
        self.database.collection_with_options(&format!("{}{suffix}", self.collection), majority)
    }

    /// Makes journal and quarantine where they are missing: a transaction had better not.
    pub async fn prepare(&self) -> Result<(), Failure> {
        let known = self.trying(async || self.database.list_collection_names().await).await?;
        for suffix in [MOVES, QUARANTINE] {
            let name = format!("{}{suffix}", self.collection);
            if !known.contains(&name) {
                // Somebody else may be as quick, and a failure shows with the first write.
                let _ = self.database.create_collection(name).await;
            }
        }
        Ok(())
    }

    /// Tries again and again while members start or elect a primary. The attempt must be one that may be repeated.
    pub async fn trying<T>(&self, attempt: impl AsyncFn() -> mongodb::error::Result<T>) -> Result<T, Failure> {
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) if self.passes(&error) && self.deadline.pause(SOON).await => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
    }

    fn passes(&self, error: &mongodb::error::Error) -> bool {
        let code = match error.kind.as_ref() {
            ErrorKind::Command(command) => Some(command.code),
            ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
            _ => None,
        };
        code.is_some_and(is_short_of_room)
            || error.contains_label(mongodb::error::TRANSIENT_TRANSACTION_ERROR)
            || error.contains_label(mongodb::error::RETRYABLE_WRITE_ERROR)
            || Error::from(error.clone()).is_transient()
    }

    /// Says that the place does not do what it was asked.
    pub fn failure(&self, error: mongodb::error::Error) -> Failure {
        Failure::new(format!("{} on {}", self.rule.collection, self.on), Error::from(error).to_string())
            .with_hint("look with `distctl status` which of its mongods are down; a majority must be up")
    }
}

/// Whether an error says that there is no room for a write in the cache just now: `WriteConflict`,
/// `TemporarilyUnavailable`, `TransactionTooLargeForCache`.
pub fn is_short_of_room(code: i32) -> bool {
    matches!(code, 112 | 365 | 388)
}
