//! Taking the data out: an export of the kind `data`.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::bundle::{PieceWriter, Writer};
use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream;
use protocol::{
    Catalog, ClusterTime, Collection, CollectionKind, DataAsk, DataPart, DataReply, DataRequest, Holds, Reply, Request,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Database, Held, Made, names, secrets};
use crate::bundle::export::{Begun, Export, Exported, Parts};
use crate::bundle::sources::{Content, SourceFile};
use crate::bundle::target::Out;
use crate::cut::{How, Moment};
use crate::desired::FragmentHome;
use crate::engine::event::Event;
use crate::guest;

/// How many databases are read at once.
const AT_ONCE: usize = 2;

/// How long a mongod that is in no set may hold back its writes while it is read.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a question may be tried, in milliseconds: writes are held back meanwhile.
const ASKING_MS: u64 = 5_000;

/// A database, and what it holds.
struct Source {
    step: usize,
    name: String,
    home: FragmentHome,
    /// The container whose agent answered.
    container: String,
    catalog: Catalog,
    /// The collections that are still to be read.
    left: Vec<Collection>,
    /// The pieces with documents that are packed.
    done: BTreeMap<String, Holds>,
}

impl Source {
    /// Takes some of the collections that are still to be read.
    fn take(&mut self, which: impl Fn(CollectionKind) -> bool) -> Vec<Collection> {
        let (taken, left) = std::mem::take(&mut self.left).into_iter().partition(|one| which(one.kind));
        self.left = left;
        taken
    }
}

impl Export {
    /// Takes a moment of all databases, packs what they hold then, and ends the bundle.
    ///
    /// # Errors
    /// The first thing that failed. The unfinished file stays, to be gone on with.
    pub async fn pack_data(&self, begun: Begun) -> Result<Exported> {
        let count = self.desired.databases().count();
        self.reporter.report(Event::Started { steps: count });
        self.pack_files(&begun.writer).await?;
        let secrets = secrets::read(&self.guests.client, &self.desired).await?;
        self.pack_file(&begun.writer, in_memory(secrets::PIECE, secrets)).await?;
        let id = format!("data-{}", begun.head.id);
        let taken = Moment::take(&self.guests, &self.desired, &id, PATIENCE, async || self.catalogs().await).await;
        let (moment, sources) = taken.context("the databases can't be had as they are at one moment")?;
        let read = self.read_held(&begun.writer, &moment, sources).await;
        if read.is_err() {
            moment.release().await;
        }
        let (mut databases, sets, paused_ms) = read?;
        databases.extend(self.read_all(&begun.writer, sets).await?);
        let mut begun = begun;
        begun.head.cut.how = How::Live { paused_ms, held: moment.hosts() };
        self.end(begun, Parts { databases, ..Parts::default() }).await
    }

    /// Reads what has to be read while it is held, and lets all go. Gives what is still to be read, and the longest that
    /// somebody was held.
    async fn read_held(
        &self,
        writer: &Arc<Writer<Out>>,
        moment: &Moment<'_>,
        mut sources: Vec<Source>,
    ) -> Result<(BTreeMap<String, Database>, Vec<Source>, u64)> {
        for source in sources.iter_mut().filter(|source| source.home.place.is_set) {
            let capped = source.take(|kind| kind == CollectionKind::Capped);
            if !capped.is_empty() {
                let held = self.read_documents(writer, source, None, capped).await;
                source
                    .done
                    .extend(held.with_context(|| format!("capped collections of {} can't be read", source.name))?);
            }
        }
        let (sets, singles): (Vec<_>, Vec<_>) = sources.into_iter().partition(|source| source.home.place.is_set);
        let sets_ms = moment.let_sets_go().await.context("the databases were not held at one moment")?;
        let names = singles.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
        let Ok(databases) = timeout(PATIENCE, self.read_all(writer, singles)).await else {
            bail!("{names} can't be read within {} s, and writes wait no longer for that", PATIENCE.as_secs());
        };
        let databases = databases?;
        let singles_ms = moment.let_singles_go().await.with_context(|| {
            format!("what was read is not of one moment: {} s are the most that writes wait", PATIENCE.as_secs())
        })?;
        Ok((databases, sets, sets_ms.max(singles_ms)))
    }

    /// What all databases hold, asked at once.
    async fn catalogs(&self) -> Result<Vec<Source>> {
        let asked = self.desired.databases().enumerate().map(|(index, name)| self.source(index + 1, name));
        try_join_all(asked).await
    }

    async fn source(&self, step: usize, name: &str) -> Result<Source> {
        let home = self.desired.home(name).with_context(|| format!("{name} is not in the topology"))?;
        let request = request(&home, DataAsk::Catalog);
        let mut last = anyhow!("{name} is in no container");
        for container in &home.containers {
            match guest::call(&self.guests, container, &request, |_| {}).await {
                Ok(Reply::Data(DataReply::Catalog(catalog))) => {
                    let (name, container, left) = (name.to_owned(), container.clone(), catalog.collections.clone());
                    return Ok(Source { step, name, home, container, catalog, left, done: BTreeMap::new() });
                }
                Ok(_) => bail!("the agent in {container} answered something else than it was asked"),
                Err(error @ guest::Error::Failed(_)) => return Err(error.into()),
                // Another container may have an agent that can be asked.
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    async fn read_all(&self, writer: &Arc<Writer<Out>>, sources: Vec<Source>) -> Result<BTreeMap<String, Database>> {
        let read = sources.into_iter().map(|mut source| async move {
            let (step, lane) = (source.step, source.name.clone());
            if self.stop.is_cancelled() {
                bail!("it was interrupted");
            }
            let begun = Instant::now();
            let text = format!("read {}", source.name);
            self.reporter.report(Event::StepStarted { step, lane: lane.clone(), text: text.clone() });
            match self.read(writer, &mut source).await {
                Ok(database) => {
                    let text = format!("{text}: {}", told(&database));
                    self.reporter.report(Event::StepDone { step, lane, text, took: begun.elapsed() });
                    Ok((source.name, database))
                }
                Err(error) => {
                    let line = guest::one_line(error.as_ref());
                    self.reporter.report(Event::StepFailed { step, lane, text: text.clone(), error: line });
                    Err(error.context(format!("could not {text}")))
                }
            }
        });
        let done: Vec<_> = stream::iter(read).buffer_unordered(AT_ONCE).collect().await;
        done.into_iter().collect()
    }

    /// Reads what is left of a database, and packs what its collections are made with.
    async fn read(&self, writer: &Arc<Writer<Out>>, source: &mut Source) -> Result<Database> {
        let (at, left) = (source.catalog.at, source.take(|_| true));
        let read = self.read_documents(writer, source, at, left).await?;
        source.done.extend(read);
        let mut collections = Vec::new();
        for collection in &source.catalog.collections {
            collections.push(self.pack_made(writer, source, collection).await?);
        }
        Ok(Database { is_set: source.home.place.is_set, mongod: source.catalog.mongod.clone(), collections })
    }

    /// Packs the documents of collections, as they come.
    async fn read_documents(
        &self,
        writer: &Arc<Writer<Out>>,
        source: &Source,
        at: Option<ClusterTime>,
        collections: Vec<Collection>,
    ) -> Result<BTreeMap<String, Holds>> {
        let request = request(&source.home, DataAsk::Read { at, collections });
        let broken = CancellationToken::new();
        let mut taking = Taking::new(source, writer);
        let asked = guest::call_in_parts(
            &self.guests,
            &source.container,
            &request,
            |_| {},
            |part| {
                // The next part is not read before this one is packed: that is what bounds memory.
                if taking.failed.is_none()
                    && let Err(error) = tokio::task::block_in_place(|| taking.take(&part))
                {
                    taking.failed = Some(error);
                    broken.cancel();
                }
            },
        );
        let answer = tokio::select! {
            answer = asked => Some(answer),
            () = broken.cancelled() => None,
            () = self.stop.cancelled() => bail!("it was interrupted"),
        };
        if let Some(error) = taking.failed.take() {
            return Err(error.context("what was read can't be packed"));
        }
        match answer {
            Some(Ok(Reply::Data(DataReply::Done))) => taking.finish(),
            Some(Err(error)) => Err(error.into()),
            _ => bail!("the agent in {} answered something else than it was asked", source.container),
        }
    }

    /// Packs what a collection is made with, beside its documents.
    async fn pack_made(&self, writer: &Arc<Writer<Out>>, source: &Source, collection: &Collection) -> Result<Held> {
        let (made, content) = names::of(&source.name, &collection.name);
        let content = (collection.kind != CollectionKind::View).then_some(content);
        let holds = match &content {
            None => Holds::default(),
            Some(piece) => *source.done.get(piece).with_context(|| format!("{} was not read", collection.name))?,
        };
        // Another one of the same content is the same.
        let collection = Collection { uuid: None, ..collection.clone() };
        let text = serde_json::to_vec_pretty(&Made { collection, holds })?;
        self.pack_file(writer, in_memory(&made, text)).await?;
        Ok(Held { made, content, holds })
    }
}

fn in_memory(piece: &str, bytes: Vec<u8>) -> SourceFile {
    SourceFile { piece: piece.to_owned(), content: Content::Bytes(bytes) }
}

fn request(home: &FragmentHome, ask: DataAsk) -> Request {
    Request::Data(Box::new(DataRequest { place: home.place.clone(), timeout_ms: ASKING_MS, ask }))
}

/// What was read of a database, in a few words.
fn told(database: &Database) -> String {
    let (mut documents, mut bytes) = (0, 0);
    for held in &database.collections {
        documents += held.holds.documents;
        bytes += held.holds.bytes;
    }
    format!("{documents} documents, {}", crate::bundle::size(bytes))
}

/// What comes of a database, put into pieces.
struct Taking<'s> {
    source: &'s Source,
    writer: &'s Writer<Out>,
    open: Option<(String, PieceWriter<Out>)>,
    done: BTreeMap<String, Holds>,
    failed: Option<anyhow::Error>,
}

impl<'s> Taking<'s> {
    fn new(source: &'s Source, writer: &'s Writer<Out>) -> Self {
        Self { source, writer, open: None, done: BTreeMap::new(), failed: None }
    }

    fn take(&mut self, part: &str) -> Result<()> {
        match serde_json::from_str(part).context("its agent says what nobody understands")? {
            DataPart::Begin(name) => {
                let (_, piece) = names::of(&self.source.name, &name);
                let writer = self.writer.piece(&piece)?;
                self.open = Some((piece, writer));
            }
            DataPart::Bytes(bytes) => {
                let (_, writer) = self.open.as_mut().context("documents come that are in no collection")?;
                writer.write_all(&STANDARD.decode(bytes)?)?;
            }
            DataPart::End(holds) => {
                let (piece, writer) = self.open.take().context("a collection ends that was not begun")?;
                let packed = writer.finish()?.size;
                if packed != holds.bytes {
                    bail!("{packed} bytes came of {piece}, and {} were sent", holds.bytes);
                }
                self.done.insert(piece, holds);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<BTreeMap<String, Holds>> {
        match self.open {
            Some((piece, _)) => bail!("{piece} has no end"),
            None => Ok(self.done),
        }
    }
}
