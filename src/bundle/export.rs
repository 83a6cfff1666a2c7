//! Taking a system out.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::bundle::{Identity, PieceInfo, Recipient, SecretString, Writer};
use anyhow::{Context, Result, anyhow, bail};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Serialize;

use super::blocking::run;
use super::data::Database;
use super::pack::Packer;
use super::sources::{Content, SourceFile};
use super::target::{Out, Target};
use super::{CONTAINERS, Head, Kind, Manifest, Packed, ServerFacts, open};
use crate::cut::{self, Cut};
use crate::desired::{DATA_KEY, Desired};
use crate::engine::event::{Event, Reporter};
use crate::guest::Guests;

/// How many containers are packed at once: more would wait for the same processors, and need the server's disk for more
/// backups.
const AT_ONCE: usize = 2;

/// What a bundle takes at least of what containers hold, as a divisor: to see before that a disk is too small.
const LEAST: u64 = 20;

/// The same for the files that the topology names: programs are packed to a quarter.
const LEAST_OF_FILES: u64 = 6;

/// What is exported, and where to.
pub struct Export {
    /// The system's agents.
    pub guests: Guests,
    /// The system.
    pub desired: Desired,
    /// What is taken of it.
    pub kind: Kind,
    /// Where the bundle goes.
    pub target: Target,
    /// Who may read it; anybody without.
    pub recipient: Option<Recipient>,
    /// The topology and the files that it names.
    pub files: Vec<SourceFile>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Ends it in good order.
    pub stop: tokio_util::sync::CancellationToken,
}

/// An export that was interrupted and goes on.
pub struct Begun {
    pub(super) head: Head,
    pub(super) writer: Arc<Writer<Out>>,
    finished: Vec<PieceInfo>,
}

/// What a bundle has in the end: the one or the other.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub containers: BTreeMap<String, Packed>,
    pub databases: BTreeMap<String, Database>,
}

/// What became of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The file; `None` for a stream.
    pub file: Option<PathBuf>,
    /// Its size in bytes.
    pub size: u64,
    /// What it holds, in bytes.
    pub content: u64,
    /// What it says of itself.
    pub manifest: Manifest,
}

impl Export {
    /// Refuses what can't end well, before anything is touched.
    ///
    /// # Errors
    /// A file that is there already, an unfinished one, a disk that is too small.
    pub async fn check(&self, resume: bool) -> Result<()> {
        let (Target::File(path), Some(partial)) = (&self.target, self.target.partial()) else { return Ok(()) };
        if path.exists() {
            bail!("{} is there already", path.display());
        }
        match (resume, partial.exists() || older(&partial).exists()) {
            (false, true) => return Err(Unfinished(partial).into()),
            (true, false) => bail!("{} is not there: nothing was interrupted", partial.display()),
            _ => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let free = free_space(folder).with_context(|| format!("the folder {} can't be looked at", folder.display()))?;
        let held = if self.kind == Kind::Full { self.held().await? } else { 0 };
        let least = held / LEAST + self.files.iter().map(SourceFile::size).sum::<u64>() / LEAST_OF_FILES;
        if free < least {
            bail!(
                "{} has {} free, and a bundle of this system takes {} at least",
                folder.display(),
                super::size(free),
                super::size(least)
            );
        }
        Ok(())
    }

    /// How many bytes the containers hold, as far as the storage counts that.
    async fn held(&self) -> Result<u64> {
        let seen = self.guests.client.instances_with_state().await?;
        let ours = seen.iter().filter(|one| self.desired.containers.contains_key(&one.name));
        let usage = ours.filter_map(|one| one.state.as_ref()?.disk.get("root")).map(|disk| disk.usage.max(0));
        Ok(usage.sum::<i64>().unsigned_abs())
    }

    /// Takes up an export that was interrupted: what is packed already is copied to a new file.
    ///
    /// # Errors
    /// A file that no export has left, or that can't be decrypted.
    pub async fn resume(&self, passphrase: Option<SecretString>) -> Result<Begun> {
        let partial = self.target.partial().ok_or_else(|| anyhow!("a stream can't be gone on with"))?;
        let old = older(&partial);
        match old.exists() {
            // The last time it was interrupted while it was copied; what is copied is in the old one.
            true if partial.exists() => fs::remove_file(&partial)?,
            true => {}
            false => fs::rename(&partial, &old)?,
        }
        let out = Out::begin(&self.target, self.recipient.as_ref())?;
        let from = old.clone();
        let resumed = run(move || {
            let file = open::Source::open(&from, passphrase.map(Identity::Passphrase).as_ref())?;
            Ok(Writer::resume(io::BufReader::with_capacity(1 << 20, file), out)?)
        })
        .await;
        let resumed = match resumed {
            Ok(resumed) => resumed,
            Err(error) => {
                fs::remove_file(&partial)?;
                fs::rename(&old, &partial)?;
                return Err(error.context(format!("{} can't be gone on with", partial.display())));
            }
        };
        let head: Head = serde_json::from_value(resumed.head).context("it was begun by another version of distctl")?;
        if let Err(error) = self.is_meant(&head, &partial) {
            drop(resumed.writer);
            fs::remove_file(&partial)?;
            fs::rename(&old, &partial)?;
            return Err(error);
        }
        fs::remove_file(&old)?;
        Ok(Begun { head, writer: Arc::new(resumed.writer), finished: resumed.pieces })
    }

    /// Whether an unfinished export is of what is exported now.
    fn is_meant(&self, head: &Head, partial: &Path) -> Result<()> {
        if head.topology != self.desired.name {
            bail!("{} is an export of {}, not of {}", partial.display(), head.topology, self.desired.name);
        }
        if head.kind != self.kind {
            bail!("{} is an export of another kind: go on with it as `--kind {}`", partial.display(), head.kind);
        }
        Ok(())
    }

    /// Begins an export of a cut.
    ///
    /// # Errors
    /// Where the file can't be made.
    pub async fn begin(&self, id: &str, cut: Cut) -> Result<Begun> {
        let out = Out::begin(&self.target, self.recipient.as_ref())?;
        let head = self.head(id, cut);
        let first = head.clone();
        let writer = run(move || Ok(Writer::create(out, &first)?)).await?;
        Ok(Begun { head, writer: Arc::new(writer), finished: Vec::new() })
    }

    /// Goes on with one that was begun from another cut: nothing of that is kept, and what both share is there already.
    pub fn begin_anew(&self, begun: Begun, id: &str, cut: Cut) -> Begun {
        Begun { head: self.head(id, cut), finished: Vec::new(), ..begun }
    }

    fn head(&self, id: &str, cut: Cut) -> Head {
        Head { id: id.to_owned(), kind: self.kind, topology: self.desired.name.clone(), cut }
    }

    /// Packs everything and ends the bundle.
    ///
    /// # Errors
    /// The first thing that failed. The unfinished file stays, to be gone on with.
    pub async fn pack(&self, begun: Begun) -> Result<Exported> {
        self.reporter.report(Event::Started { steps: begun.head.cut.containers.len() });
        self.pack_files(&begun.writer).await?;
        let packer = Packer {
            guests: self.guests.clone(),
            writer: Arc::clone(&begun.writer),
            reporter: Arc::clone(&self.reporter),
            topology: self.desired.name.clone(),
            id: begun.head.id.clone(),
            snapshot: begun.head.cut.snapshot.clone(),
            stop: self.stop.clone(),
        };
        let containers = self.pack_containers(&packer, &begun.head.cut, &begun.finished).await?;
        drop(packer);
        self.end(begun, Parts { containers, ..Parts::default() }).await
    }

    /// Ends a bundle that has all its pieces.
    pub(super) async fn end(&self, begun: Begun, parts: Parts) -> Result<Exported> {
        let Begun { head, writer, .. } = begun;
        let progress = writer.progress();
        let server = self.guests.client.server();
        let manifest = Manifest {
            id: head.id,
            kind: head.kind,
            topology: head.topology,
            distctl: env!("CARGO_PKG_VERSION").to_owned(),
            cut: head.cut,
            server: ServerFacts {
                incus: server.version.clone(),
                architecture: server.architectures.first().cloned().unwrap_or_default(),
            },
            network: self.desired.network.ipv4,
            containers: parts.containers,
            databases: parts.databases,
        };
        let (written, target) = (manifest.clone(), self.target.clone());
        run(move || {
            let writer = Arc::try_unwrap(writer).map_err(|_| anyhow!("something is still being packed"))?;
            writer.finish(&written)?.end(&target)
        })
        .await
        .context("the end of the bundle can't be written")?;
        let file = match &self.target {
            Target::File(path) => Some(path.clone()),
            Target::Stream => None,
        };
        let size = file.as_ref().and_then(|path| Some(fs::metadata(path).ok()?.len())).unwrap_or(progress.written());
        Ok(Exported { file, size, content: progress.taken(), manifest })
    }

    /// Names the file that a disk has no room for.
    pub fn named(&self, error: anyhow::Error) -> anyhow::Error {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        match (kind, self.target.partial()) {
            (Some(StorageFull | QuotaExceeded | FileTooLarge), Some(partial)) => {
                error.context(format!("{} can't be written", partial.display()))
            }
            _ => error,
        }
    }

    pub(super) async fn pack_files(&self, writer: &Arc<Writer<Out>>) -> Result<()> {
        for file in self.files.clone() {
            self.pack_file(writer, file).await?;
        }
        Ok(())
    }

    pub(super) async fn pack_file(&self, writer: &Arc<Writer<Out>>, file: SourceFile) -> Result<()> {
        let writer = Arc::clone(writer);
        run(move || {
            let mut piece = writer.piece(&file.piece)?;
            match &file.content {
                Content::Bytes(bytes) => io::copy(&mut bytes.as_slice(), &mut piece)?,
                Content::Host(path) => io::copy(&mut host_file(path)?, &mut piece)?,
            };
            piece.finish()?;
            Ok(())
        })
        .await
    }

    async fn pack_containers(
        &self,
        packer: &Packer,
        cut: &Cut,
        finished: &[PieceInfo],
    ) -> Result<BTreeMap<String, Packed>> {
        let all = cut.containers.iter().enumerate().map(|(index, container)| async move {
            let piece = format!("{CONTAINERS}{container}.tar");
            let info = match finished.iter().any(|info| info.name == piece) {
                true => packer.writer.keep(&piece)?,
                false => packer.pack(index + 1, container, &piece).await?,
            };
            let ipv4 = self.desired.containers.get(container).map(|container| container.ipv4);
            let ipv4 = ipv4.with_context(|| format!("{container} is not in the topology any more"))?;
            let data = self.guests.client.instance(container).await?.config.get(DATA_KEY).cloned();
            anyhow::Ok((container.clone(), Packed { piece, ipv4, size: info.size, data }))
        });
        let done: Vec<_> = stream::iter(all).buffer_unordered(AT_ONCE).collect().await;
        done.into_iter().collect()
    }

    /// Whether the cut of an export that was interrupted is still there.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn still_has(&self, begun: &Begun) -> Result<bool> {
        let cut = &begun.head.cut;
        for container in &cut.containers {
            let snapshots = match self.guests.client.snapshots(container).await {
                Err(error) if error.is_not_found() => return Ok(false),
                snapshots => snapshots?,
            };
            if !snapshots.iter().any(|snapshot| snapshot.name == cut.snapshot) {
                return Ok(false);
            }
        }
        Ok(cut.containers.len() == self.desired.containers.len())
    }

    /// Deletes the snapshots of a cut.
    ///
    /// # Errors
    /// What can't be deleted.
    pub async fn forget(&self, cut: &Cut) -> Result<()> {
        cut::discard(&self.guests, &cut.containers, &cut.snapshot).await
    }
}

impl Begun {
    /// The moment that it holds.
    pub fn cut(&self) -> &Cut {
        &self.head.cut
    }
}

/// There is an unfinished bundle where a new one would begin.
#[derive(Debug, thiserror::Error)]
#[error("{} is an export that was not finished", .0.display())]
pub struct Unfinished(PathBuf);

fn host_file(path: &Path) -> Result<impl Read> {
    File::open(path).with_context(|| format!("{} can't be read", path.display()))
}

/// Where an unfinished bundle lies while it is copied.
fn older(partial: &Path) -> PathBuf {
    partial.with_extension("partial-old")
}

fn free_space(folder: &Path) -> io::Result<u64> {
    let seen = rustix::fs::statvfs(folder)?;
    Ok(seen.f_bavail.saturating_mul(seen.f_frsize))
}
