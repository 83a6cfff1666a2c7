//! One product by its identity, wherever it is.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join_all;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{RawDocumentBuf, doc};
use mongodb::error::Result;

use super::{Product, Products, Unavailable};
use crate::databases::Database;

/// A product's document and where it is.
#[derive(Debug, Clone)]
pub struct Found {
    /// The position of the database.
    pub home: usize,
    /// What it holds.
    pub document: RawDocumentBuf,
    /// Where an older copy is, which a crash in the middle of a move left.
    pub copies: Vec<usize>,
}

impl Found {
    /// The product itself; documents without identity are never found.
    pub fn product(&self) -> Option<Product<'_>> {
        Product::read(&self.document)
    }
}

/// What a look for one product brings: it, nothing, or doubt, since a database is away that may have it.
pub type Lookup = std::result::Result<Option<Found>, Unavailable>;

impl Products {
    /// Looks for a product in all databases at once; looks that come at the same time share a query.
    ///
    /// # Errors
    /// [`Unavailable`] if it was not found and a database is away.
    pub async fn find(self: &Arc<Self>, id: ObjectId) -> Lookup {
        let products = Arc::clone(self);
        let look = move |(), ids: Vec<ObjectId>| {
            let products = Arc::clone(&products);
            async move { products.look(&ids).await }
        };
        match self.lookups.ask((), id, look).await {
            Some(lookup) => lookup,
            None => Err(self.all_away()),
        }
    }

    /// All of them, for the case that nothing is known.
    pub(super) fn all_away(&self) -> Unavailable {
        Unavailable { databases: self.databases.iter().map(|database| database.name.clone()).collect() }
    }

    async fn look(&self, ids: &[ObjectId]) -> Vec<Lookup> {
        let answers = join_all(self.databases.iter().map(|database| copies(database, ids))).await;
        let away: Vec<String> = self
            .databases
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(database, _)| database.name.clone())
            .collect();
        let mut found: Vec<(ObjectId, usize, RawDocumentBuf)> = answers
            .into_iter()
            .enumerate()
            .flat_map(|(home, answer)| {
                let copies = answer.unwrap_or_default().into_iter();
                copies.filter_map(move |copy| Some((Product::read(&copy)?.id, home, copy)))
            })
            .collect();
        found.sort_by_key(|(id, ..)| *id);
        ids.iter()
            .map(|id| {
                let begin = found.partition_point(|(other, ..)| other < id);
                let end = found.partition_point(|(other, ..)| other <= id);
                match newest(&found[begin..end]) {
                    Some(found) => Ok(Some(found)),
                    None if away.is_empty() => Ok(None),
                    None => Err(Unavailable { databases: away.clone() }),
                }
            })
            .collect()
    }
}

fn newest(copies: &[(ObjectId, usize, RawDocumentBuf)]) -> Option<Found> {
    let age = |copy: &RawDocumentBuf| Product::read(copy).and_then(|product| product.updated_at);
    // Of equals the first, as in lists.
    let (_, home, document) = copies.iter().rev().max_by_key(|(_, _, copy)| age(copy))?;
    let others = copies.iter().map(|(_, other, _)| *other).filter(|other| other != home).collect();
    Some(Found { home: *home, document: document.clone(), copies: others })
}

async fn copies(database: &Database, ids: &[ObjectId]) -> Option<Vec<RawDocumentBuf>> {
    let attempt = || async {
        // A single identity is found without planning.
        let filter = match ids {
            [id] => doc! { "_id": id },
            _ => doc! { "_id": { "$in": ids } },
        };
        let mut batches = database.products.find(filter).batch_size(u32::try_from(ids.len()).unwrap_or(u32::MAX) + 1);
        if ids.len() == 1 {
            batches = batches.limit(-1);
        }
        let mut batches = batches.batch().await?;
        let mut copies = Vec::with_capacity(ids.len());
        while let Some(batch) = batches.next().await {
            for document in batch?.doc_slices()? {
                copies.extend(document?.as_document().map(ToOwned::to_owned));
            }
        }
        Result::Ok(copies)
    };
    database.read(attempt).await.ok()
}
