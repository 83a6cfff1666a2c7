//! How often a log-in may be tried.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// For how long failures count, from the first of them.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// How often one client may fail as one user.
const PER_PAIR: u32 = 10;

/// How often one client may fail as anybody.
const PER_CLIENT: u32 = 100;

/// How many pairs, and how many clients, are remembered; the one that was quiet longest is forgotten first.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Failures of the last minutes, by user and client, and by client.
pub struct Attempts {
    counts: Mutex<Counts>,
    /// Names are remembered by their hash: they may be long, and no business of a memory dump's.
    hashing: RandomState,
}

struct Counts {
    pairs: LruCache<(u64, IpAddr), Count>,
    clients: LruCache<IpAddr, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    since: Instant,
}

impl Count {
    /// How long until one more may be tried.
    fn wait(&self, most: u32, now: Instant) -> Option<Duration> {
        let left = WINDOW.saturating_sub(now.saturating_duration_since(self.since));
        (self.failures >= most && !left.is_zero()).then_some(left)
    }
}

impl Attempts {
    /// Nobody has failed yet.
    pub fn new() -> Self {
        let counts = Counts { pairs: LruCache::sparse(REMEMBERED), clients: LruCache::sparse(REMEMBERED) };
        Self { counts: Mutex::new(counts), hashing: RandomState::new() }
    }

    /// How long until this client may try to be this user; `None` is now.
    pub fn wait(&self, username: &str, client: IpAddr, now: Instant) -> Option<Duration> {
        let pair = self.pair(username, client);
        self.with(|counts| counts.wait(&pair, now))
    }

    /// Counts a failure before it is one, unless there were too many: those who try at the same time count as well.
    ///
    /// # Errors
    /// How long until one more may be tried.
    pub fn begin(&self, username: &str, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let pair = self.pair(username, client);
        self.with(|counts| {
            counts.wait(&pair, now).map_or(Ok(()), Err)?;
            add(&mut counts.pairs, pair, now);
            add(&mut counts.clients, client, now);
            Ok(())
        })
    }

    /// Takes back what [`begin`](Self::begin) counted: nobody knows how it would have ended.
    pub fn undo(&self, username: &str, client: IpAddr) {
        let pair = self.pair(username, client);
        self.with(|counts| {
            let both = [counts.pairs.get_mut(&pair), counts.clients.get_mut(&client)];
            both.into_iter().flatten().for_each(|count| count.failures = count.failures.saturating_sub(1));
        });
    }

    /// Forgets the pair's failures: it was the user.
    pub fn succeeded(&self, username: &str, client: IpAddr) {
        let pair = self.pair(username, client);
        self.with(|counts| {
            counts.pairs.pop(&pair);
            if let Some(count) = counts.clients.get_mut(&client) {
                count.failures = count.failures.saturating_sub(1);
            }
        });
    }

    fn pair(&self, username: &str, client: IpAddr) -> (u64, IpAddr) {
        // As the database compares names: Ana is ana.
        (self.hashing.hash_one(username.to_ascii_lowercase()), client)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Counts) -> T) -> T {
        f(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    fn wait(&self, pair: &(u64, IpAddr), now: Instant) -> Option<Duration> {
        let of_pair = self.pairs.peek(pair).and_then(|count| count.wait(PER_PAIR, now));
        let of_client = self.clients.peek(&pair.1).and_then(|count| count.wait(PER_CLIENT, now));
        of_pair.max(of_client)
    }
}

fn add<K: std::hash::Hash + Eq>(counts: &mut LruCache<K, Count>, key: K, now: Instant) {
    let count = counts.get_or_insert_mut(key, || Count { failures: 0, since: now });
    if now.saturating_duration_since(count.since) >= WINDOW {
        *count = Count { failures: 0, since: now };
    }
    count.failures += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 8));

    #[test]
    fn stops_after_ten_failures_until_the_window_ends() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for _ in 0..10 {
            assert_eq!(attempts.begin("ana", HERE, now), Ok(()));
        }
        let later = now + Duration::from_secs(60);
        assert_eq!(attempts.begin("ANA", HERE, later), Err(Duration::from_secs(240)));
        assert_eq!(attempts.wait("ana", HERE, later), Some(Duration::from_secs(240)));
        assert_eq!(attempts.begin("ana", THERE, later), Ok(()));
        assert_eq!(attempts.begin("eva", HERE, later), Ok(()));
        assert_eq!(attempts.begin("ana", HERE, now + WINDOW), Ok(()));
    }

    #[test]
    fn forgets_the_failures_of_who_succeeds() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for _ in 0..50 {
            for _ in 0..9 {
                attempts.begin("ana", HERE, now).unwrap();
                attempts.undo("ana", HERE);
            }
            attempts.begin("ana", HERE, now).unwrap();
            attempts.succeeded("ana", HERE);
        }
        assert_eq!(attempts.wait("ana", HERE, now), None);
        assert_eq!(attempts.with(|counts| counts.clients.peek(&HERE).unwrap().failures), 0);
    }

    #[test]
    fn stops_a_client_that_tries_everybody() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        let tried = (0..10_000).filter(|name| attempts.begin(&format!("user{name}"), HERE, now).is_ok()).count();
        assert_eq!(tried, 100);
        assert_eq!(attempts.begin("ana", THERE, now), Ok(()));
    }

    #[test]
    fn remembers_no_more_than_it_may() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for number in 0..30_000_u32 {
            let client = IpAddr::from(number.to_be_bytes());
            attempts.begin(&"x".repeat(100), client, now).unwrap();
        }
        let (pairs, clients) = attempts.with(|counts| (counts.pairs.len(), counts.clients.len()));
        assert_eq!((pairs, clients), (10_000, 10_000));
    }
}
