//! New products.

use std::sync::atomic::{AtomicBool, Ordering};

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

use super::input::Fields;
use super::{Place, Products, Unavailable};
use crate::databases::{Failed, WRITING};

/// A product that was written, and where.
#[derive(Debug, Clone)]
pub struct Created {
    /// Where it is.
    pub place: Place,
    /// Its document.
    pub document: RawDocumentBuf,
}

/// Why a product was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCreated {
    /// Its name shows nothing.
    EmptyName,
    /// Its database is away. It may be written all the same: nothing says so.
    Unavailable(Unavailable),
}

impl Products {
    /// Writes a new product to the fragment of its name; done once a majority of the set has it.
    ///
    /// # Errors
    /// [`NotCreated`].
    pub async fn create(&self, fields: Fields) -> Result<Created, NotCreated> {
        let name = fields.name.clone().unwrap_or_default();
        let place = self.place(&name).map_err(|_| NotCreated::EmptyName)?;
        let now = DateTime::now();
        let document = doc! {
            "_id": ObjectId::new(),
            "name": name,
            "description": fields.description.unwrap_or_default(),
            "price": fields.price.unwrap_or_default(),
            "stock": stock(fields.stock.unwrap_or_default()),
            "category": fields.category.unwrap_or_default(),
            "created_at": now,
            "updated_at": now,
        };
        let raw = self.insert(&place, &document).await.map_err(NotCreated::Unavailable)?;
        Ok(Created { place, document: raw })
    }

    async fn insert(&self, place: &Place, document: &Document) -> Result<RawDocumentBuf, Unavailable> {
        let database = &self.databases[place.home];
        let raw = RawDocumentBuf::try_from(document).map_err(|_| Unavailable { databases: Vec::new() })?;
        let first = AtomicBool::new(true);
        let attempt = || async {
            if first.swap(false, Ordering::Relaxed) {
                return database.products.insert_one(&raw).await.map(drop);
            }
            // The one before may have been carried out: writing it once more by its identity changes nothing then,
            // and is acknowledged only when a majority has it.
            let mut rest = document.clone();
            let id = rest.remove("_id");
            let again = database.products.update_one(doc! { "_id": id }, doc! { "$setOnInsert": rest });
            again.upsert(true).await.map(drop)
        };
        database.write(WRITING, attempt).await.map_err(|failed: Failed| Unavailable::of(database)(failed))?;
        Ok(raw)
    }
}

/// A stock as small numbers are written everywhere: 32 bits where they are enough.
pub(super) fn stock(stock: i64) -> Bson {
    i32::try_from(stock).map_or(Bson::Int64(stock), Bson::Int32)
}
