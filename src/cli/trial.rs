//! `distctl bundle verify --restore`: a bundle that is brought up where nobody uses it, looked at, and removed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use ipnet::Ipv4Net;
use serde::Serialize;
use tempfile::TempDir;

use super::import::{Targets, bridge, bring_up, clear_way, receive};
use super::line::{self, Stage};
use super::{Context, artifacts, fragmentation_check, judge, verify};
use crate::bundle::import::{Import as Work, Renamed, unpack_topology};
use crate::bundle::open::BundleFile;
use crate::bundle::{BUNDLE_KEY, Manifest};
use crate::incus::Client;
use crate::report::verify::Verification;
use crate::topology::{Changes, Topology};
use crate::ui::{Advise, Exit};

/// Where networks for trials are looked for: few use it.
const NETWORKS: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 0);

/// How many of them are looked at.
const MOST: u32 = 200;

/// What was seen of a bundle that was brought up.
#[derive(Serialize)]
struct Seen {
    /// What `distctl verify` says there.
    verification: Verification,
    /// What `distctl fragmentation-check` says there.
    fragments: Vec<fragmentation_check::Outcome>,
    /// How long it took to bring it up, in seconds.
    up_s: f64,
}

/// A project of its own, with a network of its own.
struct Trial {
    context: Context,
    /// For the project itself.
    client: Client,
    /// For what is in it.
    inside: Client,
    project: String,
    network: String,
    folder: TempDir,
    changes: Changes,
    /// What the project is marked with: another one of its name is somebody's.
    mark: BTreeMap<String, String>,
}

/// Brings a bundle up, looks at it, and removes it whatever happened.
pub(super) async fn run(
    context: &Context,
    file: Arc<BundleFile>,
    manifest: Manifest,
    subnet: Option<Ipv4Net>,
    lock_wait: Duration,
) -> Result<Exit> {
    let trial = Trial::begin(context, &manifest, subnet).await?;
    let (seen, removed) = trial.hold(file, manifest, lock_wait).await?;
    let removed = removed.hint(format!("`incus project delete --force {}` removes what is left", trial.project));
    let seen = match (seen, removed) {
        (Ok(seen), removed) => removed.map(|()| seen)?,
        (Err(error), Ok(())) => return Err(error.hint("what was made for the trial is removed")),
        (Err(error), Err(left)) => return Err(error.hint(format!("and {left:#}"))),
    };
    let fragments = seen.fragments.iter().map(|outcome| outcome.report.verdict);
    let verdict = fragments.chain([seen.verification.verdict]).max().unwrap_or(seen.verification.verdict);
    context.ui.data(&seen, || {
        let mut text = verify::text(context, &seen.verification);
        if !seen.fragments.is_empty() {
            text = format!("{}\n\n{text}", fragmentation_check::text(&context.ui, &seen.fragments));
        }
        text
    })?;
    context.ui.note(format!("it was up and verified after {:.1} s, and is removed", seen.up_s));
    Ok(judge::exit(verdict))
}

impl Trial {
    async fn begin(outside: &Context, manifest: &Manifest, subnet: Option<Ipv4Net>) -> Result<Self> {
        let client = line::connect(outside).await?;
        let subnet = match subnet {
            Some(subnet) => subnet,
            None => free(&client, manifest.network.prefix_len()).await?,
        };
        // A bundle may say anything of itself; what distctl calls one is short enough for a bridge.
        let short: String = manifest.id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let name = format!("try-{}", short.to_lowercase());
        let project = format!("distctl-{name}");
        let context = Context { project: Some(project.clone()), ..outside.clone() };
        let inside = line::connect(&context).await?;
        let folder = TempDir::new().context("there is no place for its topology")?;
        let network = bridge(&name);
        let changes = Changes {
            name: Some(name),
            network: Some(network.clone()),
            subnet: Some(subnet),
            pool: None,
            listen: Vec::new(),
            names: Vec::new(),
        };
        let mark = BTreeMap::from([(BUNDLE_KEY.to_owned(), format!("trial {}", manifest.id))]);
        Ok(Self { context, client, inside, project, network, folder, changes, mark })
    }

    /// Has the project to itself: tells what was seen, and whether all could be removed. An error where somebody else has it.
    async fn hold(
        &self,
        file: Arc<BundleFile>,
        manifest: Manifest,
        lock_wait: Duration,
    ) -> Result<(Result<Seen>, Result<()>)> {
        let begun = Instant::now();
        let (folder, cache) = (self.folder.path().to_owned(), artifacts::cache());
        let topology = unpack_topology(&file, folder, cache, self.changes.clone()).await?;
        let context = Context { file: topology, ..self.context.clone() };
        let known = manifest.places(&BTreeMap::new());
        let mut stage = Stage::prepare_in(&context, keep_to_itself, |places| places.extend(known)).await?;
        let targets = receive(&mut stage, &file, &manifest, &[], false).await?;
        let work = Work {
            guests: stage.guests.clone(),
            desired: stage.desired.clone(),
            pool: None,
            rotate_secrets: false,
            renamed: Renamed::default(),
            file,
            manifest,
            reporter: context.ui.reporter(),
            stop: context.stop(),
        };
        self.make_project().await?;
        let lock = stage.lock(&context, &work.reporter, lock_wait).await?;
        let seen = self.look(&context, &stage, &work, &targets, begun).await;
        let removed = self.remove_containers().await;
        let released = lock.release().await;
        let removed = match removed.and(released) {
            Ok(()) => self.client.delete_project(&self.project).await.context("its project could not be deleted"),
            left => left,
        };
        Ok((seen, removed))
    }

    /// Makes the project, or takes up one that was left.
    async fn make_project(&self) -> Result<()> {
        let features = ["features.images", "features.profiles"].map(|key| (key.to_owned(), "false".to_owned()));
        let config = features.into_iter().chain(self.mark.clone()).collect();
        match self.client.create_project(&self.project, &config).await {
            Err(error) if error.is_conflict() => {}
            made => return made.context("no project could be made for the trial"),
        }
        let there = self.inside.read_project().await?;
        if self.mark.iter().any(|(key, value)| there.config.get(key) != Some(value)) {
            return Err(anyhow!("there is a project {} already, which no trial has made", self.project))
                .hint("nothing was changed; rename or delete it");
        }
        Ok(())
    }

    async fn look(
        &self,
        context: &Context,
        stage: &Stage,
        work: &Work,
        targets: &Targets,
        begun: Instant,
    ) -> Result<Seen> {
        // What one has left that was killed.
        self.remove_containers().await?;
        let place = format!("project {}, network {}", self.project, stage.desired.network.ipv4);
        context.ui.note(format!("bringing it up ({place})"));
        clear_way(stage, work, false).await?;
        bring_up(context, stage, work, &[], targets).await?;
        // As it is declared, without the marks of an import.
        let stage = Stage::prepare_with(context, keep_to_itself).await?;
        let verification = verify::answer(&stage).await?;
        let up_s = begun.elapsed().as_secs_f64();
        let fragments = fragmentation_check::look_at_all(context, &stage).await?;
        Ok(Seen { verification, fragments, up_s })
    }

    async fn remove_containers(&self) -> Result<()> {
        let there = match self.inside.instances().await {
            Err(error) if error.is_project_missing() || error.is_not_found() => return Ok(()),
            there => there?,
        };
        let removed = there.iter().map(|instance| async {
            // One that stands already says so.
            let _ = self.inside.stop_instance(&instance.name, Duration::ZERO, true).await;
            let deleted = self.inside.delete_instance(&instance.name).await;
            deleted.with_context(|| format!("container {} could not be deleted", instance.name))
        });
        futures_util::future::try_join_all(removed).await?;
        match self.inside.delete_network(&self.network).await {
            Err(error) if !error.is_not_found() => Err(error).context("its network could not be deleted"),
            _ => Ok(()),
        }
    }
}

/// Leaves out what others on the host would see: they may have it themselves.
fn keep_to_itself(topology: &mut Topology) {
    topology.expose = Default::default();
    topology.incus_ui = None;
}

/// A network of that size in which nothing that Incus knows has an address. Not everybody may list those; then Incus
/// refuses what is taken.
async fn free(client: &Client, prefix: u8) -> Result<Ipv4Net> {
    let taken = client.allocations().await.unwrap_or_default();
    let taken: Vec<Ipv4Net> = taken.iter().filter_map(|one| one.address.parse().ok()).collect();
    let size = 32_u32.checked_sub(u32::from(prefix)).filter(|size| *size <= 16);
    let size = size.ok_or_else(|| anyhow!("its network is larger than what trials have")).hint("`--subnet NETWORK`")?;
    for number in 0..MOST.min(1 << (16 - size)) {
        let first = Ipv4Addr::from(u32::from(NETWORKS) + (number << size));
        let net = Ipv4Net::new(first, prefix)?;
        if !taken.iter().any(|one| net.contains(&one.network()) || one.contains(&first)) {
            return Ok(net);
        }
    }
    bail!("no network for the trial is free in {NETWORKS}/16")
}
