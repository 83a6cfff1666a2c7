//! Three databases in memory, agents that do what is asked of them as the real ones do, and clients of an application
//! that changes and deletes documents as web-server does: step by step, with all else happening in between.

mod agents;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use protocol::{Copied, Version};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::fragments::join::Copy;

pub const PLACES: [&str; 3] = ["a", "b", "c"];

/// A document: where its name belongs, when it was changed last, what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Doc {
    belongs: String,
    updated_at: i64,
    content: u64,
}

impl Doc {
    fn copied(&self, id: u64) -> Copied {
        Copied {
            version: Version { id: format!("{id:08}"), sha256: format!("{self:?}") },
            shown: id.to_string(),
            key: None,
            belongs: Some(self.belongs.clone()),
            updated_at: Some(self.updated_at),
        }
    }
}

#[derive(Debug, Default)]
struct Part {
    documents: BTreeMap<u64, Doc>,
    coming: BTreeMap<String, (String, Vec<Version>)>,
    removed: BTreeMap<String, Vec<u64>>,
    quarantine: Vec<(u64, Doc)>,
}

/// What a client is at.
#[derive(Debug, Clone)]
enum Client {
    /// It has found the document and is about to change it: where it was, what it was, other copies, the new name.
    Changing { id: u64, home: usize, found: Doc, others: Vec<usize>, name: Option<usize> },
    /// It has written the change and takes out older copies.
    TakingOut { id: u64, target: usize, before: Doc, after: Doc, others: Vec<usize>, name: Option<usize> },
    /// It has found copies and deletes one after the other.
    Deleting { id: u64, left: Vec<usize> },
}

#[derive(Debug)]
struct State {
    parts: [Part; 3],
    random: StdRng,
    /// What the application was told last: the content of a document, or that it is deleted.
    truth: BTreeMap<u64, Option<u64>>,
    clients: BTreeMap<u64, Client>,
    busy: u32,
    /// How many more runs may be killed.
    dying: u32,
    asks_left: usize,
    next_content: u64,
}

pub struct World(Mutex<State>);

fn index(on: &str) -> usize {
    PLACES.iter().position(|place| *place == on).unwrap()
}

fn number(id: &str) -> u64 {
    id.parse().unwrap()
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            parts: Default::default(),
            random: StdRng::seed_from_u64(seed),
            truth: BTreeMap::new(),
            clients: BTreeMap::new(),
            busy: 0,
            dying: 0,
            asks_left: usize::MAX,
            next_content: 1_000,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn plant(&self, on: &str, id: u64, belongs: &str, updated_at: i64) {
        self.plant_content(on, id, belongs, updated_at, id * 10 + updated_at as u64);
    }

    pub fn plant_content(&self, on: &str, id: u64, belongs: &str, updated_at: i64, content: u64) {
        let mut state = self.state();
        let document = Doc { belongs: belongs.into(), updated_at, content };
        state.parts[index(on)].documents.insert(id, document);
        let newest = state.newest(id).map(|(_, document)| document.content);
        state.truth.insert(id, newest);
    }

    /// Documents anywhere, wherever they belong, some twice.
    pub fn populate(&self, documents: u64) {
        for id in 0..documents {
            let (on, belongs, twice) = {
                let random = &mut self.state().random;
                (random.random_range(0..3), random.random_range(0..3), random.random_ratio(1, 6))
            };
            self.plant(PLACES[on], id, PLACES[belongs], 5);
            if twice {
                // A client's own move that was killed between its writes leaves the newer one where it belongs.
                self.plant(PLACES[belongs], id, PLACES[belongs], 6);
            }
        }
    }

    pub fn let_clients_work(&self, percent: u32) {
        self.state().busy = percent;
    }

    /// So many runs are killed, each at a moment of chance.
    pub fn let_runs_die(&self, runs: u32) {
        self.state().dying = runs;
    }

    /// Kills the run after so many questions.
    pub fn kill_after(&self, asks: usize) {
        self.state().asks_left = asks;
    }

    /// Loses all that is in one place; from now on clients are promised nothing.
    pub fn lose(&self, on: &str) {
        let mut state = self.state();
        state.parts[index(on)] = Part::default();
        state.truth.clear();
    }

    pub fn let_clients_finish(&self) {
        let mut state = self.state();
        state.busy = 0;
        while let Some(id) = state.clients.keys().next().copied() {
            state.step(id);
        }
    }

    pub fn count(&self, on: &str) -> usize {
        self.state().parts[index(on)].documents.len()
    }

    pub fn quarantined(&self) -> Vec<(&'static str, u64)> {
        let state = self.state();
        let kept =
            PLACES.iter().zip(&state.parts).flat_map(|(on, part)| part.quarantine.iter().map(|(id, _)| (*on, *id)));
        kept.collect()
    }

    /// Copies of documents that are in two places.
    pub fn twins(&self) -> Vec<Vec<Copy>> {
        let state = self.state();
        let copies = |id: &u64| -> Vec<Copy> {
            let there = PLACES.iter().zip(&state.parts).filter_map(|(on, part)| Some((on, part.documents.get(id)?)));
            there.map(|(on, document)| Copy { on: (*on).to_owned(), seen: document.copied(*id) }).collect()
        };
        state.truth.keys().map(copies).filter(|copies| copies.len() > 1).collect()
    }

    /// Every document that is not deleted is there once, where it belongs, as its client left it; nothing else is.
    pub fn assert_in_order(&self) {
        let state = self.state();
        for (on, part) in PLACES.iter().zip(&state.parts) {
            for (id, document) in &part.documents {
                assert_eq!(document.belongs, *on, "{id} is in {on}");
                assert_eq!(state.truth[id], Some(document.content), "{id} in {on} is not what its client left");
            }
            assert!(part.coming.is_empty() && part.removed.is_empty(), "{on} has something written down");
        }
        for (id, truth) in &state.truth {
            let copies = state.parts.iter().filter(|part| part.documents.contains_key(id)).count();
            assert_eq!(copies, usize::from(truth.is_some()), "{id} is there {copies} times");
        }
    }
}

impl State {
    fn dies(&mut self) -> anyhow::Result<()> {
        self.asks_left = self.asks_left.saturating_sub(1);
        let dies = self.asks_left == 0 || self.dying > 0 && self.random.random_ratio(1, 6);
        self.dying -= u32::from(dies && self.dying > 0);
        anyhow::ensure!(!dies, "killed");
        Ok(())
    }

    /// The document that the application shows: the newest copy, of equals the first.
    fn newest(&self, id: u64) -> Option<(usize, &Doc)> {
        let copies = self.parts.iter().enumerate().filter_map(|(on, part)| Some((on, part.documents.get(&id)?)));
        copies.rev().max_by_key(|(_, document)| document.updated_at)
    }

    fn clients_work(&mut self) {
        while self.busy > 0 && self.random.random_ratio(self.busy, 100) {
            let ids: Vec<u64> = self.truth.iter().filter(|(_, truth)| truth.is_some()).map(|(id, _)| *id).collect();
            let Some(id) = ids.get(self.random.random_range(0..ids.len().max(1))).copied() else { return };
            match self.clients.contains_key(&id) {
                true => self.step(id),
                false => self.begin(id),
            }
        }
        // Whoever reads sees what was acknowledged: neither nothing nor something older.
        for (id, truth) in self.truth.iter().filter(|(id, _)| !self.clients.contains_key(id)) {
            if let Some(content) = truth {
                let shown = self.newest(*id).map(|(_, document)| document.content);
                assert_eq!(shown, Some(*content), "a reader does not see document {id}");
            }
        }
    }

    fn begin(&mut self, id: u64) {
        match self.random.random_range(0..4) {
            0 => {
                let left = self.copies(id);
                self.clients.insert(id, Client::Deleting { id, left });
            }
            choice => {
                let name = (choice == 1).then(|| self.random.random_range(0..3));
                self.find(id, name);
            }
        }
    }

    fn copies(&self, id: u64) -> Vec<usize> {
        let Some((home, _)) = self.newest(id) else { return Vec::new() };
        let others = (0..3).filter(|on| *on != home && self.parts[*on].documents.contains_key(&id));
        // The newest last, as web-server does it; taken from the end.
        [home].into_iter().chain(others).collect()
    }

    fn find(&mut self, id: u64, name: Option<usize>) {
        let copies = self.copies(id);
        let found = self.newest(id).map(|(home, document)| (home, document.clone()));
        let (home, found) = found.unwrap_or_else(|| panic!("document {id} is lost"));
        let others = copies.into_iter().filter(|on| *on != home).collect();
        self.clients.insert(id, Client::Changing { id, home, found, others, name });
    }

    /// One step of a client.
    fn step(&mut self, id: u64) {
        match self.clients.remove(&id).unwrap() {
            Client::Changing { id, home, found, others, name } => self.change(id, home, found, others, name),
            Client::TakingOut { id, target, before, after, others, name } => {
                self.take_out(id, (target, name), before, after, others);
            }
            Client::Deleting { id, mut left } => {
                if let Some(on) = left.pop() {
                    self.parts[on].documents.remove(&id);
                    self.clients.insert(id, Client::Deleting { id, left });
                } else if self.newest(id).is_some() {
                    // It looks once more before it says that it is done.
                    let left = self.copies(id);
                    self.clients.insert(id, Client::Deleting { id, left });
                } else {
                    self.truth.insert(id, None);
                }
            }
        }
    }

    fn change(&mut self, id: u64, home: usize, found: Doc, mut others: Vec<usize>, name: Option<usize>) {
        self.next_content += 1;
        let target = name.unwrap_or(home);
        let belongs = name.map_or(found.belongs.clone(), |name| PLACES[name].to_owned());
        let after = Doc { belongs, updated_at: found.updated_at + 1, content: self.next_content };
        let there = self.parts[target].documents.get(&id);
        let may = match target == home {
            true => there.is_some_and(|there| there.updated_at == found.updated_at),
            false => there.is_none_or(|there| there.updated_at <= after.updated_at),
        };
        if !may {
            return self.find(id, name);
        }
        self.parts[target].documents.insert(id, after.clone());
        if target != home {
            others.push(home);
        }
        others.retain(|on| *on != target);
        self.clients.insert(id, Client::TakingOut { id, target, before: found, after, others, name });
    }

    fn take_out(
        &mut self,
        id: u64,
        (target, name): (usize, Option<usize>),
        before: Doc,
        after: Doc,
        mut others: Vec<usize>,
    ) {
        let Some(on) = others.pop() else {
            _ = self.truth.insert(id, Some(after.content));
            return;
        };
        let documents = &mut self.parts[on].documents;
        if documents.get(&id).is_some_and(|there| there.updated_at <= before.updated_at) {
            documents.remove(&id);
        }
        // The same change may be there: it was moved meanwhile.
        if self.parts[on].documents.get(&id).is_some_and(|there| there.updated_at != after.updated_at) {
            if self.parts[target].documents.get(&id).is_some_and(|there| there.updated_at == after.updated_at) {
                self.parts[target].documents.remove(&id);
            }
            return self.find(id, name);
        }
        self.clients.insert(id, Client::TakingOut { id, target, before, after, others, name });
    }
}
