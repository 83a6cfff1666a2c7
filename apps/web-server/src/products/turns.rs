//! One change of a product at a time.

use mongodb::bson::oid::ObjectId;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

/// How many products may be changed at once; two that share a turn only wait for each other.
const TURNS: usize = 256;

/// Who changes which product now.
///
/// A move writes to two databases, and no condition on one of them tells what happens in the other: a change between
/// the two writes could be lost with the copy that is taken out. Within this process they come one after the other.
/// Other processes are noticed by the time of the last change, which leaves a gap of milliseconds.
#[derive(Debug)]
pub struct Turns(Vec<Mutex<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..TURNS).map(|_| Mutex::default()).collect())
    }
}

impl Turns {
    /// Waits for a product's turn; `None` if it does not come before the deadline.
    pub async fn of(&self, id: ObjectId, deadline: Instant) -> Option<MutexGuard<'_, ()>> {
        // The last byte is of the counter, which goes through all values.
        let turn = self.0.get(usize::from(id.bytes()[11]) % TURNS)?;
        timeout_at(deadline, turn.lock()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_change_of_a_product_waits_and_one_of_another_does_not() {
        let turns = Turns::default();
        let soon = || Instant::now() + Duration::from_secs(1);
        let (one, other) = (ObjectId::from_bytes([1; 12]), ObjectId::from_bytes([2; 12]));
        let first = turns.of(one, soon()).await;
        assert!(first.is_some() && turns.of(other, soon()).await.is_some());
        assert!(turns.of(one, soon()).await.is_none());
        drop(first);
        assert!(turns.of(one, soon()).await.is_some());
    }
}
