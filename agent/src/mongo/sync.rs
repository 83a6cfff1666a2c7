//! How members get on that are not where they should be yet.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use mongodb::bson::{Bson, Document, doc};
use protocol::WaitReplicaSetRequest;

use super::connect::{Error, Login, Peer};
use super::hello::Freshness;
use super::primary::Census;
use crate::call::progress;

/// How often members are asked how far they are.
const LOOKING: Duration = Duration::from_secs(2);

/// Watches members of a set.
pub struct Watch<'r> {
    request: &'r WaitReplicaSetRequest,
    login: Option<Login>,
    marks: BTreeMap<String, Mark>,
    next: Instant,
    said: String,
}

/// The farthest that a member was seen.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    freshness: Freshness,
    copied: (i64, i64, i64, i64),
}

impl<'r> Watch<'r> {
    /// Watches those that a request waits for.
    pub fn new(request: &'r WaitReplicaSetRequest) -> Self {
        let login = request.keyfile.as_deref().and_then(|keyfile| Login::member(keyfile).ok());
        Self { request, login, marks: BTreeMap::new(), next: Instant::now(), said: String::new() }
    }

    /// Whether a member that is missing has got on since the last look; tells how far those are that copy their first
    /// data. What one has lost and gains again is no progress.
    pub async fn sees_progress(&mut self, census: &Census, goal: Option<Freshness>) -> bool {
        if Instant::now() < self.next {
            return false;
        }
        self.next = Instant::now() + LOOKING;
        let (mut moved, mut told) = (false, Vec::new());
        for member in &self.request.members {
            let Some(Ok(hello)) = census.get(member) else { continue };
            let serves = hello.serves(&self.request.set.name);
            if serves && goal.is_none_or(|goal| hello.freshness() >= goal) {
                continue;
            }
            let copy = if serves { None } else { copying(member, self.login.as_ref()).await.ok().flatten() };
            told.extend(copy.as_ref().map(|copy| format!("{member} copies its data: {copy}")));
            let copied = copy.map(|copy| copy.mark()).unwrap_or_default();
            let first = Mark { freshness: hello.freshness(), copied };
            let known = self.marks.entry(member.clone()).or_insert(first);
            moved |= first.freshness > known.freshness || first.copied > known.copied;
            known.freshness = known.freshness.max(first.freshness);
            known.copied = known.copied.max(first.copied);
        }
        let told = told.join("; ");
        if !told.is_empty() && told != self.said {
            progress(told.clone());
            self.said = told;
        }
        moved
    }
}

/// How far a member is with copying its first data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Copying {
    failed: i64,
    bytes: i64,
    of_bytes: i64,
    collections: i64,
    of_collections: i64,
    applied: i64,
}

impl Copying {
    /// What only grows while it gets on.
    fn mark(self) -> (i64, i64, i64, i64) {
        (self.failed, self.bytes, self.collections, self.applied)
    }

    fn read(status: &Document) -> Self {
        let databases = status.get_document("databases").cloned().unwrap_or_default();
        let of_all = |field: &str| databases.values().filter_map(Bson::as_document).map(|one| number(one, field)).sum();
        Self {
            failed: number(status, "failedInitialSyncAttempts"),
            bytes: number(status, "approxTotalBytesCopied"),
            of_bytes: number(status, "approxTotalDataSize"),
            collections: of_all("clonedCollections"),
            of_collections: of_all("collections"),
            applied: number(status, "appliedOps"),
        }
    }
}

impl fmt::Display for Copying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, bytes, of_bytes, collections, of_collections, .. } = *self;
        write!(f, "{} of {} MiB, {collections} of {of_collections} collections", bytes >> 20, of_bytes >> 20)?;
        if failed > 0 { write!(f, ", after {failed} tries that failed") } else { Ok(()) }
    }
}

fn number(document: &Document, field: &str) -> i64 {
    match document.get(field) {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        #[allow(clippy::cast_possible_truncation, reason = "sizes, which are far below 2^53")]
        Some(Bson::Double(number)) => *number as i64,
        _ => 0,
    }
}

/// Asks a member how far its first copy is; `None` where it makes none. Users reach it with the copy, so it is asked by
/// the key that members trust each other by.
async fn copying(host: &str, login: Option<&Login>) -> Result<Option<Copying>, Error> {
    let peer = Peer::connect(host, login).await?;
    let answer = peer.ask(doc! { "replSetGetStatus": 1, "initialSync": 1 }).await?;
    Ok(answer.get_document("initialSyncStatus").ok().map(Copying::read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_copy_is_told_in_bytes_and_collections() {
        let status = doc! {
            "failedInitialSyncAttempts": 0, "maxFailedInitialSyncAttempts": 10,
            "approxTotalDataSize": 3_i64 << 30, "approxTotalBytesCopied": (1_i64 << 30) + 5, "appliedOps": 7_i64,
            "databases": {
                "databasesToClone": 1, "databasesCloned": 1,
                "admin": { "collections": 3, "clonedCollections": 3 },
                "shop": { "collections": 4, "clonedCollections": 1, "shop.a": { "documentsToCopy": 5_i64 } },
            },
        };
        let copying = Copying::read(&status);
        assert_eq!(copying.to_string(), "1024 of 3072 MiB, 4 of 7 collections");
        assert_eq!(copying.mark(), (0, (1 << 30) + 5, 4, 7));
        let again = Copying { failed: 1, ..Copying::default() };
        assert!(again.mark() > copying.mark(), "a new try begins from nothing, and is progress once");
        assert_eq!(again.to_string(), "0 of 0 MiB, 0 of 0 collections, after 1 tries that failed");
    }
}
