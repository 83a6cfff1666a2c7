//! A moment of all databases that is read rather than snapshotted.
//!
//! A replica set can be read as it was at a time of its own for a while, so its writes are held back only until that time
//! is known. A mongod that is in no set can't: its writes wait until it has been read. Since all are held when the first
//! of them are let go, what is read is of one moment all the same.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::sleep;

use super::hold::{Hold, Holding};
use super::take::{BETWEEN, TRIES, containers};
use crate::desired::Desired;
use crate::guest::Guests;

/// All databases, held back. Whoever has it lets them go, whatever happens; their guests do otherwise.
pub struct Moment<'m> {
    sets: Hold<'m>,
    singles: Hold<'m>,
    held_sets: Holding,
    held_singles: Holding,
}

impl<'m> Moment<'m> {
    /// Holds all back, and asks them what has to be known at once; that is tried again where a primary changes under it.
    /// mongods that are in no set can be held for `patience`, sets for some seconds.
    ///
    /// # Errors
    /// Where a database is down or a set has no primary; then nobody is held.
    pub async fn take<T>(
        guests: &'m Guests,
        desired: &Desired,
        id: &str,
        patience: Duration,
        ask: impl AsyncFn() -> Result<T>,
    ) -> Result<(Self, T)> {
        let (_, running) = containers(guests, desired).await?;
        let sets = desired.replica_sets.values().map(|set| (&set.name, set.members.as_slice()));
        let singles = desired.standalones.values().map(|one| (&one.name, std::slice::from_ref(&one.mongod)));
        for (name, mongods) in sets.chain(singles) {
            if !mongods.iter().any(|mongod| running.contains(&mongod.container)) {
                bail!("{name} is in no container that runs");
            }
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let sets = Hold::sets(guests, desired, &format!("{id}-sets-{tries}"), &running);
            let singles = Hold::singles(guests, desired, &format!("{id}-singles-{tries}"), &running, patience);
            match Self::held(sets, singles, &ask).await {
                Ok(taken) => return Ok(taken),
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => sleep(BETWEEN).await,
            }
        }
    }

    async fn held<T>(sets: Hold<'m>, singles: Hold<'m>, ask: &impl AsyncFn() -> Result<T>) -> Result<(Self, T)> {
        tokio::try_join!(sets.flush(), singles.flush())?;
        let (held_sets, held_singles) = tokio::join!(sets.begin(), singles.begin());
        let (held_sets, held_singles) = match (held_sets, held_singles) {
            (Ok(sets), Ok(singles)) => (sets, singles),
            (Ok(_), Err(error)) | (Err(error), _) => {
                let _ = tokio::join!(sets.release(), singles.release());
                return Err(error);
            }
        };
        let moment = Self { sets, singles, held_sets, held_singles };
        match ask().await {
            Ok(answer) => Ok((moment, answer)),
            Err(error) => {
                moment.release().await;
                Err(error)
            }
        }
    }

    /// The mongods that are held.
    pub fn hosts(&self) -> Vec<String> {
        [self.held_sets.hosts(), self.held_singles.hosts()].concat()
    }

    /// Lets the sets go, and tells the longest that one of them was held, in milliseconds.
    ///
    /// # Errors
    /// Where one was not held until now: then what is known of its time is not of the moment.
    pub async fn let_sets_go(&self) -> Result<u64> {
        self.sets.end(&self.held_sets).await
    }

    /// Lets the others go, and tells the same of them.
    ///
    /// # Errors
    /// Where one was not held until now: then what was read of it is not of the moment.
    pub async fn let_singles_go(&self) -> Result<u64> {
        self.singles.end(&self.held_singles).await
    }

    /// Lets everybody go who is held, because something failed.
    pub async fn release(&self) {
        let _ = tokio::join!(self.sets.release(), self.singles.release());
    }
}
