//! Hashing passwords, which is slow on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serving::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rules::LONGEST_PASSWORD;

/// How many passwords are hashed at once, each on a thread of its own: a quarter of a second of one core.
pub const AT_ONCE: usize = 2;

/// How many may wait for that. With 2 at once the last waits about 8 seconds.
const WAITING: usize = 64;

/// bcrypt's rounds, as a power of two.
const COST: u32 = 12;

/// The hash that the password of a user who does not exist is compared with: it costs what others cost. Its letters
/// after the cost were drawn at random; no password is known that gives them.
const NOBODY: &str = "$2b$12$W4mJ0vXbq1Zr7cTsPn6eLeuF3kHgY9oAiD2xQyR5wVtE8lBzUjKNC";

/// Who hashes passwords, a few at once.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// How many were hashed or compared since the start.
    runs: AtomicUsize,
}

/// The right to hash one password now.
#[derive(Debug)]
pub struct Turn<'a> {
    passwords: &'a Passwords,
    permit: OwnedSemaphorePermit,
}

impl Passwords {
    /// Nobody hashes yet.
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0), runs: AtomicUsize::new(0) }
    }

    /// Waits for a turn; 503 if too many wait already.
    pub async fn turn(&self) -> Result<Turn<'_>, Refusal> {
        let busy = || Refusal::unavailable("El servidor está ocupado, inténtalo de nuevo", Duration::from_secs(5));
        let waits = Waits::begin(&self.waiting).ok_or_else(busy)?;
        let permit = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| busy())?;
        drop(waits);
        Ok(Turn { passwords: self, permit })
    }
}

impl Turn<'_> {
    /// Hashes a new password, with a salt of its own.
    pub async fn hash(self, password: &str) -> Result<String, Refusal> {
        let password = password.to_owned();
        self.run(move || bcrypt::hash(password, COST)).await
    }

    /// Compares a password with a user's hash, or in the same time with nobody's.
    pub async fn matches(self, password: &str, hash: Option<&str>) -> Result<bool, Refusal> {
        // What bcrypt would cut off never was a password.
        let whole = password.len() <= LONGEST_PASSWORD;
        let (exists, hash) = (hash.is_some(), hash.unwrap_or(NOBODY).to_owned());
        let password = password.to_owned();
        Ok(self.run(move || bcrypt::verify(password, &hash)).await? && exists && whole)
    }

    /// Runs on a thread that may take its time. The turn ends with the run, also if nobody waits for it any more.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let runs = self.passwords.runs.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::debug!(runs, waiting = self.passwords.waiting.load(Ordering::Relaxed), "hashing");
        let permit = self.permit;
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        match worked.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(error = %error, "a password can't be hashed");
                Err(Refusal::internal())
            }
            Err(_) => Err(Refusal::internal()),
        }
    }
}

/// One who waits, counted as long as this lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        // Made before the check, so that it is counted off again if there are too many.
        let waits = Self(count);
        (before < WAITING).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_for_an_unknown_user_as_for_a_known_one() {
        let passwords = Passwords::new();
        let hash = passwords.turn().await.unwrap().hash("correct horse").await.unwrap();
        assert_eq!(hash.parse::<bcrypt::HashParts>().unwrap().get_cost(), COST);
        assert_eq!(NOBODY.parse::<bcrypt::HashParts>().unwrap().get_cost(), COST);
        let mut runs = passwords.runs.load(Ordering::Relaxed);
        for (password, hash, right) in [
            ("correct horse", Some(hash.as_str()), true),
            ("wrong horse", Some(hash.as_str()), false),
            ("correct horse", None, false),
            (&"x".repeat(1000), Some(hash.as_str()), false),
        ] {
            assert_eq!(passwords.turn().await.unwrap().matches(password, hash).await.unwrap(), right);
            runs += 1;
            assert_eq!(passwords.runs.load(Ordering::Relaxed), runs);
        }
    }

    #[tokio::test]
    async fn does_not_take_the_cut_off_password_for_the_whole() {
        let passwords = Passwords::new();
        let hash = bcrypt::hash("x".repeat(72), 4).unwrap();
        let matches =
            async |length| passwords.turn().await.unwrap().matches(&"x".repeat(length), Some(&hash)).await.unwrap();
        assert!(matches(72).await);
        assert!(!matches(73).await);
    }

    #[tokio::test]
    async fn lets_only_so_many_wait() {
        let passwords = Arc::new(Passwords::new());
        let turns = [passwords.turn().await.unwrap(), passwords.turn().await.unwrap()];
        let wait = |_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { passwords.turn().await.is_ok() })
        };
        let waiters: Vec<_> = (0..WAITING).map(wait).collect();
        while passwords.waiting.load(Ordering::Relaxed) < WAITING {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.turn().await.unwrap_err().status(), 503);
        drop(turns);
        for waiter in waiters {
            assert!(waiter.await.unwrap());
        }
        assert!(passwords.turn().await.is_ok());
    }
}
