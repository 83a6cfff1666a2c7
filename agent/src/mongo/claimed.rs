//! The database that workloads have for themselves. It bears a mark; one of the same name without it is somebody's own
//! and is neither written to nor dropped.

use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::error::Result;
use mongodb::options::{Acknowledgment, WriteConcern};

/// The collection whose presence is the mark.
const MARK: &str = "made_by_distctl_failover_test";

/// Whose a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It is not there.
    Nobody,
    /// A workload made it.
    Workload,
    /// It is there without the mark.
    Other,
}

/// Says whose a database is.
pub async fn owner(database: &Database) -> Result<Owner> {
    let names = database.list_collection_names().await?;
    Ok(match names.iter().any(|name| name == MARK) {
        true => Owner::Workload,
        false if names.is_empty() => Owner::Nobody,
        false => Owner::Other,
    })
}

/// Marks a database that is not there yet. `false` where it is somebody's own.
pub async fn claim(database: &Database) -> Result<bool> {
    match owner(database).await? {
        Owner::Workload => return Ok(true),
        Owner::Other => return Ok(false),
        Owner::Nobody => {}
    }
    let majority = WriteConcern::builder().w(Acknowledgment::Majority).build();
    let mark = doc! { "_id": "everything in this database is deleted when a failover test ends" };
    let marked = database.collection::<Document>(MARK).insert_one(mark).write_concern(majority).await;
    match marked {
        Err(error) if !is_there(&error) => Err(error),
        _ => Ok(true),
    }
}

/// Whether a first attempt, whose answer was lost, has written the mark.
fn is_there(error: &mongodb::error::Error) -> bool {
    const DUPLICATE_KEY: &str = "E11000";
    error.to_string().contains(DUPLICATE_KEY)
}

/// What is said of a database that is somebody's own.
pub fn refusal(name: &str) -> String {
    format!(
        "the database {name} is there and no failover test of this version made it; it is left as it is. Rename it, or \
         drop it yourself if nobody needs it"
    )
}
