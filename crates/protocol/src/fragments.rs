//! Fragmented collections: looked through from inside, and their documents moved to where they belong.
//!
//! Documents travel as base64 of their BSON, so that not a byte of them changes on the way, and distctl needs to read
//! none. What identifies one travels as an [`Id`].

use std::collections::BTreeMap;

use fragmentation::Fragmentation;
use serde::{Deserialize, Serialize};

use crate::Credential;

/// What follows the name of a collection in that of its quarantine: older copies are kept there.
pub const QUARANTINE: &str = "_quarantine";

/// What follows the name of a collection in that of its journal: batches on their way are written down there.
pub const MOVES: &str = "_moves";

/// The identity of a document: base64 of a BSON document that has nothing but its `_id`.
pub type Id = String;

/// Where a part of a collection is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentPlace {
    /// The replica set or single mongod, as the rule names it.
    pub on: String,
    /// Whether it is a replica set.
    pub is_set: bool,
    /// `address:port` of its mongods.
    pub hosts: Vec<String>,
    /// As whom to ask, if it requires that.
    pub credential: Option<Credential>,
}

/// A request about the part of a collection that is in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentRequest {
    /// Where.
    pub place: FragmentPlace,
    /// Which collection, and how it is spread.
    pub rule: Fragmentation,
    /// How long it may be tried, in milliseconds. A look through a collection that has begun is not broken off.
    pub timeout_ms: u64,
    /// What is asked.
    pub ask: FragmentAsk,
}

/// What a part of a collection can be asked. All of it may be asked again: what was done is not done twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FragmentAsk {
    /// Looks at every document, in one snapshot.
    Scan {
        /// Whether to send a [`Digest`] of every document, in [`Line::Part`](crate::Line::Part)s.
        digests: bool,
        /// How many examples of each finding to name.
        examples: usize,
    },
    /// Looks for the documents that have one of these digests, of the identity or of the key.
    Identify {
        /// The digests.
        digests: Vec<u64>,
        /// How many documents to name at most.
        limit: usize,
    },
    /// Reads documents that belong elsewhere, in the order of their identities.
    Misplaced {
        /// The identity after which to begin.
        after: Option<Id>,
        /// How many at most.
        documents: usize,
        /// How many bytes at most, but for a first document that is larger.
        bytes: usize,
    },
    /// Writes documents that are not there, and reads them back.
    Copy {
        /// The name of the batch, which is written down first.
        batch: String,
        /// Where they come from.
        from: String,
        /// The documents.
        documents: Vec<MovingDocument>,
    },
    /// Deletes documents that are still as they were read.
    Remove {
        /// The batch whose deletion is written down along with it, if it is one.
        batch: Option<String>,
        /// The documents.
        documents: Vec<Version>,
        /// Whether they are kept in the quarantine.
        quarantine: bool,
    },
    /// Says what became of documents of a batch that was to be deleted.
    Judge {
        /// The batch.
        batch: String,
        /// The documents.
        documents: Vec<Version>,
    },
    /// Lists batches that are written down.
    Unfinished,
    /// Forgets a batch.
    Finish {
        /// The batch.
        batch: String,
    },
    /// Says which documents are there.
    Holds {
        /// Their identities.
        ids: Vec<Id>,
    },
}

/// A document as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Its identity.
    pub id: Id,
    /// The hex SHA-256 of its BSON.
    pub sha256: String,
}

/// A document that belongs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovingDocument {
    /// Which one, and where it belongs.
    pub seen: Copied,
    /// Its BSON in base64.
    pub bson: String,
}

/// What stands for a document where all of them are compared: hashes of its identity and of its key, 8 bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Of its identity.
    pub id: u64,
    /// Of its key; 0 where that is no text.
    pub key: u64,
}

impl Digest {
    /// How many bytes one takes.
    pub const BYTES: usize = 16;

    /// Its bytes, as they stand one after the other in a part of an answer.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (id, key) = bytes.split_at_mut(8);
        id.copy_from_slice(&self.id.to_le_bytes());
        key.copy_from_slice(&self.key.to_le_bytes());
        bytes
    }

    /// All digests in a part of an answer; bytes at its end that are none are left out.
    pub fn all_in(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        bytes.chunks_exact(Self::BYTES).map(move |one| Self { id: number(&one[..8]), key: number(&one[8..]) })
    }
}

/// The answer to a [`FragmentRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FragmentReply {
    /// It is done.
    Done,
    /// What was seen in a scan.
    Scanned(Box<FragmentScan>),
    /// Documents with one of the digests.
    Identified(Vec<Copied>),
    /// Documents that belong elsewhere.
    Misplaced {
        /// The documents.
        documents: Vec<MovingDocument>,
        /// Where to go on; `None` at the end.
        next: Option<Id>,
    },
    /// What became of each document, in their order.
    Fates(Vec<Fate>),
    /// Batches that are written down.
    Unfinished(Vec<UnfinishedBatch>),
    /// Whether each is there, in their order.
    Holds(Vec<bool>),
}

/// What was seen of the part of a collection that is in one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FragmentScan {
    /// How many documents there are.
    pub documents: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// Documents and bytes by first letter: `A` to `Z`, and what begins with none under `other`. Documents without a
    /// name that shows something are in none.
    pub letters: BTreeMap<String, Tally>,
    /// Documents that belong elsewhere.
    pub misplaced: Found,
    /// How many of those belong where.
    pub belongs: BTreeMap<String, u64>,
    /// Documents whose key shows nothing, so that no range takes them.
    pub empty: Found,
    /// Documents without key.
    pub without_key: Found,
    /// Documents whose key is no text.
    pub wrong_type: Found,
    /// Batches that are written down as on their way here.
    pub unfinished: u64,
    /// Older copies that are kept in the quarantine.
    pub quarantined: u64,
    /// Whether all was seen as it was at one moment. A single mongod can't do that.
    pub snapshot: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How many documents, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub documents: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// Documents of which something is true.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How many, all counted.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A document to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Its identity for people.
    pub id: String,
    /// Its key, if that is a text.
    pub key: Option<String>,
    /// What is the matter: where it belongs, or what its key is instead of a text.
    pub why: String,
}

/// A copy of a document, with all that decides between two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Which one, and as it was seen.
    pub version: Version,
    /// Its identity for people.
    pub shown: String,
    /// Its key, if that is a text.
    pub key: Option<String>,
    /// Where it belongs, if its key says so.
    pub belongs: Option<String>,
    /// When it was changed last: the field `updated_at`, in milliseconds since 1970.
    pub updated_at: Option<i64>,
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// What was asked is done: it is there byte for byte, or it was deleted.
    Done,
    /// It is still there as it was.
    Here,
    /// Another document of its identity is there.
    Differs(Box<Copied>),
    /// It is not there, and this batch did not delete it.
    Gone,
    /// The database does not take it; the reason.
    Refused(String),
}

/// A batch that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedBatch {
    /// Its name.
    pub batch: String,
    /// Where its documents come from, if they were on their way here; `None` where they were deleted here.
    pub from: Option<String>,
    /// The documents on their way here.
    pub documents: Vec<Version>,
}

/// Asks a running service over HTTP where it puts products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingRequest {
    /// `address:port` of the service.
    pub host: String,
    /// Who logs in.
    pub login: Credential,
    /// How the names of products begin that are to be created; without any, those of earlier probes are deleted.
    pub names: Vec<String>,
    /// What follows in all names of probes; something drawn follows that, by which each probe knows its own.
    pub mark: String,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
}

/// What a probe created.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// The products.
    pub products: Vec<RoutedProduct>,
    /// Names that the service does not take, with what it says.
    pub refused: Vec<(String, String)>,
}

/// A product that a probe created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutedProduct {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: Id,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_come_back_from_their_bytes() {
        let digests = [Digest { id: 1, key: 0 }, Digest { id: u64::MAX, key: 0x0123_4567_89ab_cdef }];
        let mut bytes: Vec<u8> = digests.iter().flat_map(|digest| digest.to_bytes()).collect();
        bytes.push(7);
        assert_eq!(Digest::all_in(&bytes).collect::<Vec<_>>(), digests);
    }
}
