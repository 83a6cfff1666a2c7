//! The data of a replica set or single mongod: read whole as it was at one moment, and put into another one.
//!
//! Documents travel as their BSON one after the other, in base64 pieces that end anywhere, so that not a byte of them
//! changes on the way and distctl needs to read none. What a collection is made with travels the same way.

use serde::{Deserialize, Serialize};

use crate::FragmentPlace;

/// A request about all data of one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRequest {
    /// Where.
    pub place: FragmentPlace,
    /// How long it may be tried, in milliseconds. Reading that has begun is not broken off.
    pub timeout_ms: u64,
    /// What is asked.
    pub ask: DataAsk,
}

/// What can be asked about the data of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataAsk {
    /// Lists all collections, and says what the set's time is. Reads no document.
    Catalog,
    /// Reads collections whole, in [`DataPart`]s.
    Read {
        /// As they were at this time; as they are where it is `None`.
        at: Option<ClusterTime>,
        /// The collections, which must still be the same ones afterwards.
        collections: Vec<Collection>,
    },
    /// Drops all databases but mongod's own.
    Clear,
    /// Makes a collection or view where there is none of its name, without its indexes.
    Make {
        /// What it is.
        collection: Collection,
    },
    /// Writes documents as they are.
    Insert {
        /// The collection.
        name: CollectionName,
        /// What sort it is.
        kind: CollectionKind,
        /// The documents, whole, in base64.
        documents: String,
    },
    /// Makes the indexes of a collection and counts what is in it.
    Complete {
        /// What it is.
        collection: Collection,
        /// What must be in it.
        holds: Holds,
    },
}

/// A moment in the history of a replica set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterTime {
    /// Seconds since 1970.
    pub time: u32,
    /// Which of that second's operations.
    pub increment: u32,
}

/// Names a collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CollectionName {
    /// Its database.
    pub database: String,
    /// Its own name.
    pub collection: String,
}

/// What a collection or view is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its name.
    pub name: CollectionName,
    /// What sort of collection it is.
    pub kind: CollectionKind,
    /// What tells it from another one that had its name before or after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The options that it was made with: BSON in base64.
    pub options: String,
    /// Its indexes but the one that every collection has: BSON in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<String>,
}

/// Sorts of collections, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollectionKind {
    /// A plain one, or a clustered one.
    Collection,
    /// One of a bounded size. mongod can't tell what was in it at an earlier time.
    Capped,
    /// Measurements over time; its documents are the buckets that mongod keeps them in.
    Timeseries,
    /// A view, which holds nothing itself.
    View,
}

/// How much is in a collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// How many documents.
    pub documents: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// One [`Line::Part`](crate::Line::Part) of an answer to [`DataAsk::Read`], as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataPart {
    /// The next collection begins.
    Begin(CollectionName),
    /// Bytes of its documents, in base64.
    Bytes(String),
    /// It has ended.
    End(Holds),
}

/// The answer to a [`DataRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataReply {
    /// It is done.
    Done,
    /// What there is.
    Catalog(Catalog),
}

/// All collections of a place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// mongod's version.
    pub mongod: String,
    /// The time of the last write, where it is a set.
    pub at: Option<ClusterTime>,
    /// The collections, views after what they may look at.
    pub collections: Vec<Collection>,
}

impl std::fmt::Display for CollectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.database, self.collection)
    }
}
