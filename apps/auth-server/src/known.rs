//! Who exists, as of a moment ago.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use mongodb::bson::DateTime;

use crate::store::{Error, Users};
use crate::user::Role;

/// How long an answer of the database counts: so long may a deleted user's token still work.
const FRESH: Duration = Duration::from_secs(5);

/// How long a token may wait for the database before it counts without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// For how long the database is not asked again after it was away.
const PAUSE: Duration = Duration::from_secs(1);

/// How many users are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// What tokens need to know of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the user may do now.
    pub role: Role,
    /// When the user was made.
    pub since: DateTime,
}

/// What the database said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The user exists.
    Exists(Standing),
    /// There is no such user.
    Gone,
    /// It is away, and nobody can say.
    Unknown,
}

/// Users that were looked up of late.
pub struct Known {
    users: Mutex<LruCache<String, (Instant, Standing)>>,
    away: Mutex<Option<Instant>>,
}

impl Known {
    /// Nobody yet.
    pub fn new() -> Self {
        Self { users: Mutex::new(LruCache::sparse(REMEMBERED)), away: Mutex::new(None) }
    }

    /// Looks a user up, here or in the database.
    pub async fn look(&self, users: &Users, username: &str) -> Answer {
        if let Some(standing) = self.fresh(username) {
            return Answer::Exists(standing);
        }
        if self.is_away() {
            return Answer::Unknown;
        }
        match users.find_within(username, PATIENCE).await {
            Ok(Some(user)) => {
                let standing = Standing { role: user.role, since: user.created_at };
                self.with(|users| users.put(username.to_owned(), (Instant::now(), standing)));
                Answer::Exists(standing)
            }
            Ok(None) => {
                self.forget(username);
                Answer::Gone
            }
            Err(error) => {
                self.away(&error);
                Answer::Unknown
            }
        }
    }

    /// Forgets a user who was deleted.
    pub fn forget(&self, username: &str) {
        self.with(|users| users.pop(username));
    }

    fn fresh(&self, username: &str) -> Option<Standing> {
        self.with(|users| users.get(username).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, standing)| *standing))
    }

    fn is_away(&self) -> bool {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.is_some_and(|since| since.elapsed() < PAUSE)
    }

    fn away(&self, error: &Error) {
        tracing::warn!(error = %error, "tokens count without a look whether their users still exist");
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn with<T>(&self, f: impl FnOnce(&mut LruCache<String, (Instant, Standing)>) -> T) -> T {
        f(&mut self.users.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
