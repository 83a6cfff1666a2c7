//! What the agents of the model do, as the real ones do it.

use protocol::{Fate, FragmentAsk, FragmentReply, MovingDocument, UnfinishedBatch, Version};

use super::{Doc, PLACES, State, World, index, number};
use crate::fragments::agents::Ask;

impl Ask for World {
    async fn ask(&self, on: &str, ask: FragmentAsk) -> anyhow::Result<FragmentReply> {
        let mut state = self.state();
        state.clients_work();
        state.dies()?;
        let reply = state.answer(index(on), ask)?;
        state.clients_work();
        // The answer may be lost with the run, after all was done.
        state.dies()?;
        Ok(reply)
    }
}

impl State {
    fn answer(&mut self, on: usize, ask: FragmentAsk) -> anyhow::Result<FragmentReply> {
        Ok(match ask {
            FragmentAsk::Misplaced { after, documents, .. } => self.misplaced(on, after.as_deref(), documents),
            FragmentAsk::Copy { batch, from, documents } => {
                FragmentReply::Fates(self.copy(on, batch, from, documents)?)
            }
            FragmentAsk::Remove { batch, documents, quarantine } => {
                FragmentReply::Fates(self.remove(on, batch, &documents, quarantine))
            }
            FragmentAsk::Judge { batch, documents } => {
                let removed = self.parts[on].removed.get(&batch).cloned().unwrap_or_default();
                FragmentReply::Fates(self.fates(on, &documents, &removed))
            }
            FragmentAsk::Unfinished => {
                let part = &self.parts[on];
                let coming = part.coming.iter().map(|(batch, (from, documents))| UnfinishedBatch {
                    batch: batch.clone(),
                    from: Some(from.clone()),
                    documents: documents.clone(),
                });
                let removed = part.removed.keys().map(|batch| UnfinishedBatch {
                    batch: batch.clone(),
                    from: None,
                    documents: Vec::new(),
                });
                FragmentReply::Unfinished(coming.chain(removed).collect())
            }
            FragmentAsk::Finish { batch } => {
                self.parts[on].coming.remove(&batch);
                self.parts[on].removed.remove(&batch);
                FragmentReply::Done
            }
            other => panic!("nobody asks for {other:?}"),
        })
    }

    fn misplaced(&self, on: usize, after: Option<&str>, limit: usize) -> FragmentReply {
        let after = after.map(number);
        let wanted = self.parts[on].documents.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        let wanted: Vec<_> = wanted.filter(|(_, document)| document.belongs != PLACES[on]).take(limit).collect();
        let next = (wanted.len() == limit).then(|| format!("{:08}", wanted[limit - 1].0));
        let documents = wanted
            .into_iter()
            .map(|(id, document)| MovingDocument { seen: document.copied(*id), bson: document.content.to_string() });
        FragmentReply::Misplaced { documents: documents.collect(), next }
    }

    /// Clients go on between its writes, and it may die between them.
    fn copy(
        &mut self,
        on: usize,
        batch: String,
        from: String,
        documents: Vec<MovingDocument>,
    ) -> anyhow::Result<Vec<Fate>> {
        let versions: Vec<Version> = documents.iter().map(|one| one.seen.version.clone()).collect();
        self.parts[on].coming.insert(batch, (from, versions.clone()));
        for one in documents {
            self.clients_work();
            self.dies()?;
            let document = Doc {
                belongs: one.seen.belongs.unwrap(),
                updated_at: one.seen.updated_at.unwrap(),
                content: one.bson.parse().unwrap(),
            };
            self.parts[on].documents.entry(number(&one.seen.version.id)).or_insert(document);
        }
        self.clients_work();
        let fates = self.fates(on, &versions, &[]).into_iter();
        Ok(fates.map(|fate| if fate == Fate::Here { Fate::Done } else { fate }).collect())
    }

    fn remove(&mut self, on: usize, batch: Option<String>, documents: &[Version], quarantine: bool) -> Vec<Fate> {
        let known = batch.as_ref().and_then(|batch| self.parts[on].removed.get(batch).cloned());
        let removed = known.unwrap_or_else(|| {
            let same = documents.iter().filter(|version| {
                let there = self.parts[on].documents.get(&number(&version.id));
                there.is_some_and(|there| there.copied(number(&version.id)).version == **version)
            });
            let same: Vec<u64> = same.map(|version| number(&version.id)).collect();
            for id in &same {
                let document = self.parts[on].documents.remove(id).unwrap();
                if quarantine {
                    self.parts[on].quarantine.push((*id, document));
                }
            }
            if let (Some(batch), false) = (&batch, same.is_empty()) {
                self.parts[on].removed.insert(batch.clone(), same.clone());
            }
            same
        });
        self.clients_work();
        self.fates(on, documents, &removed)
    }

    fn fates(&self, on: usize, documents: &[Version], removed: &[u64]) -> Vec<Fate> {
        let fate = |version: &Version| {
            let id = number(&version.id);
            match self.parts[on].documents.get(&id).map(|there| there.copied(id)) {
                Some(there) if there.version == *version => Fate::Here,
                Some(there) => Fate::Differs(Box::new(there)),
                None if removed.contains(&id) => Fate::Done,
                None => Fate::Gone,
            }
        };
        documents.iter().map(fate).collect()
    }
}
