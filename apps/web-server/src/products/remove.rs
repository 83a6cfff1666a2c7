//! The end of products.

use std::sync::Arc;

use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use tokio::time::Instant;

use super::change::write;
use super::{Products, Unavailable};
use crate::databases::WRITING;

impl Products {
    /// Takes a product out, with all its copies; the position of the database that it was in, or `None`.
    ///
    /// # Errors
    /// [`Unavailable`] if that was not acknowledged within the time of a write. It may be done all the same.
    pub async fn remove(self: &Arc<Self>, id: ObjectId) -> Result<Option<usize>, Unavailable> {
        let deadline = Instant::now() + WRITING;
        let Some(_turn) = self.turns.of(id, deadline).await else { return Err(self.all_away()) };
        let mut home = None;
        // Until it is nowhere: whoever brings documents in order may have moved it since it was found.
        while let Some(found) = self.find_before(deadline, id).await? {
            home = home.or(Some(found.home));
            // The newest last: a crash between must not bring an older copy back to light.
            for home in found.copies.iter().chain([&found.home]) {
                let database = &self.databases[*home];
                let take_out = || async { database.products.delete_one(doc! { "_id": id }).await.map(drop) };
                write(database, deadline, take_out).await?;
            }
            if Instant::now() >= deadline {
                return Err(Unavailable { databases: vec![self.databases[found.home].name.clone()] });
            }
        }
        Ok(home)
    }
}
