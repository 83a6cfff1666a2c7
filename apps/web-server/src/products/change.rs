//! Changes of products, also of names that belong elsewhere.

use std::sync::Arc;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::ReturnDocument;
use tokio::time::Instant;

use super::create::stock;
use super::input::Fields;
use super::{Found, Product, Products, Unavailable};
use crate::databases::{Database, Failed, WRITING};

/// What a change was met with.
#[derive(Debug, Clone)]
pub enum Changed {
    /// It is done: where the product is now, and its document.
    Done(usize, RawDocumentBuf),
    /// There is no such product.
    Missing,
}

impl Products {
    /// Changes fields of a product; done once a majority has the change.
    ///
    /// A name that belongs to another fragment moves the product: it is written to the new database first and then taken
    /// out of the old one, so that a crash between leaves two copies and never none. Somebody else's change at the same
    /// time is noticed by its time, and the change is made again on top of it.
    ///
    /// # Errors
    /// [`Unavailable`] if nothing was acknowledged within the time of a write. It may be done all the same.
    pub async fn change(self: &Arc<Self>, id: ObjectId, fields: &Fields) -> Result<Changed, Unavailable> {
        let deadline = Instant::now() + WRITING;
        let Some(_turn) = self.turns.of(id, deadline).await else { return Err(self.all_away()) };
        loop {
            let Some(found) = self.find_before(deadline, id).await? else { return Ok(Changed::Missing) };
            if let Some(changed) = self.change_found(&found, fields, deadline).await? {
                return Ok(changed);
            }
            if Instant::now() >= deadline {
                return Err(Unavailable { databases: vec![self.databases[found.home].name.clone()] });
            }
        }
    }

    /// Looks until the product is found, or all databases say that there is none.
    pub(super) async fn find_before(
        self: &Arc<Self>,
        deadline: Instant,
        id: ObjectId,
    ) -> Result<Option<Found>, Unavailable> {
        loop {
            match self.find(id).await {
                Err(unavailable) if Instant::now() >= deadline => return Err(unavailable),
                Err(_) => {}
                Ok(lookup) => return Ok(lookup),
            }
        }
    }

    /// Makes the change where it belongs; `None` if somebody else was faster.
    async fn change_found(
        &self,
        found: &Found,
        fields: &Fields,
        deadline: Instant,
    ) -> Result<Option<Changed>, Unavailable> {
        let Some(product) = found.product() else { return Ok(Some(Changed::Missing)) };
        let change = set(fields, &product);
        // Without a new name it stays where it is, even if it does not belong there: that is for the check to find.
        let renamed = fields.name.as_deref().filter(|name| *name != product.name);
        let target = renamed.and_then(|name| self.place(name).ok()).map_or(found.home, |place| place.home);
        let newest = change.get("updated_at").cloned();
        let done = match target == found.home {
            true => self.update(target, &product, change, deadline).await?,
            false => self.place_anew(target, found, change, deadline).await?,
        };
        let Some(document) = done else { return Ok(None) };
        let others = std::iter::once(&found.home).chain(&found.copies).filter(|home| **home != target);
        for home in others {
            if !take_out(&self.databases[*home], &product, newest.as_ref(), deadline).await? {
                // Somebody changed it there meanwhile: ours must not hide that.
                let ours = doc! { "_id": product.id, "updated_at": &newest };
                let database = &self.databases[target];
                write(database, deadline, || async { database.products.delete_one(ours.clone()).await }).await?;
                return Ok(None);
            }
        }
        Ok(Some(Changed::Done(target, document)))
    }

    /// Changes it where it is; `None` if somebody else was faster.
    async fn update(
        &self,
        home: usize,
        product: &Product<'_>,
        change: Document,
        deadline: Instant,
    ) -> Result<Option<RawDocumentBuf>, Unavailable> {
        let database = &self.databases[home];
        // Also as this very change left it: an attempt may have been carried out without our hearing of it.
        let filter =
            doc! { "_id": product.id, "updated_at": { "$in": [at(product), change.get("updated_at").cloned()] } };
        let attempt = || async {
            let find = database.products.find_one_and_update(filter.clone(), doc! { "$set": &change });
            find.return_document(ReturnDocument::After).await
        };
        write(database, deadline, attempt).await
    }

    /// Writes the changed product to another database; `None` if something newer is there.
    async fn place_anew(
        &self,
        target: usize,
        found: &Found,
        change: Document,
        deadline: Instant,
    ) -> Result<Option<RawDocumentBuf>, Unavailable> {
        let database = &self.databases[target];
        let unreadable = || Unavailable { databases: vec![database.name.clone()] };
        let mut whole = Document::try_from(&found.document).map_err(|_| unreadable())?;
        whole.extend(change);
        let raw = RawDocumentBuf::try_from(&whole).map_err(|_| unreadable())?;
        let older = doc! { "_id": whole.get("_id"), "updated_at": { "$not": { "$gt": whole.get("updated_at") } } };
        let attempt = || async {
            match database.products.replace_one(older.clone(), &raw).upsert(true).await {
                Ok(_) => Ok(true),
                // With a newer one there, the filter finds nothing and the identity is taken.
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error),
            }
        };
        Ok(write(database, deadline, attempt).await?.then_some(raw))
    }
}

/// Takes an older copy out; whether nothing of the product is left there. This very change may be: whoever brings
/// documents in order has moved it there, and takes the other copy for deleted if that goes.
async fn take_out(
    database: &Database,
    product: &Product<'_>,
    ours: Option<&Bson>,
    deadline: Instant,
) -> Result<bool, Unavailable> {
    let older = doc! { "_id": product.id, "updated_at": { "$not": { "$gt": at(product) } } };
    write(database, deadline, || async { database.products.delete_one(older.clone()).await }).await?;
    let others = doc! { "_id": product.id, "updated_at": { "$ne": ours } };
    let left = || async { database.products.find_one(others.clone()).await };
    Ok(write(database, deadline, left).await?.is_none())
}

/// Whether an identity is taken, by the number that MongoDB has for it.
fn is_duplicate(error: &Error) -> bool {
    const DUPLICATE_KEY: i32 = 11000;
    matches!(error.kind.as_ref(), ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY)
}

/// The time of a product's last change, as a filter finds it.
fn at(product: &Product<'_>) -> Option<Bson> {
    Some(product.updated_at.map_or(Bson::Null, Bson::DateTime))
}

/// What is to be set. The time of a change is always after that of the one before: it orders copies.
fn set(fields: &Fields, product: &Product<'_>) -> Document {
    let before = product.updated_at.map_or(i64::MIN, DateTime::timestamp_millis);
    let now = DateTime::from_millis(DateTime::now().timestamp_millis().max(before.saturating_add(1)));
    let mut set = doc! { "updated_at": now };
    let texts = [("name", &fields.name), ("description", &fields.description), ("category", &fields.category)];
    set.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_ref()?.into()))));
    set.extend(fields.price.map(|price| ("price".to_owned(), price.into())));
    set.extend(fields.stock.map(|count| ("stock".to_owned(), stock(count))));
    set
}

/// Writes in what is left of the time.
pub(super) async fn write<T, F>(
    database: &Database,
    deadline: Instant,
    attempt: impl Fn() -> F,
) -> Result<T, Unavailable>
where
    F: Future<Output = mongodb::error::Result<T>>,
{
    let left = deadline.saturating_duration_since(Instant::now());
    database.write(left, attempt).await.map_err(|failed: Failed| Unavailable::of(database)(failed))
}
