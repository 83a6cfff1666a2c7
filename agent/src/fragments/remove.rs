//! Documents that leave: deleted only while they are byte for byte what was read.

use std::collections::HashMap;

use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::{Result, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, WriteConcern};
use protocol::{Failure, Fate, Id, Version};

use super::copy::fates;
use super::document::{read_id, version, write_id};
use super::journal;
use super::place::Place;

/// What is to be deleted.
pub struct Removal<'r> {
    /// The batch that it is written down under, if it is one.
    pub batch: Option<&'r str>,
    /// The documents.
    pub documents: &'r [Version],
    /// Whether they are kept in the quarantine.
    pub quarantine: bool,
}

/// Deletes what is still as it was read, and says what became of each.
pub async fn remove(place: &Place, removal: &Removal<'_>) -> std::result::Result<Vec<Fate>, Failure> {
    place.prepare().await?;
    let ids: Vec<Bson> = removal.documents.iter().map(|one| read_id(&one.id)).collect::<std::result::Result<_, _>>()?;
    let mut removed = match removal.batch {
        // An answer that was lost is given again: what was deleted is not there to be deleted twice.
        Some(batch) => journal::removed_by(place, batch).await?,
        None => None,
    };
    if removed.is_none() {
        let work = Work { place, removal, ids };
        removed = Some(match place.is_set {
            true => place.trying(async || work.in_one_transaction().await).await?,
            false => place.trying(async || work.one_by_one().await).await?,
        });
    }
    let removed = removed.unwrap_or_default();
    fates(place, removal.documents, || removed.into_iter().filter_map(|id| write_id(id).ok()).collect()).await
}

/// Says what became of documents of a batch that was to be deleted here.
pub async fn judge(place: &Place, batch: &str, documents: &[Version]) -> std::result::Result<Vec<Fate>, Failure> {
    let removed = journal::removed_by(place, batch).await?.unwrap_or_default();
    let written: Vec<Id> = removed.into_iter().filter_map(|id| write_id(id).ok()).collect();
    fates(place, documents, || written).await
}

struct Work<'r> {
    place: &'r Place,
    removal: &'r Removal<'r>,
    ids: Vec<Bson>,
}

impl Work<'_> {
    /// Looks, keeps, deletes and writes it down, all or nothing: who changes one of the documents meanwhile makes the
    /// transaction fail, and the next attempt sees the change.
    async fn in_one_transaction(&self) -> Result<Vec<Bson>> {
        let mut session = self.place.client.start_session().await?;
        let begin = session.start_transaction().read_concern(ReadConcern::snapshot());
        begin.write_concern(WriteConcern::majority()).await?;
        match self.steps(&mut session).await {
            Ok(removed) => commit(&mut session).await.map(|()| removed),
            Err(error) => {
                // It ends by itself if this does not get through.
                let _ = session.abort_transaction().await;
                Err(error)
            }
        }
    }

    async fn steps(&self, session: &mut ClientSession) -> Result<Vec<Bson>> {
        let documents = self.plain::<RawDocumentBuf>(self.place.documents().name());
        let mut cursor = documents.find(doc! { "_id": { "$in": &self.ids } }).session(&mut *session).await?;
        let mut found = Vec::new();
        while let Some(document) = cursor.next(session).await {
            found.push(document?);
        }
        let same = self.unchanged(found);
        if same.is_empty() {
            return Ok(Vec::new());
        }
        if self.removal.quarantine {
            self.keep(&same, session).await?;
        }
        let ids: Vec<Bson> = same.iter().filter_map(id_of).collect();
        documents.delete_many(doc! { "_id": { "$in": &ids } }).session(&mut *session).await?;
        if let Some(batch) = self.removal.batch {
            let journal = self.plain::<Document>(self.place.journal().name());
            journal.insert_one(journal::removed(batch, &ids)).session(&mut *session).await?;
        }
        Ok(ids)
    }

    /// A collection without concerns of its own: in a transaction they are the transaction's.
    fn plain<T: Send + Sync>(&self, name: &str) -> mongodb::Collection<T> {
        self.place.client.database(&self.place.documents().namespace().db).collection(name)
    }

    fn unchanged(&self, found: Vec<RawDocumentBuf>) -> Vec<RawDocumentBuf> {
        let wanted: HashMap<&Id, &String> = self.removal.documents.iter().map(|one| (&one.id, &one.sha256)).collect();
        let is_same = |document: &RawDocumentBuf| {
            version(document).is_ok_and(|now| wanted.get(&now.id).is_some_and(|sha256| **sha256 == now.sha256))
        };
        found.into_iter().filter(is_same).collect()
    }

    /// Keeps older copies in the quarantine, as they are; one whose identity is taken there by another gets one that
    /// tells of it.
    async fn keep(&self, documents: &[RawDocumentBuf], session: &mut ClientSession) -> Result<()> {
        let quarantine = self.plain::<RawDocumentBuf>(self.place.quarantine().name());
        for document in documents {
            let there = quarantine.find_one(doc! { "_id": id_of(document) }).session(&mut *session).await?;
            match there {
                None => _ = quarantine.insert_one(document).session(&mut *session).await?,
                Some(there) if there == *document => {}
                Some(_) => {
                    let (filter, renamed) = renamed(document)?;
                    let replace = quarantine.replace_one(filter, &renamed).upsert(true);
                    replace.session(&mut *session).await?;
                }
            }
        }
        Ok(())
    }

    /// A single mongod has no transactions: each deletion has the whole document as its condition, and what is about to
    /// be deleted is written down before.
    async fn one_by_one(&self) -> Result<Vec<Bson>> {
        let documents = self.place.documents();
        let mut found = Vec::new();
        let mut cursor = documents.find(doc! { "_id": { "$in": &self.ids } }).await?;
        while cursor.advance().await? {
            found.push(cursor.current().to_owned());
        }
        let same = self.unchanged(found);
        let ids: Vec<Bson> = same.iter().filter_map(id_of).collect();
        if let Some(batch) = self.removal.batch {
            let entry = journal::removed(batch, &ids);
            self.place.journal().replace_one(doc! { "_id": batch }, entry).upsert(true).await?;
        }
        for document in &same {
            if self.removal.quarantine {
                let (filter, renamed) = renamed(document)?;
                self.place.quarantine().replace_one(filter, &renamed).upsert(true).await?;
            }
            let (whole, size) = (Document::try_from(document)?, i32::try_from(document.as_bytes().len()).unwrap_or(0));
            let as_read = doc! { "$and": [
                { "$eq": [{ "$bsonSize": "$$ROOT" }, size] }, { "$eq": ["$$ROOT", { "$literal": whole }] },
            ] };
            documents.delete_one(doc! { "_id": id_of(document), "$expr": as_read }).await?;
        }
        Ok(ids)
    }
}

fn id_of(document: &RawDocumentBuf) -> Option<Bson> {
    document.get("_id").ok().flatten().and_then(|id| Bson::try_from(id).ok())
}

/// A document under an identity that tells whose older copy it is, and the filter that finds it.
fn renamed(document: &RawDocumentBuf) -> Result<(Document, RawDocumentBuf)> {
    let mut whole = Document::try_from(document)?;
    let sha256 = version(document).map(|version| version.sha256).unwrap_or_default();
    let id = doc! { "of": whole.remove("_id"), "sha256": sha256 };
    let mut renamed = doc! { "_id": id.clone() };
    renamed.extend(whole);
    Ok((doc! { "_id": id }, RawDocumentBuf::try_from(&renamed)?))
}

/// Commits; an answer that was lost is asked for again.
async fn commit(session: &mut ClientSession) -> Result<()> {
    let mut last = session.commit_transaction().await;
    for _ in 0..5 {
        match &last {
            Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
                last = session.commit_transaction().await;
            }
            _ => break,
        }
    }
    last
}
