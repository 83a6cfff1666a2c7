//! The databases of the fragments, and how long they are waited for.

pub mod address;
mod patience;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mongodb::bson::{RawDocumentBuf, doc};
use mongodb::options::{ClientOptions, CollectionOptions, WriteConcern};
use mongodb::{Client, Collection};
use tokio::sync::Semaphore;

pub use address::Address;
pub use patience::Failed;

/// How long a read waits for a database that was there a moment ago: longer than a failover takes.
const READING: Duration = Duration::from_millis(2_500);

/// How long a read waits for a database that is known to be away.
const READING_AWAY: Duration = Duration::from_millis(300);

/// How long a write waits, until its client is told to come again.
pub const WRITING: Duration = Duration::from_secs(10);

/// How long one attempt of a write may take: then the primary may be frozen, and another be elected.
const ONE_WRITE: Duration = Duration::from_secs(4);

/// How long a health check waits.
const PINGING: Duration = Duration::from_millis(800);

/// How long one look for a primary takes before an attempt ends; attempts are repeated.
const SELECTING: Duration = Duration::from_secs(2);

/// Most requests at one database at once: as many as a busy service needs, few enough to stay small.
const AT_ONCE: u32 = 24;

/// One database that holds fragments.
#[derive(Debug)]
pub struct Database {
    /// What it is called in answers: `DB1`.
    pub name: String,
    /// Its products.
    pub products: Collection<RawDocumentBuf>,
    /// Whether the last that was heard of it is that nothing is heard of it.
    away: AtomicBool,
    /// Who waits waits here: the driver's own queue goes on serving those who gave up, before those who came later.
    turns: Semaphore,
}

impl Database {
    /// Makes a client; connections come with the first use, so the database may be away.
    ///
    /// # Errors
    /// What the driver says to an address or a login that can't be right.
    pub fn open(address: &Address, collection: &str) -> mongodb::error::Result<Arc<Self>> {
        let mut options: ClientOptions = address.options.clone();
        options.app_name = Some("web-server".to_owned());
        options.connect_timeout = Some(Duration::from_secs(1));
        options.server_selection_timeout = Some(SELECTING);
        options.heartbeat_freq = Some(Duration::from_secs(1));
        // Twice as many: what was given up may hold its connection for a moment.
        options.max_pool_size = Some(2 * AT_ONCE);
        options.max_connecting = Some(AT_ONCE);
        options.retry_writes = Some(true);
        let database = Client::with_options(options)?.database(&address.database);
        let durable = CollectionOptions::builder().write_concern(WriteConcern::majority()).build();
        let products = database.collection_with_options(collection, durable);
        let turns = Semaphore::new(AT_ONCE as usize);
        Ok(Arc::new(Self { name: address.name.clone(), products, away: AtomicBool::new(false), turns }))
    }

    /// Reads, again and again while the database elects a primary.
    ///
    /// # Errors
    /// [`Failed`] when it is away for longer than a failover takes.
    pub async fn read<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Failed>
    where
        F: Future<Output = mongodb::error::Result<T>>,
    {
        let patience = if self.is_away() { READING_AWAY } else { READING };
        self.heard(self.keep_trying(patience, patience, attempt).await)
    }

    /// Writes, again and again: the attempt must be one that may be repeated.
    ///
    /// # Errors
    /// [`Failed`] when nothing was acknowledged in time, or when the database refuses what is written.
    pub async fn write<T, F>(&self, patience: Duration, attempt: impl Fn() -> F) -> Result<T, Failed>
    where
        F: Future<Output = mongodb::error::Result<T>>,
    {
        self.heard(self.keep_trying(patience, ONE_WRITE, attempt).await)
    }

    /// Asks for a sign of life from a member that takes writes.
    pub async fn ping(&self) -> bool {
        let database = self.products.client().database("admin");
        let ping = || async { database.run_command(doc! { "ping": 1 }).await };
        self.heard(self.keep_trying(PINGING, PINGING, ping).await).is_ok()
    }

    async fn keep_trying<T, F>(&self, patience: Duration, each: Duration, attempt: impl Fn() -> F) -> Result<T, Failed>
    where
        F: Future<Output = mongodb::error::Result<T>>,
    {
        let in_turn = || async {
            // It is never closed.
            let _turn = self.turns.acquire().await;
            attempt().await
        };
        patience::keep_trying(patience, each, in_turn).await
    }

    /// Whether nothing was heard of it when it was last asked.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    fn heard<T>(&self, outcome: Result<T, Failed>) -> Result<T, Failed> {
        let away = matches!(outcome, Err(Failed::Away(_)));
        if self.away.swap(away, Ordering::Relaxed) != away {
            match &outcome {
                Err(failed) => tracing::warn!(database = %self.name, cause = %failed, "database away"),
                Ok(_) => tracing::info!(database = %self.name, "database back"),
            }
        }
        if let Err(Failed::Refused(cause)) = &outcome {
            tracing::error!(database = %self.name, %cause, "database refused");
        }
        outcome
    }
}
