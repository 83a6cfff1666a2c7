//! Moves documents to where they belong, while the application goes on.
//!
//! A batch is read where it is, written down and copied where it belongs with `w: majority`, read back there byte for
//! byte, and then deleted in its old place, by a transaction that deletes only what is still byte for byte the same and
//! writes down what it deleted. What was changed or deleted meanwhile is not; its copy is taken back. Whoever reads
//! finds a document in one place or, for a moment, the same one in two, and never in none.
//!
//! What is written down tells after a crash at any moment what is left to do: see [`Mover::recover`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use protocol::{Copied, Fate, FragmentAsk, FragmentReply, Id, MovingDocument, UnfinishedBatch, Version};
use rand::Rng;
use serde::Serialize;

use super::agents::Ask;
use super::join::Copy;
use super::resolve::{Removal, Resolution, resolve};
use crate::desired::hex;

/// How many documents a batch has at most. A batch costs five calls of agents whatever it holds, and on a busy machine those
/// are nearly all of its time: 18,000 small documents in batches of 1,000 took 95 calls of 0.17 s, and mongod 2 s in all.
const DOCUMENTS: usize = 4_000;

/// How many bytes a batch has at most, but for a single document that is larger.
const BYTES: usize = 4 << 20;

/// How often all is looked through again for what was changed while it was moved.
const PASSES: usize = 50;

/// What became of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// How many were moved.
    pub moved: u64,
    /// How many copies were deleted that were the same as the one that stays.
    pub deleted: u64,
    /// Older copies that are in a quarantine now.
    pub quarantined: Vec<Kept>,
    /// Documents with copies of which nobody can tell which one is newer, and such as a database does not take.
    pub left: Vec<Kept>,
    /// Batches of an earlier run that was killed, which were brought to their end.
    pub resumed: u64,
}

/// A document, and what is the matter with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kept {
    /// Where it is.
    pub on: String,
    /// Its identity.
    pub id: String,
    /// Why.
    pub why: String,
}

/// Moves documents of one collection between its places.
pub struct Mover<'a, A, N> {
    agents: &'a A,
    places: BTreeSet<String>,
    news: N,
    moved: Moved,
    left: BTreeMap<(String, String), String>,
}

impl<'a, A: Ask, N: FnMut(String) + Send> Mover<'a, A, N> {
    /// Begins with nothing done; `news` hears how far it is.
    pub fn new(agents: &'a A, places: impl IntoIterator<Item = String>, news: N) -> Self {
        let (places, moved, left) = (places.into_iter().collect(), Moved::default(), BTreeMap::new());
        Self { agents, places, news, moved, left }
    }

    /// Brings an earlier run to its end, then moves all that belongs elsewhere.
    ///
    /// # Errors
    /// A place that is away; documents that are changed faster than they can be moved. The same call goes on there.
    pub async fn bring_in_order(mut self) -> Result<Moved> {
        self.recover().await?;
        self.move_all().await?;
        let left = std::mem::take(&mut self.left);
        self.moved.left = left.into_iter().map(|((on, id), why)| Kept { on, id, why }).collect();
        Ok(self.moved)
    }

    /// The same, after one of each document's copies was chosen.
    ///
    /// # Errors
    /// Those of [`Self::bring_in_order`].
    pub async fn repair(mut self, twins: &[Vec<Copy>]) -> Result<Moved> {
        self.recover().await?;
        for copies in twins {
            self.choose(copies).await?;
        }
        self.bring_in_order().await
    }

    /// Ends what is written down of an earlier run.
    ///
    /// A document that is still in its old place is moved by what follows. One that is neither there nor was deleted
    /// there by its batch was deleted by somebody else after it was copied: its copy goes into the quarantine. One that
    /// was changed there is newer than its copy, which goes.
    async fn recover(&mut self) -> Result<()> {
        let mut deleted = Vec::new();
        for on in self.places.clone() {
            for written in self.unfinished(&on).await? {
                match written.from.clone() {
                    None => deleted.push((on.clone(), written.batch)),
                    // Its old place is no part of the collection any more; nobody can be asked.
                    Some(from) if !self.places.contains(&from) => {}
                    Some(from) => {
                        self.end(&on, &from, written).await?;
                        self.moved.resumed += 1;
                    }
                }
            }
        }
        // Last of all: they tell what to do about the others.
        for (on, batch) in deleted {
            self.agents.ask(&on, FragmentAsk::Finish { batch }).await?;
        }
        Ok(())
    }

    async fn end(&mut self, on: &str, from: &str, written: UnfinishedBatch) -> Result<()> {
        let UnfinishedBatch { batch, documents, .. } = written;
        let judge = FragmentAsk::Judge { batch: batch.clone(), documents: documents.clone() };
        let fates = self.fates(from, judge, documents.len()).await?;
        let (mut gone, mut older) = (Vec::new(), Vec::new());
        for (version, fate) in documents.into_iter().zip(fates) {
            match fate {
                Fate::Gone => gone.push(version),
                Fate::Differs(_) => older.push(version),
                _ => {}
            }
        }
        self.remove(on, None, gone, true).await?;
        self.remove(on, None, older, false).await?;
        self.agents.ask(on, FragmentAsk::Finish { batch }).await.map(drop)
    }

    async fn move_all(&mut self) -> Result<()> {
        for _ in 0..PASSES {
            let mut again = 0;
            for on in self.places.clone() {
                again += self.move_from(&on).await?;
            }
            if again == 0 {
                return Ok(());
            }
        }
        bail!("some documents are changed faster than they can be moved; run the same command again")
    }

    /// Moves what is in one place and belongs elsewhere; tells how many must be looked at again.
    async fn move_from(&mut self, on: &str) -> Result<u64> {
        let mut again = 0;
        let mut page = self.misplaced(on, None).await?;
        loop {
            let (documents, next) = page;
            let mut by_target: BTreeMap<String, Vec<MovingDocument>> = BTreeMap::new();
            for document in documents {
                if let Some(to) = document.seen.belongs.clone() {
                    by_target.entry(to).or_default().push(document);
                }
            }
            let mut done = Vec::new();
            for (to, documents) in by_target {
                let batch = hex(&rand::rng().random::<[u8; 12]>());
                again += self.move_batch(on, &to, &batch, documents).await?;
                done.push((to, batch));
            }
            // What is read next does not depend on notes: on a busy machine each question costs more than its answer.
            let Some(next) = next else { return self.forget(on, done).await.map(|()| again) };
            ((), page) = futures_util::try_join!(self.forget(on, done), self.misplaced(on, Some(next)))?;
        }
    }

    /// Reads what is in one place and belongs elsewhere, from one identity on; also where to go on.
    async fn misplaced(&self, on: &str, after: Option<Id>) -> Result<(Vec<MovingDocument>, Option<Id>)> {
        let ask = FragmentAsk::Misplaced { after, documents: DOCUMENTS, bytes: BYTES };
        match self.agents.ask(on, ask).await? {
            FragmentReply::Misplaced { documents, next } => Ok((documents, next)),
            _ => bail!(STRANGE),
        }
    }

    /// Removes the notes of batches that are done.
    async fn forget(&self, from: &str, done: Vec<(String, String)>) -> Result<()> {
        for (to, batch) in done {
            // In this order: without the second, the first would say that a document was deleted by somebody else.
            self.agents.ask(&to, FragmentAsk::Finish { batch: batch.clone() }).await?;
            self.agents.ask(from, FragmentAsk::Finish { batch }).await?;
        }
        Ok(())
    }

    async fn move_batch(&mut self, from: &str, to: &str, batch: &str, documents: Vec<MovingDocument>) -> Result<u64> {
        let seen: Vec<Copied> = documents.iter().map(|one| one.seen.clone()).collect();
        let ask = FragmentAsk::Copy { batch: batch.to_owned(), from: from.to_owned(), documents };
        let fates = self.fates(to, ask, seen.len()).await?;
        let (mut arrived, mut again) = (Vec::new(), 0);
        for (mine, fate) in seen.into_iter().zip(fates) {
            match fate {
                Fate::Done | Fate::Here => arrived.push(mine.version),
                // The application deleted it there, and will here.
                Fate::Gone => again += 1,
                Fate::Refused(why) => self.leave(from, &mine.shown, format!("{to} does not take it: {why}")),
                Fate::Differs(there) => {
                    let copies = [(from, mine), (to, *there)];
                    let copies = copies.map(|(on, seen)| Copy { on: on.to_owned(), seen });
                    again += self.choose(&copies).await?;
                }
            }
        }
        again += self.leave_old_place(from, to, batch, arrived).await?;
        (self.news)(format!("{} documents moved", self.moved.moved));
        Ok(again)
    }

    /// Deletes what has arrived in its old place, or takes the copy back; tells how many must be looked at again.
    async fn leave_old_place(&mut self, from: &str, to: &str, batch: &str, arrived: Vec<Version>) -> Result<u64> {
        let fates = self.remove(from, Some(batch.to_owned()), arrived.clone(), false).await?;
        let (mut back, mut again) = (Vec::new(), 0);
        for (version, fate) in arrived.into_iter().zip(fates) {
            match fate {
                Fate::Done => self.moved.moved += 1,
                Fate::Gone => back.push(version),
                Fate::Differs(_) => {
                    back.push(version);
                    again += 1;
                }
                Fate::Here | Fate::Refused(_) => again += 1,
            }
        }
        self.remove(to, None, back, false).await?;
        Ok(again)
    }

    /// Removes all copies of a document but the one that stays; tells how many must be looked at again.
    async fn choose(&mut self, copies: &[Copy]) -> Result<u64> {
        let removals = match resolve(copies) {
            Resolution::Remove(removals) => removals,
            Resolution::Undecided => {
                let places: Vec<&str> = copies.iter().map(|copy| copy.on.as_str()).collect();
                let why = format!("differs in {}, and none is newer", places.join(" and "));
                self.leave(&copies[0].on, &copies[0].seen.shown, why);
                return Ok(0);
            }
        };
        let mut again = 0;
        for Removal { on, version, shown, quarantine } in removals {
            let fates = self.remove(&on, None, vec![version], quarantine).await?;
            match (fates.first(), quarantine) {
                (Some(Fate::Done), true) => {
                    let why = "older than the copy that stays".to_owned();
                    self.moved.quarantined.push(Kept { on, id: shown, why });
                }
                (Some(Fate::Done), false) => self.moved.deleted += 1,
                _ => {}
            }
            again += 1;
        }
        Ok(again)
    }

    fn leave(&mut self, on: &str, id: &str, why: String) {
        self.left.insert((on.to_owned(), id.to_owned()), why);
    }

    async fn unfinished(&self, on: &str) -> Result<Vec<UnfinishedBatch>> {
        match self.agents.ask(on, FragmentAsk::Unfinished).await? {
            FragmentReply::Unfinished(written) => Ok(written),
            _ => bail!(STRANGE),
        }
    }

    async fn remove(
        &self,
        on: &str,
        batch: Option<String>,
        documents: Vec<Version>,
        quarantine: bool,
    ) -> Result<Vec<Fate>> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let count = documents.len();
        self.fates(on, FragmentAsk::Remove { batch, documents, quarantine }, count).await
    }

    async fn fates(&self, on: &str, ask: FragmentAsk, count: usize) -> Result<Vec<Fate>> {
        match self.agents.ask(on, ask).await? {
            FragmentReply::Fates(fates) if fates.len() == count => Ok(fates),
            _ => bail!(STRANGE),
        }
    }
}

/// What is said of an agent of another version.
const STRANGE: &str = "an agent answered something else than it was asked";
