//! The indexes that make names and addresses unique.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;

use crate::app::App;
use crate::store::whatever_case;

/// The name of the index of addresses: what others name it who let the driver choose, as two may not differ in name only.
pub const EMAIL: &str = "email_1";

/// The name of the index of users' names. Others compare them in their case: theirs and this one can both be there.
const USERNAME: &str = "username_unique";

/// How long to wait between two tries, while the database is away.
const PAUSE: Duration = Duration::from_secs(1);

/// The indexes that there must be before anybody is registered.
pub fn wanted() -> [IndexModel; 2] {
    let index = |keys: Document, options: IndexOptions| IndexModel::builder().keys(keys).options(options).build();
    let username = IndexOptions::builder().name(USERNAME.to_owned()).unique(true).collation(whatever_case()).build();
    let email = IndexOptions::builder().name(EMAIL.to_owned()).unique(true).build();
    [index(doc! { "username": 1 }, username), index(doc! { "email": 1 }, email)]
}

/// Makes the indexes, however long it takes until the database is there.
pub async fn make(app: App) {
    let mut last = String::new();
    while let Err(error) = app.users.ensure_indexes().await {
        // Said once, not each second anew.
        let error = error.to_string();
        if error != last {
            tracing::warn!(error, "can't make the indexes yet; nobody can be registered");
            last = error;
        }
        tokio::time::sleep(PAUSE).await;
    }
    app.indexed();
    tracing::info!("the indexes are there");
}
