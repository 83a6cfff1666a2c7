//! What a mongod says of itself to anybody.

use mongodb::bson::{DateTime, Timestamp, doc, oid::ObjectId};
use serde::Deserialize;

use super::connect::{Error, Peer};

/// The parts of `hello` that are used here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Hello {
    /// The replica set, once it is initiated.
    pub set_name: Option<String>,
    /// The version of the set's configuration.
    pub set_version: Option<i32>,
    /// Whether it takes writes.
    pub is_writable_primary: bool,
    /// Whether it is a secondary.
    pub secondary: bool,
    /// Whether it only votes.
    pub arbiter_only: bool,
    /// Whether it is hidden from clients.
    pub hidden: bool,
    /// Whether it can never be primary.
    pub passive: bool,
    /// By how many seconds it is behind the others because its set's configuration says so.
    #[serde(alias = "slaveDelay")]
    pub secondary_delay_secs: i64,
    /// The primary that it knows.
    pub primary: Option<String>,
    /// What it is called in the set.
    pub me: Option<String>,
    /// Which election made it primary; later ones are greater.
    pub election_id: Option<ObjectId>,
    /// What time it is to it.
    pub local_time: Option<DateTime>,
    last_write: LastWrite,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LastWrite {
    op_time: OpTime,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OpTime {
    t: i64,
    ts: Option<Timestamp>,
}

/// Term and time of the last write; what is greater is fresher.
pub type Freshness = (i64, u32, u32);

impl Hello {
    /// How far its data goes.
    pub fn freshness(&self) -> Freshness {
        let OpTime { t, ts } = &self.last_write.op_time;
        ts.map_or((*t, 0, 0), |ts| (*t, ts.time, ts.increment))
    }

    /// Whether it does what a member of this set should: leads, copies or votes.
    pub fn serves(&self, set: &str) -> bool {
        self.set_name.as_deref() == Some(set) && (self.is_writable_primary || self.secondary || self.arbiter_only)
    }
}

impl Peer {
    /// Asks a mongod what it is.
    pub async fn hello(&self) -> Result<Hello, Error> {
        let answer = self.ask(doc! { "hello": 1 }).await?;
        mongodb::bson::deserialize_from_document(answer)
            .map_err(|error| Error::Network(format!("answers `hello` in an unknown way: {error}")))
    }
}

/// Connects to a host without a login and asks it what it is.
pub async fn of(host: &str) -> Result<Hello, Error> {
    Peer::connect(host, None).await?.hello().await
}
