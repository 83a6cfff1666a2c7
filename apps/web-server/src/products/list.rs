//! Lists of products from all databases at once.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, RawDocument, doc};
use mongodb::error::Result;
use mongodb::raw_batch_cursor::RawBatch;

use super::merge::{Part, merge};
use super::query::write_cursor;
use super::{Product, Products, Query, Unavailable};
use crate::databases::Database;

/// Room for one product in an answer, in bytes: what a typical one takes.
const TYPICAL: usize = 300;

/// One database's batches; `None` when it is away.
type Answer = Option<Vec<RawBatch>>;

/// What the databases sent for one query.
#[derive(Debug)]
pub struct Listed {
    answers: Vec<Answer>,
    /// The newest change of products whose copy elsewhere does not answer the query.
    hidden: HashMap<ObjectId, Option<DateTime>>,
    limit: usize,
    /// The names of the databases that are away.
    pub missing: Vec<String>,
}

/// What was shown of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many products.
    pub count: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// How many products a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The database's name.
    pub database: String,
    /// `None` when it is away.
    pub count: Option<u64>,
}

impl Products {
    /// The answer to a query as JSON; equal queries that come at the same time share it.
    ///
    /// # Errors
    /// [`Unavailable`] if all databases are away.
    pub async fn list(self: &Arc<Self>, query: Query) -> std::result::Result<Bytes, Unavailable> {
        let products = Arc::clone(self);
        let look = move |query: Query, askers: Vec<()>| {
            let products = Arc::clone(&products);
            async move {
                let answer = products.select(&query).await.map(|listed| products.json(&listed));
                vec![answer; askers.len()]
            }
        };
        let lists = Arc::clone(&self.lists);
        lists.ask(query, (), look).await.unwrap_or_else(|| Err(self.all_away()))
    }

    /// Asks all databases at once.
    ///
    /// # Errors
    /// [`Unavailable`] if all are away.
    pub async fn select(&self, query: &Query) -> std::result::Result<Listed, Unavailable> {
        let answers = join_all(self.databases.iter().map(|database| batches(database, query))).await;
        if answers.iter().all(Option::is_none) {
            return Err(self.all_away());
        }
        let missing = self.databases.iter().zip(&answers).filter(|(_, answer)| answer.is_none());
        let missing = missing.map(|(database, _)| database.name.clone()).collect();
        let hidden = if query.is_selective() { self.hidden(&answers).await } else { HashMap::new() };
        Ok(Listed { answers, hidden, limit: query.limit as usize, missing })
    }

    /// Finds newer copies of what was found: a copy elsewhere may no longer be what is looked for.
    async fn hidden(&self, answers: &[Answer]) -> HashMap<ObjectId, Option<DateTime>> {
        let looks = self.databases.iter().enumerate().map(|(home, database)| {
            let elsewhere = answers.iter().enumerate().filter(move |(other, _)| *other != home);
            let ids = elsewhere.flat_map(|(_, answer)| documents(answer)).filter_map(|d| d.get_object_id("_id").ok());
            ages(database, ids.collect())
        });
        let mut newest = HashMap::new();
        for (id, at) in join_all(looks).await.into_iter().flatten() {
            let age = newest.entry(id).or_insert(at);
            *age = (*age).max(at);
        }
        newest
    }

    /// How many products each database has that answer a query.
    pub async fn count(&self, query: &Query) -> Vec<Counted> {
        let count = |database: &Arc<Database>| {
            let (database, filter) = (Arc::clone(database), query.selection());
            async move {
                let count = database.read(|| async { database.products.count_documents(filter.clone()).await }).await;
                Counted { database: database.name.clone(), count: count.ok() }
            }
        };
        join_all(self.databases.iter().map(count)).await
    }

    /// The categories that products are in, from the databases that are there.
    pub async fn categories(&self) -> Vec<String> {
        let categories = |database: &Arc<Database>| {
            let database = Arc::clone(database);
            async move {
                let distinct = || async { database.products.distinct("category", doc! {}).await };
                database.read(distinct).await.unwrap_or_default()
            }
        };
        let all = join_all(self.databases.iter().map(categories)).await.into_iter().flatten();
        let named = all.filter_map(|category| category.as_str().map(ToOwned::to_owned)).filter(|text| !text.is_empty());
        named.collect::<BTreeSet<String>>().into_iter().collect()
    }

    fn json(&self, listed: &Listed) -> Bytes {
        let mut text = Vec::with_capacity(TYPICAL * listed.len().min(listed.limit) + TYPICAL);
        text.extend_from_slice(b"{\"products\":[");
        let begin = text.len();
        let page = listed.show(|home, product| {
            if text.len() > begin {
                text.push(b',');
            }
            product.write(&mut text, &self.databases[home].name);
        });
        // A Vec takes all that is written to it; strings and numbers always become JSON.
        let _ = write!(text, "],\"count\":{},\"missing\":", page.count);
        let _ = serde_json::to_writer(&mut text, &listed.missing);
        if let Some(next) = page.next {
            let _ = write!(text, ",\"next_cursor\":\"{next}\"");
        }
        text.push(b'}');
        text.into()
    }
}

impl Listed {
    fn len(&self) -> usize {
        self.answers.iter().map(|answer| documents(answer).count()).sum()
    }

    /// Shows the products of the page in the order of their identities.
    pub fn show<'a>(&'a self, mut show: impl FnMut(usize, Product<'a>)) -> Page {
        let parts: Vec<Part<'a>> =
            (0..).zip(&self.answers).map(|(home, a)| Part { home, documents: documents(a).collect() }).collect();
        let (mut page, mut last, mut seen) = (Page { count: 0, next: None }, None, 0);
        merge(&parts, |home, product| {
            if seen == self.limit {
                page.next = last.map(write_cursor);
                return false;
            }
            (seen, last) = (seen + 1, Some(product.id));
            if self.hidden.get(&product.id).is_none_or(|newest| *newest <= product.updated_at) {
                page.count += 1;
                show(home, product);
            }
            true
        });
        page
    }
}

fn documents(answer: &Answer) -> impl Iterator<Item = &RawDocument> {
    let batches = answer.iter().flatten().filter_map(|batch| batch.doc_slices().ok());
    batches.flatten().filter_map(|element| element.ok()?.as_document())
}

/// All batches of a query; one more product than asked tells whether there is more. Mostly one round trip.
async fn batches(database: &Database, query: &Query) -> Answer {
    let filter = query.filter();
    let attempt = || async {
        let find = database.products.find(filter.clone()).sort(doc! { "_id": 1 });
        let one_more = query.limit + 1;
        let cursor = find.limit(i64::from(one_more)).batch_size(one_more).batch().await?;
        cursor.collect::<Vec<Result<RawBatch>>>().await.into_iter().collect()
    };
    database.read(attempt).await.ok()
}

/// When each of these was changed last in one database; nothing of a database that is away.
async fn ages(database: &Database, ids: Vec<ObjectId>) -> Vec<(ObjectId, Option<DateTime>)> {
    if ids.is_empty() {
        return Vec::new();
    }
    let attempt = || async {
        let find = database.products.find(doc! { "_id": { "$in": &ids } }).projection(doc! { "updated_at": 1 });
        let batches: Result<Vec<RawBatch>> = find.batch().await?.collect::<Vec<_>>().await.into_iter().collect();
        let answer = Some(batches?);
        Result::Ok(documents(&answer).filter_map(Product::read).map(|found| (found.id, found.updated_at)).collect())
    };
    database.read(attempt).await.unwrap_or_default()
}
