//! Bringing a system up from a bundle.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::StreamExt as _;
use futures_util::stream;
use ipnet::Ipv4Net;
use protocol::{Request, WaitReplicaSetRequest};

use super::blocking::{self, run};
use super::open::BundleFile;
use super::{BUNDLE_KEY, Kind, Manifest, Pace, Packed, data, unpack};

pub use super::unpack::Unchangeable;
use crate::desired::{Desired, OWNER_KEY, SecretName};
use crate::engine::event::{Event, Reporter};
use crate::guest::{self, Guests};
use crate::incus::{self, Instance, Status};
use crate::topology::Changes;

/// How many containers are brought in at once.
const AT_ONCE: usize = 2;

/// How much more than what containers hold a pool must have free, in percent: file systems keep some for themselves.
const MARGIN: u64 = 10;

/// How often a container is brought in again that the server still has mounted from an import that was killed.
const LEFT_MOUNTED: usize = 2;

/// How long to wait before that.
const BETWEEN: Duration = Duration::from_secs(2);

/// How long a mongod may take to answer, and its set to take another configuration, in milliseconds.
pub(super) const ANSWERS_MS: u64 = 120_000;

/// What is imported, and where to.
pub struct Import {
    /// The system's agents.
    pub guests: Guests,
    /// The system as it will be.
    pub desired: Desired,
    /// The bundle.
    pub file: Arc<BundleFile>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The pool that containers go to; the server's default without.
    pub pool: Option<String>,
    /// Whether it gets [new secrets](super::rotate).
    pub rotate_secrets: bool,
    /// What has another name in the bundle.
    pub renamed: Renamed,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Ends it in good order.
    pub stop: tokio_util::sync::CancellationToken,
}

/// What is called otherwise here than in the bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renamed {
    /// Containers, by their names here.
    pub containers: BTreeSet<String>,
    /// Replica sets and single mongods by their names here, and how the bundle calls them.
    pub databases: BTreeMap<String, String>,
}

impl Renamed {
    pub(super) fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.databases.is_empty()
    }
}

/// The key's value for a container that an import makes.
fn mark(manifest: &Manifest) -> String {
    format!("import {}", manifest.id)
}

/// The same for one whose import is over but for striking the keys out. First all get this, then all lose it: a run that is
/// killed between leaves nothing that looks as if it were half made.
fn ended(manifest: &Manifest) -> String {
    format!("done {}", manifest.id)
}

/// Has all containers of a system be made as those of an import, so that it is known whose they are while it goes on.
pub fn mark_all(desired: &mut Desired, manifest: &Manifest) {
    for container in desired.containers.values_mut() {
        container.config.insert(BUNDLE_KEY.to_owned(), mark(manifest));
    }
}

/// Reads the secrets of a topology that a bundle has; those of whole containers are in these.
///
/// # Errors
/// What can't be read.
pub async fn secrets(file: &Arc<BundleFile>) -> Result<BTreeMap<SecretName, Vec<u8>>> {
    let file = Arc::clone(file);
    run(move || {
        let (mut bundle, _) = file.open()?;
        let mut text = Vec::new();
        bundle.read(data::secrets::PIECE)?.read_to_end(&mut text)?;
        data::secrets::parse(&text)
    })
    .await
}

/// Writes the topology of a bundle where the user will have it. Gives its file.
///
/// # Errors
/// Those of [`unpack`](unpack::unpack).
pub async fn unpack_topology(
    file: &Arc<BundleFile>,
    folder: PathBuf,
    cache: Option<PathBuf>,
    changes: Changes,
) -> Result<PathBuf> {
    let file = Arc::clone(file);
    run(move || unpack::unpack(&file, &folder, cache.as_deref(), &changes)).await
}

impl Import {
    /// Refuses what can't end well, before anything is made. Gives the containers that an interrupted import has left.
    ///
    /// # Errors
    /// Containers that are there already, a pool without enough space, another processor.
    pub async fn check(&self, resume: bool) -> Result<Vec<String>> {
        let here = &self.guests.client.server().architectures;
        let wanted = &self.manifest.server.architecture;
        if !here.is_empty() && !here.contains(wanted) && self.manifest.kind == Kind::Full {
            bail!("its containers are for {wanted}, and the server runs {}", here.join(", "));
        }
        let seen = self.guests.client.instances().await?;
        let is_declared = |one: &&Instance| self.desired.containers.contains_key(&one.name);
        let ending =
            seen.iter().filter(is_declared).any(|one| one.config.get(BUNDLE_KEY) == Some(&ended(&self.manifest)));
        let mut left = Vec::new();
        for name in self.desired.containers.keys() {
            match seen.iter().find(|one| one.name == *name) {
                None => {}
                // Its mark was struck out already when the import was killed at its very end.
                Some(one) if ending && resume && one.config.get(OWNER_KEY) == Some(&self.desired.name) => {
                    left.push(name.clone());
                }
                Some(one) if self.is_ours(one) && resume => left.push(name.clone()),
                Some(one) if self.is_ours(one) => return Err(Interrupted(name.clone()).into()),
                Some(_) => bail!("there is a container {name} already"),
            }
        }
        if left.is_empty() {
            self.check_network().await?;
        }
        let missing = self.manifest.containers.iter().filter(|(name, _)| !left.contains(name));
        self.check_space(missing.map(|(_, packed)| packed.size).sum()).await?;
        Ok(left)
    }

    /// Whether an instance came out of this bundle and was not finished.
    fn is_ours(&self, instance: &Instance) -> bool {
        let mark = instance.config.get(BUNDLE_KEY);
        mark.is_some_and(|mark| mark.split(' ').next_back() == Some(&self.manifest.id))
    }

    /// Incus itself finds a network in the way only when it has begun to make one. Not everybody may list addresses.
    async fn check_network(&self) -> Result<()> {
        let wanted = &self.desired.network;
        let own = format!("/networks/{}", wanted.name);
        for taken in self.guests.client.allocations().await.unwrap_or_default() {
            let Ok(net) = taken.address.parse::<Ipv4Net>() else { continue };
            let overlaps = net.contains(&wanted.ipv4.network()) || wanted.ipv4.contains(&net.network());
            let path = taken.used_by.split('?').next().unwrap_or_default();
            if taken.type_ == "network" && overlaps && !path.ends_with(&own) {
                let name = path.rsplit('/').next().unwrap_or_default();
                bail!("{} is taken: the network {name} has {}", wanted.ipv4, taken.address);
            }
        }
        Ok(())
    }

    async fn check_space(&self, needed: u64) -> Result<()> {
        let client = &self.guests.client;
        let pool = match &self.pool {
            Some(pool) => Some(pool.clone()),
            None => client.profile("default").await?.root_pool().map(str::to_owned),
        };
        let pool = pool.ok_or_else(|| anyhow!("the profile `default` names no storage pool"))?;
        let Ok(space) = client.pool_space(&pool).await else { return Ok(()) };
        let needed = needed + needed / 100 * MARGIN;
        if space.total > 0 && space.free() < needed {
            bail!("the pool {pool} has {} free, and {} are needed", super::size(space.free()), super::size(needed));
        }
        Ok(())
    }

    /// Makes the network and all containers, with what is in them. Those with databases are started, the others stand.
    ///
    /// # Errors
    /// The first thing that failed. What is made stays, to be gone on with.
    pub async fn make(&self, left: &[String]) -> Result<()> {
        self.reporter.report(Event::Started { steps: self.manifest.containers.len() });
        let network = &self.desired.network;
        match self.guests.client.network(&network.name).await {
            Err(error) if error.is_not_found() => {
                self.guests.client.create_network(&network.name, "", &network.config).await?;
            }
            seen => drop(seen?),
        }
        let made = self.in_order().into_iter().enumerate().map(|(index, (name, packed))| async move {
            let (lane, text) = (name.clone(), format!("unpack {name}"));
            let begun = Instant::now();
            self.reporter.report(Event::StepStarted { step: index + 1, lane: lane.clone(), text: text.clone() });
            if !left.contains(name) {
                self.unpack(index + 1, name, packed).await.with_context(|| format!("could not {text}"))?;
            }
            self.adopt(name).await.with_context(|| format!("{name} could not be given its place"))?;
            if self.has_database(name) && !self.rotate_secrets {
                // It starts while others are unpacked.
                self.boot(name).await.with_context(|| format!("{name} could not be started"))?;
            }
            self.reporter.report(Event::StepDone { step: index + 1, lane, text, took: begun.elapsed() });
            anyhow::Ok(())
        });
        let done: Vec<Result<()>> = stream::iter(made).buffer_unordered(AT_ONCE).collect().await;
        done.into_iter().collect()
    }

    /// Containers with databases first: what takes longest, and what others wait for.
    fn in_order(&self) -> Vec<(&String, &Packed)> {
        let mut containers: Vec<_> = self.manifest.containers.iter().collect();
        containers.sort_by_key(|(name, packed)| (!self.has_database(name), Reverse(packed.size)));
        containers
    }

    fn has_database(&self, container: &str) -> bool {
        let members = self.desired.replica_sets.values().flat_map(|set| &set.members);
        let singles = self.desired.standalones.values().map(|single| &single.mongod);
        members.chain(singles).any(|mongod| mongod.container == container)
    }

    async fn unpack(&self, step: usize, name: &str, packed: &Packed) -> Result<()> {
        if self.stop.is_cancelled() {
            bail!("it was interrupted");
        }
        for _ in 0..LEFT_MOUNTED {
            match self.bring_in(step, name, packed).await {
                Err(error) if error.is_left_mounted() => tokio::time::sleep(BETWEEN).await,
                done => return Ok(done?),
            }
        }
        Ok(self.bring_in(step, name, packed).await?)
    }

    async fn bring_in(&self, step: usize, name: &str, packed: &Packed) -> Result<(), incus::Error> {
        let (file, stop) = (Arc::clone(&self.file), self.stop.clone());
        let Packed { piece, size, .. } = packed.clone();
        let pace = Pace::new(&self.reporter, step, name);
        let body = blocking::stream(move |pass| {
            let (mut bundle, _) = file.open()?;
            let reader = bundle.read_verified(&piece)?;
            Ok(pass(&mut BufReader::new(Watched { reader, stop, pace, done: 0, size }))?)
        });
        self.guests.client.import_backup(name, self.pool.as_deref(), body).await
    }

    /// Gives a container that was unpacked the configuration and the devices that it has here.
    async fn adopt(&self, name: &str) -> Result<()> {
        let wanted = self.desired.containers.get(name).ok_or_else(|| anyhow!("it is not in the topology"))?;
        let mut instance = self.guests.client.instance(name).await?;
        if instance.status != Status::Stopped {
            return Ok(());
        }
        instance.config.retain(|key, _| key.starts_with("volatile.") || key.starts_with("image."));
        instance.config.extend(wanted.config.clone());
        instance.config.insert(BUNDLE_KEY.to_owned(), mark(&self.manifest));
        let root = instance.devices.remove("root");
        instance.devices = wanted.devices.clone();
        if let Some(root) = root {
            instance.devices.entry("root".to_owned()).or_insert(root);
        }
        self.guests.client.update_instance(&instance).await?;
        self.rename_secrets(name).await
    }

    /// Waits until each member has all that its primary has.
    async fn catch_up(&self) -> Result<()> {
        let sets = self.desired.replica_sets.values().filter_map(|set| Some((set, set.members.first()?)));
        let waits = sets.map(|(set, first)| async {
            let (keyfile, set, members) = (set.keyfile(), set.address(), set.hosts());
            let timeout_ms = ANSWERS_MS;
            let request = Request::WaitReplicaSet(WaitReplicaSetRequest { set, members, keyfile, timeout_ms });
            guest::call(&self.guests, &first.container, &request, |_| {}).await.map(drop)
        });
        Ok(futures_util::future::try_join_all(waits).await.map(drop)?)
    }

    /// Waits until all members have the same, and strikes out that containers came from a bundle.
    ///
    /// # Errors
    /// A set that does not become healthy, what can't be changed.
    pub async fn finish(&self) -> Result<()> {
        self.catch_up().await?;
        for mark in [Some(ended(&self.manifest)), None] {
            let marks = BTreeMap::from([(BUNDLE_KEY.to_owned(), mark)]);
            for name in self.desired.containers.keys() {
                let seen = self.guests.client.instance(name).await?;
                self.guests.client.patch_instance(name, &marks, &BTreeMap::new(), &seen.description).await?;
            }
        }
        Ok(())
    }
}

/// A container is there that an interrupted import of the same bundle has made.
#[derive(Debug, thiserror::Error)]
#[error("the container {0} is there already: an import of this bundle was not finished")]
pub struct Interrupted(String);

/// A reader that tells how far it is, and ends with an error when it is interrupted.
struct Watched<R> {
    reader: R,
    stop: tokio_util::sync::CancellationToken,
    pace: Pace,
    done: u64,
    size: u64,
}

impl<R: std::io::Read> std::io::Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(std::io::Error::other("it was interrupted"));
        }
        let read = self.reader.read(buffer)?;
        self.done += read as u64;
        self.pace.at(self.done, Some(self.size));
        Ok(read)
    }
}

/// Where a bundle's topology goes if nothing else is said: a folder of its name, here.
pub fn default_folder(manifest: &Manifest, changes: &Changes) -> PathBuf {
    Path::new(changes.name.as_ref().unwrap_or(&manifest.topology)).to_owned()
}
