//! What a set holds when a workload has ended and all is healed: read from the primary, hashed on every member.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::ReadConcern;
use protocol::{EndDrillRequest, Failure, FinalRead, Hash, ReadBack, ReadBackRequest, SetAddress};

use super::attempt::{Missed, keep_trying};
use super::claimed::Owner;
use super::connect::{Error, Login, Peer};
use super::{claimed, look, primary};
use crate::clock;
use crate::deadline::{Deadline, SOON};
use crate::runs;

/// How long a write to a majority may take.
const BARRIER: Duration = Duration::from_secs(10);

/// How long hashing a database may take.
const HASHING: Duration = Duration::from_secs(60);

/// How long members may differ before that is what they are, in milliseconds: a secondary is a moment behind.
const CONVERGING_MS: u64 = 15_000;

/// For how long a delay a member is waited for, in seconds; one with a longer delay is left out.
const LONGEST_DELAY: u64 = 60;

/// Databases that differ between members by their nature.
const OWN: [&str; 2] = ["local", "config"];

/// Reads everything that a workload has left. What can't be read is told as such, not as a failure: it is a finding.
pub async fn read(request: &ReadBackRequest) -> Result<ReadBack, Failure> {
    let login = Login::read_if(request.set.credential.as_ref())?;
    let deadline = Deadline::after_ms(request.timeout_ms);
    let (mut found, mut collections) = (None, BTreeMap::new());
    let read = keep_trying(deadline, async || {
        let peer = primary::connect(&request.set, login.as_ref()).await.map_err(Missed::Yet)?;
        let failed = |error: Error| Missed::Yet(Failure::new(&peer.host, error.to_string()));
        let database = peer.database(&request.database);
        let claimed = claimed::claim(&database).await.map_err(|error| failed(error.into()))?;
        if !claimed {
            return Err(Missed::Ever(Failure::new(&peer.host, claimed::refusal(&request.database))));
        }
        found = Some(read_from(&peer, &request.database).await.map_err(failed)?);
        collections = names(&peer).await.map_err(failed)?;
        Ok(())
    })
    .await;
    let read = match (read, found) {
        (Ok(()), Some(found)) => found,
        (Err(failure), _) => FinalRead { error: Some(failure.to_string()), when: clock::now(), ..FinalRead::default() },
        (Ok(()), None) => FinalRead { error: Some("nothing was read".into()), ..FinalRead::default() },
    };
    let hashes = hashes(&request.set, login.as_ref(), &request.database).await;
    Ok(ReadBack { read, hashes, collections })
}

/// Database and collection by UUID, of all that is replicated.
async fn names(peer: &Peer) -> Result<BTreeMap<String, String>, Error> {
    let mut names = BTreeMap::new();
    for name in databases(peer).await?.iter().filter(|name| *name != "local") {
        let mut cursor = peer.database(name).list_collections().await?;
        while let Some(collection) = cursor.try_next().await? {
            let uuid = collection.info.uuid.and_then(|uuid| uuid.to_uuid().ok());
            names.extend(uuid.map(|uuid| (uuid.to_string(), format!("{name}.{}", collection.name))));
        }
    }
    Ok(names)
}

/// The names of all databases.
async fn databases(peer: &Peer) -> Result<Vec<String>, Error> {
    let answer = peer.ask(doc! { "listDatabases": 1, "nameOnly": true }).await?;
    let names = answer.get_array("databases").into_iter().flatten();
    Ok(names.filter_map(|database| Some(database.as_document()?.get_str("name").ok()?.to_owned())).collect())
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
    Ok(FinalRead {
        when: clock::now(),
        host: peer.host.clone(),
        found,
        twice,
        strange,
        registers,
        ..FinalRead::default()
    })
}

/// Hashes all members until they agree, or for as long as a healthy set may need to. A member with a delay needs that
/// time more, and is asked for the workload's database alone: whoever else writes has gone on meanwhile.
async fn hashes(set: &SetAddress, login: Option<&Login>, own: &str) -> Vec<Hash> {
    let delays = delays(set, login).await;
    let delay_of = |host: &str| delays.get(host).copied().unwrap_or(0);
    let awaited = delays.values().copied().filter(|delay| *delay <= LONGEST_DELAY).max().unwrap_or(0);
    let deadline = Deadline::after_ms(CONVERGING_MS + awaited * 1_000);
    loop {
        let hashes = join_all(set.hosts.iter().map(|host| hash(host, login, own, delay_of(host)))).await;
        if agree(&hashes) || !deadline.pause(SOON * 4).await {
            return hashes;
        }
    }
}

fn agree(hashes: &[Hash]) -> bool {
    let Some(first) = hashes.iter().find(|hash| hash.delay_s == 0) else { return true };
    let same = |hash: &Hash| match hash.delay_s {
        0 => hash.databases == first.databases,
        _ => hash.databases.iter().all(|(name, one)| first.databases.get(name) == Some(one)),
    };
    hashes.iter().all(|hash| hash.error.is_none() && same(hash))
}

/// By how many seconds members are behind the others, by their set's configuration.
async fn delays(set: &SetAddress, login: Option<&Login>) -> BTreeMap<String, u64> {
    for host in &set.hosts {
        let asked = async { Peer::connect(host, login).await?.ask(doc! { "replSetGetConfig": 1 }).await };
        let Ok(answer) = asked.await else { continue };
        let members = answer.get_document("config").and_then(|config| config.get_array("members"));
        let delayed = members.into_iter().flatten().filter_map(|member| {
            let member = member.as_document()?;
            let delay = member.get("secondaryDelaySecs").or_else(|| member.get("slaveDelay"))?;
            let delay = delay.as_i64().or_else(|| delay.as_i32().map(i64::from));
            let delay = u64::try_from(delay?).ok().filter(|delay| *delay > 0)?;
            Some((member.get_str("host").ok()?.to_owned(), delay))
        });
        return delayed.collect();
    }
    BTreeMap::new()
}

async fn hash(host: &str, login: Option<&Login>, own: &str, delay_s: u64) -> Hash {
    let hashed = async {
        let peer = Peer::connect(host, login).await?;
        let status = peer.ask(doc! { "replSetGetStatus": 1 }).await?;
        let arbiter = look::members(&status).iter().any(|member| member.host == host && member.state == "ARBITER");
        let mut hashes = BTreeMap::new();
        if arbiter || delay_s > LONGEST_DELAY {
            return Ok(hashes);
        }
        let names = databases(&peer).await?;
        let wanted = |name: &String| if delay_s > 0 { name == own } else { !OWN.contains(&name.as_str()) };
        for name in names.into_iter().filter(wanted) {
            let database = peer.database(&name);
            let hash = tokio::time::timeout(HASHING, database.run_command(doc! { "dbHash": 1 }).into_future());
            let hash = hash.await.map_err(|_| Error::Network(format!("{name} can't be hashed in time")))??;
            hashes.insert(name, hash.get_str("md5").unwrap_or_default().to_owned());
        }
        if delay_s > 0 {
            // One that has not come so far yet has nothing of it.
            hashes.entry(own.to_owned()).or_default();
        }
        Ok::<_, Error>(hashes)
    };
    let (databases, error) = match hashed.await {
        Ok(databases) => (databases, None),
        Err(error) => (BTreeMap::new(), Some(error.to_string())),
    };
    Hash { when: clock::now(), host: host.to_owned(), databases, delay_s, error }
}

/// Drops the database of a workload, and its user. What only has the name of one is left alone.
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
        let database = peer.database(&request.database);
        if claimed::owner(&database).await.map_err(|error| failed(error.into()))? == Owner::Workload {
            let drop = doc! { "dropDatabase": 1, "writeConcern": majority.clone() };
            database.run_command(drop).await.map_err(|error| failed(error.into()))?;
        }
        if let Some(user) = &request.user
            && is_workloads(&peer, user, &request.database).await.map_err(failed)?
        {
            match peer.ask(doc! { "dropUser": user, "writeConcern": majority }).await {
                Err(error) if error.code() != Some(NO_SUCH_USER) => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    })
    .await
}

/// Whether a user is that of workloads: he may write to their database, and do nothing else.
async fn is_workloads(peer: &Peer, user: &str, database: &str) -> Result<bool, Error> {
    let answer = peer.ask(doc! { "usersInfo": user }).await?;
    let known = answer.get_array("users").ok().and_then(|users| users.first()?.as_document());
    let roles = known.and_then(|user| user.get_array("roles").ok());
    Ok(roles.is_some_and(|roles| *roles == [doc! { "role": "readWrite", "db": database }.into()]))
}
