//! The users in the database.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::{Acknowledgment, ClientOptions, Collation, CollationStrength, WriteConcern};
use mongodb::{Collection, Database};

use crate::indexes;
use crate::user::{Listed, Role, User};

/// How many connections there may be. Hashing passwords is what takes time here, not asking the database.
const CONNECTIONS: u32 = 16;

/// How long until a database that is away counts as that.
const SELECTING: Duration = Duration::from_secs(2);

/// How long until an address that does not answer counts as away.
const CONNECTING: Duration = Duration::from_secs(2);

/// How long anything may take that a client waits for.
const ASKING: Duration = Duration::from_secs(5);

/// mongod's number for a value that a unique index has already.
const DUPLICATE_KEY: i32 = 11000;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody has that name.
    #[error("the name is taken")]
    NameTaken,
    /// Somebody has that address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// It can't be reached, does not answer in time, or answers with an error.
    #[error("the database is not available: {0}")]
    Away(String),
}

impl From<mongodb::error::Error> for Error {
    fn from(error: mongodb::error::Error) -> Self {
        match error.kind.as_ref() {
            ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY => {
                // The message names the index before the value, and names and addresses contain no spaces.
                let email = write.message.contains(&format!(" index: {} ", indexes::EMAIL));
                if email { Self::EmailTaken } else { Self::NameTaken }
            }
            kind => Self::Away(kind.to_string()),
        }
    }
}

/// Sets what the address of the database leaves open.
pub fn tune(options: &mut ClientOptions) {
    options.app_name.get_or_insert_with(|| env!("CARGO_PKG_NAME").to_owned());
    options.max_pool_size.get_or_insert(CONNECTIONS);
    // Nobody waits for others' connections to be made: those who gave up waiting still get their turn from the driver.
    options.max_connecting.get_or_insert(CONNECTIONS);
    options.server_selection_timeout.get_or_insert(SELECTING);
    options.connect_timeout.get_or_insert(CONNECTING);
    // Who is told of success must find it after a crash.
    let durable = || WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    options.write_concern.get_or_insert_with(durable);
}

/// How names are compared: in any case.
pub fn whatever_case() -> Collation {
    Collation::builder().locale("en").strength(CollationStrength::Secondary).build()
}

/// The collection `users`.
#[derive(Debug, Clone)]
pub struct Users {
    database: Database,
    collection: Collection<User>,
}

impl Users {
    /// The users of a database.
    pub fn of(database: &Database) -> Self {
        Self { database: database.clone(), collection: database.collection("users") }
    }

    /// Asks the database whether it is there, for no longer than `patience`.
    pub async fn ping(&self, patience: Duration) -> Result<(), Error> {
        within(patience, async { self.database.run_command(doc! { "ping": 1 }).await }).await.map(drop)
    }

    /// Makes the unique indexes where they are missing.
    pub async fn ensure_indexes(&self) -> Result<(), Error> {
        within(ASKING, async { self.collection.create_indexes(indexes::wanted()).await }).await.map(drop)
    }

    /// The user of a name, written in any case.
    pub async fn find(&self, username: &str) -> Result<Option<User>, Error> {
        self.find_within(username, ASKING).await
    }

    /// The same, for no longer than `patience`.
    pub async fn find_within(&self, username: &str, patience: Duration) -> Result<Option<User>, Error> {
        let find = self.collection.find_one(named(username)).collation(whatever_case());
        within(patience, async { find.await }).await
    }

    /// Adds a user.
    ///
    /// # Errors
    /// If name or address are taken, as the indexes say; or the database is away.
    pub async fn insert(&self, user: &User) -> Result<(), Error> {
        within(ASKING, async { self.collection.insert_one(user).await }).await.map(drop)
    }

    /// Gives a user another password and role.
    pub async fn reset(&self, username: &str, hash: &str, role: Role) -> Result<(), Error> {
        let set = doc! { "$set": { "password": hash, "role": role.name() } };
        let update = self.collection.update_one(named(username), set).collation(whatever_case());
        within(ASKING, async { update.await }).await.map(drop)
    }

    /// Removes a user; `false` if there is none of that name.
    pub async fn delete(&self, username: &str) -> Result<bool, Error> {
        let delete = self.collection.delete_one(named(username)).collation(whatever_case());
        Ok(within(ASKING, async { delete.await }).await?.deleted_count > 0)
    }

    /// How many users there are.
    pub async fn count(&self) -> Result<u64, Error> {
        within(ASKING, async { self.collection.count_documents(doc! {}).await }).await
    }

    /// How many administrators there are.
    pub async fn count_admins(&self) -> Result<u64, Error> {
        let admins = doc! { "role": Role::Admin.name() };
        within(ASKING, async { self.collection.count_documents(admins).await }).await
    }

    /// The next `limit` users by name, after a name.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<Listed>, Error> {
        let filter = after.map_or_else(|| doc! {}, |name| doc! { "username": { "$gt": name } });
        let find = self.collection.clone_with_type::<Listed>();
        let find = find
            .find(filter)
            .projection(doc! { "_id": 0, "password": 0 })
            .sort(doc! { "username": 1 })
            .collation(whatever_case())
            .limit(i64::from(limit));
        within(ASKING, async {
            let mut cursor = find.await?;
            let mut users = Vec::new();
            while cursor.advance().await? {
                users.push(cursor.deserialize_current()?);
            }
            Ok(users)
        })
        .await
    }
}

fn named(username: &str) -> Document {
    doc! { "username": Bson::String(username.to_owned()) }
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, mongodb::error::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(patience, work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Error::Away(format!("no answer within {} ms", patience.as_millis()))),
    }
}
