//! What a set holds when a workload has ended and all is healed: read from the primary, hashed on every member.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;
use protocol::{EndDrillRequest, Failure, FinalRead, Hash, ReadBack, ReadBackRequest, SetAddress};

use super::attempt::{Missed, keep_trying};
use super::connect::{Error, Login, Peer};
use super::{look, primary};
use crate::clock;
use crate::deadline::{Deadline, SOON};
use crate::runs;

/// How long a write to a majority may take.
const BARRIER: Duration = Duration::from_secs(10);

/// How long hashing a database may take.
const HASHING: Duration = Duration::from_secs(60);

/// How long members may differ before that is what they are, in milliseconds: a secondary is a moment behind.
const CONVERGING_MS: u64 = 15_000;

/// Databases that differ between members by their nature.
const OWN: [&str; 2] = ["local", "config"];

/// Reads everything that a workload has left. What can't be read is told as such, not as a failure: it is a finding.
pub async fn read(request: &ReadBackRequest) -> Result<ReadBack, Failure> {
    let login = Login::read_if(request.set.credential.as_ref())?;
    let deadline = Deadline::after_ms(request.timeout_ms);
    let mut found = None;
    let read = keep_trying(deadline, async || {
        let peer = primary::connect(&request.set, login.as_ref()).await.map_err(Missed::Yet)?;
        let failed = |error: Error| Missed::Yet(Failure::new(&peer.host, error.to_string()));
        found = Some(read_from(&peer, &request.database).await.map_err(failed)?);
        Ok(())
    })
    .await;
    let read = match (read, found) {
        (Ok(()), Some(found)) => found,
        (Err(failure), _) => FinalRead { error: Some(failure.to_string()), when: clock::now(), ..FinalRead::default() },
        (Ok(()), None) => FinalRead { error: Some("nothing was read".into()), ..FinalRead::default() },
    };
    Ok(ReadBack { read, hashes: hashes(&request.set, login.as_ref()).await })
}

async fn read_from(peer: &Peer, name: &str) -> Result<FinalRead, Error> {
    let database = peer.database(name);
    // All that was written before is on a majority when this is.
    let barrier = doc! {
        "insert": "barrier", "documents": [{}], "writeConcern": { "w": "majority", "wtimeout": 8_000 },
    };
    let answer = tokio::time::timeout(BARRIER, database.run_command(barrier).into_future()).await;
    let answer = answer.map_err(|_| Error::Network("takes no write to a majority".into()))??;
    if let Ok(error) = answer.get_document("writeConcernError") {
        return Err(Error::Network(format!("takes no write to a majority: {error}")));
    }
    let (mut numbers, mut strange) = (Vec::new(), 0);
    let inserts = database.collection::<RawDocumentBuf>("inserts");
    let mut cursor = inserts
        .find(doc! {})
        .projection(doc! { "_id": 0, "op": 1 })
        .read_concern(ReadConcern::majority())
        .batch_size(20_000)
        .await?;
    while let Some(document) = cursor.try_next().await? {
        match document.get_i64("op").ok().and_then(|op| u64::try_from(op).ok()) {
            Some(op) => numbers.push(op),
            None => strange += 1,
        }
    }
    let mut registers = BTreeMap::new();
    let mut cursor =
        database.collection::<Document>("registers").find(doc! {}).read_concern(ReadConcern::majority()).await?;
    while let Some(document) = cursor.try_next().await? {
        // The driver writes a small number in four bytes.
        let id = document.get("_id").and_then(|id| id.as_i64().or_else(|| id.as_i32().map(i64::from)));
        match (id.and_then(|id| u32::try_from(id).ok()), document.get_i64("v")) {
            (Some(register), Ok(value)) => _ = registers.insert(register, value),
            _ => strange += 1,
        }
    }
    let (found, twice) = runs::of(numbers);
    Ok(FinalRead { when: clock::now(), host: peer.host.clone(), found, twice, strange, registers, error: None })
}

/// Hashes all members until they agree, or for as long as a healthy set may need to.
async fn hashes(set: &SetAddress, login: Option<&Login>) -> Vec<Hash> {
    let deadline = Deadline::after_ms(CONVERGING_MS);
    loop {
        let hashes = join_all(set.hosts.iter().map(|host| hash(host, login))).await;
        let agree = hashes.windows(2).all(|pair| pair[0].databases == pair[1].databases);
        if (agree && hashes.iter().all(|hash| hash.error.is_none())) || !deadline.pause(SOON * 4).await {
            return hashes;
        }
    }
}

async fn hash(host: &str, login: Option<&Login>) -> Hash {
    let hashed = async {
        let peer = Peer::connect(host, login).await?;
        let status = peer.ask(doc! { "replSetGetStatus": 1 }).await?;
        let arbiter = look::members(&status).iter().any(|member| member.host == host && member.state == "ARBITER");
        let mut hashes = BTreeMap::new();
        if arbiter {
            return Ok(hashes);
        }
        let answer = peer.ask(doc! { "listDatabases": 1, "nameOnly": true }).await?;
        let names = answer.get_array("databases").into_iter().flatten();
        let names = names.filter_map(|database| database.as_document()?.get_str("name").ok());
        for name in names.filter(|name| !OWN.contains(name)) {
            let database = peer.database(name);
            let hash = tokio::time::timeout(HASHING, database.run_command(doc! { "dbHash": 1 }).into_future());
            let hash = hash.await.map_err(|_| Error::Network(format!("{name} can't be hashed in time")))??;
            hashes.insert(name.to_owned(), hash.get_str("md5").unwrap_or_default().to_owned());
        }
        Ok::<_, Error>(hashes)
    };
    let (databases, error) = match hashed.await {
        Ok(databases) => (databases, None),
        Err(error) => (BTreeMap::new(), Some(error.to_string())),
    };
    Hash { when: clock::now(), host: host.to_owned(), databases, error }
}

/// Drops the database of a workload, and its user.
pub async fn end(request: &EndDrillRequest) -> Result<(), Failure> {
    /// `UserNotFound`.
    const NO_SUCH_USER: i32 = 11;
    let login = Login::read_if(request.set.credential.as_ref())?;
    keep_trying(Deadline::after_ms(request.timeout_ms), async || {
        let peer = primary::connect(&request.set, login.as_ref()).await.map_err(Missed::Yet)?;
        let failed = |error: Error| {
            let transient = error.is_transient();
            let failure = Failure::new(format!("database {}", request.database), format!("can't be dropped: {error}"));
            if transient { Missed::Yet(failure) } else { Missed::Ever(failure) }
        };
        let majority = doc! { "w": "majority", "wtimeout": 8_000 };
        let drop = doc! { "dropDatabase": 1, "writeConcern": majority.clone() };
        peer.database(&request.database).run_command(drop).await.map_err(|error| failed(error.into()))?;
        if let Some(user) = &request.user {
            match peer.ask(doc! { "dropUser": user, "writeConcern": majority }).await {
                Err(error) if error.code() != Some(NO_SUCH_USER) => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    })
    .await
}
