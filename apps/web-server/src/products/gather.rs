//! Requests for the same thing that share one look at the databases.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Gathers the questions that come while an earlier one is being answered, and asks them all at once.
///
/// Every answer comes from a look that began after its question, so whoever has written reads what was written.
/// Nobody waits while nothing is under way.
#[derive(Debug)]
pub struct Gather<K, I, O> {
    /// Who waits for the look after the one that is under way, by what is asked; no entry: none is under way.
    waiting: Mutex<HashMap<K, Asked<I, O>>>,
}

type Asked<I, O> = Vec<(I, oneshot::Sender<O>)>;

impl<K, I, O> Default for Gather<K, I, O> {
    fn default() -> Self {
        Self { waiting: Mutex::default() }
    }
}

impl<K, I, O> Gather<K, I, O>
where
    K: Clone + Eq + Hash + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
{
    /// Asks for one item. `look` answers many at once, in their order; `None` if it panicked.
    pub async fn ask<L, F>(self: &Arc<Self>, key: K, item: I, look: L) -> Option<O>
    where
        L: Fn(K, Vec<I>) -> F + Send + 'static,
        F: Future<Output = Vec<O>> + Send,
    {
        let (sender, answer) = oneshot::channel();
        if let Some(first) = self.join(&key, (item, sender)) {
            let turn = Turn { gather: Arc::clone(self), key };
            // A task of its own: the others must not lose the look when the first client goes away.
            tokio::spawn(async move {
                let mut asked = first;
                while !asked.is_empty() {
                    let (items, senders): (Vec<I>, Vec<_>) = asked.into_iter().unzip();
                    for (sender, found) in senders.into_iter().zip(look(turn.key.clone(), items).await) {
                        // Whoever went away needs no answer.
                        let _ = sender.send(found);
                    }
                    asked = turn.next();
                }
            });
        }
        answer.await.ok()
    }

    fn join(&self, key: &K, one: (I, oneshot::Sender<O>)) -> Option<Asked<I, O>> {
        let mut waiting = self.lock();
        match waiting.get_mut(key) {
            Some(next) => {
                next.push(one);
                None
            }
            None => {
                waiting.insert(key.clone(), Vec::new());
                Some(vec![one])
            }
        }
    }
}

impl<K, I, O> Gather<K, I, O> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Asked<I, O>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to look for a key, given back even by a look that panics.
struct Turn<K: Eq + Hash, I, O> {
    gather: Arc<Gather<K, I, O>>,
    key: K,
}

impl<K: Eq + Hash, I, O> Turn<K, I, O> {
    /// Those who asked meanwhile; with nobody there, the key is free again.
    fn next(&self) -> Asked<I, O> {
        let mut waiting = self.gather.lock();
        let next = waiting.get_mut(&self.key).map(std::mem::take).unwrap_or_default();
        if next.is_empty() {
            waiting.remove(&self.key);
        }
        next
    }
}

impl<K: Eq + Hash, I, O> Drop for Turn<K, I, O> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.gather.lock().remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn questions_that_come_during_a_look_share_the_next() {
        let gather = Arc::new(Gather::<(), u32, u32>::default());
        let (looks, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |item: u32| {
            let (gather, looks, gate) = (gather.clone(), looks.clone(), gate.clone());
            tokio::spawn(async move {
                let look = move |(), items: Vec<u32>| {
                    let (looks, gate) = (looks.clone(), gate.clone());
                    async move {
                        gate.acquire().await.unwrap().forget();
                        looks.fetch_add(1, Ordering::SeqCst);
                        items.into_iter().map(|item| item * 2).collect()
                    }
                };
                gather.ask((), item, look).await
            })
        };
        let first = ask(1);
        while gather.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (2..10).map(ask).collect();
        while gather.lock().get(&()).is_some_and(|waiting| waiting.len() < 8) {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(2));
        for (other, item) in others.into_iter().zip(2..) {
            assert_eq!(other.await.unwrap(), Some(item * 2));
        }
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_look_that_panics_does_not_stop_the_next() {
        let gather = Arc::new(Gather::<(), u32, u32>::default());
        let boom = |(), _: Vec<u32>| async { panic!("boom") };
        assert_eq!(gather.ask((), 1, boom).await, None);
        assert_eq!(gather.ask((), 2, |(), items| async { items }).await, Some(2));
    }
}
