//! Tokens that were verified a moment ago.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use sha2::{Digest, Sha256};

use super::{Identity, now};

/// How long a verification counts.
const FRESH: Duration = Duration::from_secs(30);

/// How long until auth-server is asked again when it was away.
const MOMENT: Duration = Duration::from_secs(1);

/// How many tokens are remembered; beyond that, those that were not used for longest are forgotten.
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

type Hash = [u8; 32];

/// What is remembered of tokens; never a token itself.
#[derive(Debug)]
pub(super) struct Memory(Mutex<LruCache<Hash, Entry>>);

#[derive(Debug)]
struct Entry {
    identity: Arc<Identity>,
    fresh_until: Instant,
}

/// Somebody whose token was verified.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) identity: Arc<Identity>,
    /// Whether that was a moment ago, so that nobody needs to be asked.
    pub(super) fresh: bool,
}

impl Default for Memory {
    fn default() -> Self {
        // It grows with use: room for all of them would be taken at once.
        let mut cache = LruCache::unbounded();
        cache.resize(MOST);
        Self(Mutex::new(cache))
    }
}

impl Memory {
    /// What is known of a token that has not ended.
    pub(super) fn recall(&self, token: &str) -> Option<Known> {
        let hash = hash(token);
        let mut memory = self.lock();
        let entry = memory.get(&hash)?;
        if entry.identity.expires <= now() {
            memory.pop(&hash);
            return None;
        }
        Some(Known { identity: Arc::clone(&entry.identity), fresh: entry.fresh_until > Instant::now() })
    }

    /// Keeps who a token belongs to.
    pub(super) fn remember(&self, token: &str, identity: Identity) -> Arc<Identity> {
        let identity = Arc::new(identity);
        let entry = Entry { identity: Arc::clone(&identity), fresh_until: Instant::now() + FRESH };
        self.lock().put(hash(token), entry);
        identity
    }

    /// Lets a token count a moment longer.
    pub(super) fn trust_a_moment(&self, token: &str) {
        if let Some(entry) = self.lock().peek_mut(&hash(token)) {
            entry.fresh_until = Instant::now() + MOMENT;
        }
    }

    /// Forgets a token.
    pub(super) fn forget(&self, token: &str) {
        self.lock().pop(&hash(token));
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Hash, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(expires: u64) -> Identity {
        Identity { username: "ana".into(), role: "user".into(), expires }
    }

    #[test]
    fn a_token_is_known_until_it_ends() {
        let memory = Memory::default();
        memory.remember("good", identity(now() + 60));
        memory.remember("over", identity(now()));
        assert!(memory.recall("good").unwrap().fresh);
        assert!(memory.recall("over").is_none());
        assert!(memory.recall("other").is_none());
        memory.forget("good");
        assert!(memory.recall("good").is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let memory = Memory::default();
        for number in 0..MOST.get() + 10 {
            memory.remember(&number.to_string(), identity(u64::MAX));
        }
        assert_eq!(memory.lock().len(), MOST.get());
        assert!(memory.recall("0").is_none());
    }
}
