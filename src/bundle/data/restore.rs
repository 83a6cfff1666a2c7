//! Putting the data into a system that is up.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{DataAsk, DataReply, DataRequest, Reply, Request, UnitsRequest, WriteRequest};
use tokio::sync::mpsc;

use super::{Database, Held, Made};
use crate::bundle::Pace;
use crate::bundle::blocking::run;
use crate::bundle::open::BundleFile;
use crate::desired::{Desired, FragmentHome};
use crate::engine::event::{Event, Reporter};
use crate::guest::{self, Guests};

/// How many bytes of documents go in one request, but for a single one that is larger.
const BATCH: usize = 2 << 20;

/// The largest document, with room for what mongod itself adds to one.
const LARGEST: usize = (16 << 20) + (16 << 10);

/// How long a request may be tried, in milliseconds: members start, or elect a primary.
const TRYING_MS: u64 = 60_000;

/// How long services may take to stop, in milliseconds.
const STOPPING_MS: u64 = 90_000;

/// What is put where.
pub struct Restore<'r> {
    /// The system's agents.
    pub guests: &'r Guests,
    /// The system.
    pub desired: &'r Desired,
    /// The bundle.
    pub file: &'r Arc<BundleFile>,
    /// What it has.
    pub databases: &'r BTreeMap<String, Database>,
    /// Which of them goes into which of the system's.
    pub targets: &'r BTreeMap<String, String>,
    /// Who is told.
    pub reporter: &'r Arc<dyn Reporter>,
    /// Ends it in good order.
    pub stop: &'r tokio_util::sync::CancellationToken,
}

impl Restore<'_> {
    /// Stops all services, and puts the bundle's data in the place of what the databases hold. Services stay stopped, and
    /// documents of fragmented collections count as not looked through: an `up` mends both.
    ///
    /// # Errors
    /// The first thing that failed. It is begun from the start the next time.
    pub async fn put(&self) -> Result<()> {
        self.reporter.report(Event::Started { steps: self.databases.len() });
        self.stop_services().await?;
        // One after the other: a request with a document of 16 MB is some 70 MB of memory.
        for (index, (name, database)) in self.databases.iter().enumerate() {
            let (step, lane) = (index + 1, self.targets.get(name).unwrap_or(name).clone());
            let (begun, text) = (Instant::now(), format!("restore {lane}"));
            self.reporter.report(Event::StepStarted { step, lane: lane.clone(), text: text.clone() });
            match self.put_one(step, &lane, database).await {
                Ok(documents) => {
                    let text = format!("{text}: {documents} documents");
                    self.reporter.report(Event::StepDone { step, lane, text, took: begun.elapsed() });
                }
                Err(error) => {
                    let line = guest::one_line(error.as_ref());
                    self.reporter.report(Event::StepFailed { step, lane, text: text.clone(), error: line });
                    return Err(error.context(format!("could not {text}")));
                }
            }
        }
        self.forget_markers().await
    }

    /// What runs would write into what is being made, and believe what it has seen before.
    async fn stop_services(&self) -> Result<()> {
        for (container, wanted) in &self.desired.containers {
            let stop: Vec<String> = wanted.releases.values().map(|release| release.unit.clone()).collect();
            if stop.is_empty() {
                continue;
            }
            let request = Request::Units(UnitsRequest { stop, timeout_ms: STOPPING_MS, ..UnitsRequest::default() });
            let asked = guest::call(self.guests, container, &request, |_| {}).await;
            asked.with_context(|| format!("the services in {container} can't be stopped"))?;
        }
        Ok(())
    }

    /// The ranges may be others than where the documents come from.
    async fn forget_markers(&self) -> Result<()> {
        for fragmented in self.desired.fragmented.values() {
            let (container, path) = &fragmented.marker;
            let request = Request::Write(WriteRequest { remove: vec![path.clone()], ..WriteRequest::default() });
            guest::call(self.guests, container, &request, |_| {}).await?;
        }
        Ok(())
    }

    async fn put_one(&self, step: usize, name: &str, database: &Database) -> Result<u64> {
        let home = self.desired.home(name).with_context(|| format!("{name} is not in the topology"))?;
        let target = Target { guests: self.guests, home };
        target.ask(DataAsk::Clear).await?;
        let all: u64 = database.collections.iter().map(|held| held.holds.bytes).sum();
        let (mut sent, mut documents) = (0, 0);
        let mut pace = Pace::new(self.reporter, step, name);
        for held in &database.collections {
            let made = self.made(held).await?;
            let failed = || format!("{} can't be restored", made.collection.name);
            target.ask(DataAsk::Make { collection: made.collection.clone() }).await.with_context(failed)?;
            let mut batches = self.batches(held);
            while let Some(batch) = batches.recv().await {
                if self.stop.is_cancelled() {
                    bail!("it was interrupted");
                }
                let batch = batch.with_context(failed)?;
                sent += batch.len() as u64;
                let (to, kind) = (made.collection.name.clone(), made.collection.kind);
                let insert = DataAsk::Insert { name: to, kind, documents: STANDARD.encode(batch) };
                target.ask(insert).await.with_context(failed)?;
                pace.at(sent, Some(all));
            }
            documents += made.holds.documents;
            let complete = DataAsk::Complete { collection: made.collection.clone(), holds: made.holds };
            target.ask(complete).await.with_context(failed)?;
        }
        Ok(documents)
    }

    async fn made(&self, held: &Held) -> Result<Made> {
        let (file, piece) = (Arc::clone(self.file), held.made.clone());
        let made: Made = run(move || {
            let (mut bundle, _) = file.open()?;
            serde_json::from_reader(io::BufReader::new(bundle.read(&piece)?))
                .with_context(|| format!("{piece} can't be read"))
        })
        .await?;
        if made.holds != held.holds {
            bail!("{} says something else than the manifest", held.made);
        }
        Ok(made)
    }

    /// The documents of a collection, some at a time, read in a thread that waits until they are taken.
    fn batches(&self, held: &Held) -> mpsc::Receiver<Result<Vec<u8>>> {
        let (sender, receiver) = mpsc::channel(1);
        let (file, piece) = (Arc::clone(self.file), held.content.clone());
        tokio::task::spawn_blocking(move || {
            let Some(piece) = piece else { return };
            let read = || -> Result<()> {
                let (mut bundle, _) = file.open()?;
                let mut reader = io::BufReader::with_capacity(1 << 16, bundle.read(&piece)?);
                while let Some(batch) = batch(&mut reader)? {
                    // Nobody takes it any more: something else failed.
                    if sender.blocking_send(Ok(batch)).is_err() {
                        return Ok(());
                    }
                }
                Ok(())
            };
            if let Err(error) = read() {
                let _ = sender.blocking_send(Err(error.context(format!("{piece} can't be read"))));
            }
        });
        receiver
    }
}

/// Where data goes.
struct Target<'g> {
    guests: &'g Guests,
    home: FragmentHome,
}

impl Target<'_> {
    async fn ask(&self, ask: DataAsk) -> Result<()> {
        let name = &self.home.place.on;
        let container = self.home.containers.first().ok_or_else(|| anyhow!("{name} is in no container"))?;
        let request = DataRequest { place: self.home.place.clone(), timeout_ms: TRYING_MS, ask };
        match guest::call(self.guests, container, &Request::Data(Box::new(request)), |_| {}).await? {
            Reply::Data(DataReply::Done) => Ok(()),
            _ => bail!("the agent in {container} answered something else than it was asked"),
        }
    }
}

/// The next whole documents; `None` at the end.
fn batch(reader: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        let begin = batch.len();
        if reader.by_ref().take(4).read_to_end(&mut batch)? == 0 {
            break;
        }
        let length = batch[begin..].try_into().map(u32::from_le_bytes).unwrap_or_default() as usize;
        if !(5..=LARGEST).contains(&length) {
            bail!("a document of {length} bytes stands in it");
        }
        if reader.by_ref().take(length as u64 - 4).read_to_end(&mut batch)? != length - 4 {
            bail!("it ends in the middle of a document");
        }
    }
    Ok((!batch.is_empty()).then_some(batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(length: u32) -> Vec<u8> {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.resize(length as usize, 0);
        bytes
    }

    #[test]
    fn batches_are_whole_documents() {
        let all = [document(5), document(1 << 20), document(3 << 20), document(16 << 20), document(7)].concat();
        let mut reader = all.as_slice();
        let mut sizes = Vec::new();
        while let Some(batch) = batch(&mut reader).expect("documents") {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [5 + (4 << 20), 16 << 20, 7]);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for bytes in [&[5, 0, 0][..], &[4, 0, 0, 0], &[9, 0, 0, 0, 1], &[0xff; 8]] {
            assert!(batch(&mut &*bytes).is_err(), "{bytes:?}");
        }
    }
}
