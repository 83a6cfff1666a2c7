//! The lease that keeps two writers of one topology apart.
//!
//! It is a key of the Incus project, changed only under `If-Match`: who holds it, since when by the server's clock.
//! The holder renews it; one that was not renewed for [`LIFETIME`], or whose process on this very host has ended, is
//! taken over. Who waits for a lease also counts by its own watch: the server's clock may have been put back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Reporter};
use crate::desired::OWNER_KEY;
use crate::incus::{self, Client, Project};

/// How long a lease holds without being renewed.
pub const LIFETIME: Duration = Duration::from_secs(20);

/// How often it is renewed: three may be lost.
const RENEWAL: Duration = Duration::from_secs(5);

/// How often a lease that another holds is looked at.
const POLL: Duration = Duration::from_millis(500);

/// How long to wait for what a dead holder had begun in the daemon.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// How often a change that met another change of the project is tried again.
const TRIES: usize = 10;

/// Another writer holds the lease.
#[derive(Debug, thiserror::Error)]
#[error("topology {topology} is being changed by {holder} since {since}")]
pub struct Held {
    /// The topology.
    pub topology: String,
    /// Who: user, host and process.
    pub holder: String,
    /// Since when, by the server's clock.
    pub since: Timestamp,
}

/// What stands in the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    holder: String,
    nonce: String,
    /// Where the holder's process number means something, and the number: shows a dead holder to others there.
    boot: String,
    pid: u32,
    since: Timestamp,
    renewed: Timestamp,
}

/// The right to change a topology, held until [`Lock::release`].
pub struct Lock {
    client: Client,
    key: String,
    nonce: String,
    renewal: JoinHandle<()>,
}

/// Who holds the lease of a topology now, if anybody does. Changes nothing.
pub async fn holder_of(client: &Client, topology: &str) -> Result<Option<Held>, incus::Error> {
    let project = client.read_project().await?;
    let lease = parse(project.config.get(&key(topology)));
    let held = lease.filter(|lease| over(lease, server_now(client), &boot_id(), process_lives).is_none());
    Ok(held.map(|lease| Held { topology: topology.to_string(), holder: lease.holder, since: lease.since }))
}

/// Why this client can't take a lease, if it can't: one that is restricted to its project may not change the project itself.
/// Changes nothing. What can't be told shows when a lease is taken.
pub async fn forbidden(client: &Client) -> Option<String> {
    match client.may_be_restricted() && !client.may_update_project().await.unwrap_or(true) {
        true => Some(format!("this client may not change the project {}, which holds the lease", client.project())),
        false => None,
    }
}

/// What to do for a client that can't take a lease.
pub const UNRESTRICTED: &str = "the certificate is restricted to projects: have an administrator of the server set \
    `restricted: false` for it with `incus config trust edit FINGERPRINT`, or run distctl as a user of the group incus-admin";

fn key(topology: &str) -> String {
    format!("user.distctl.lock.{topology}")
}

impl Lock {
    /// Takes the lease of a topology; waits up to `patience` while another holds it. `stop` is cancelled if the
    /// lease is lost later.
    pub async fn take(
        client: &Client,
        topology: &str,
        patience: Duration,
        reporter: &Arc<dyn Reporter>,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let key = key(topology);
        let nonce = format!("{:032x}", rand::random::<u128>());
        let deadline = Instant::now() + patience;
        let mut told = false;
        let mut watch = Watch::default();
        let (lease, is_of_the_dead) = loop {
            match try_take(client, &key, &nonce, &mut watch, reporter).await {
                Ok(Try::Free(lease)) => break (lease, false),
                Ok(Try::OfTheDead(lease)) => break (lease, true),
                // Something else in the project changed meanwhile: look again at once.
                Err(error) if error.is_precondition_failed() => {}
                Err(error) => return Err(error.into()),
                Ok(Try::Held(lease)) if Instant::now() >= deadline => {
                    let (topology, holder, since) = (topology.to_string(), lease.holder, lease.since);
                    return Err(Held { topology, holder, since }.into());
                }
                Ok(Try::Held(lease)) => {
                    if !told {
                        reporter
                            .report(Event::Note(format!("waiting for {}, who is changing {topology}", lease.holder)));
                        told = true;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(POLL) => {}
                        () = stop.cancelled() => return Err(anyhow!("interrupted while waiting for {}", lease.holder)),
                    }
                }
            }
        };
        let renewal = tokio::spawn(renew(client.clone(), key.clone(), lease, Arc::clone(reporter), stop.clone()));
        let lock = Self { client: client.clone(), key, nonce, renewal };
        if is_of_the_dead && let Err(error) = settle(client, topology, reporter, stop).await {
            // One that can't be given back ends by itself; why it is given back is what must be told.
            let _ = lock.release().await;
            return Err(error);
        }
        Ok(lock)
    }

    /// Gives the lease back.
    pub async fn release(self) -> Result<()> {
        self.renewal.abort();
        for _ in 0..TRIES {
            let mut project = self.client.read_project().await?;
            match parse(project.config.get(&self.key)) {
                Some(lease) if lease.nonce == self.nonce => project.config.remove(&self.key),
                _ => return Ok(()),
            };
            match self.client.update_project(&project).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_precondition_failed() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(anyhow!("the project changes too often to give the lease {} back; it ends by itself", self.key))
    }
}

/// How long the lease of another has stood as it is, by the watch of this process.
#[derive(Debug, Default)]
struct Watch(Option<(Lease, Instant)>);

impl Watch {
    /// Why a lease that is looked at again and again holds no more, if it doesn't.
    fn over(&mut self, lease: &Lease) -> Option<String> {
        match &self.0 {
            Some((seen, since)) if seen == lease => {
                let silent = since.elapsed();
                (silent > LIFETIME).then(|| format!("it was not heard of while this run waited {} s", silent.as_secs()))
            }
            _ => {
                self.0 = Some((lease.clone(), Instant::now()));
                None
            }
        }
    }
}

/// Waits for what a dead holder had begun: the daemon ends it without him, and until then a look shows what won't last.
async fn settle(client: &Client, topology: &str, reporter: &Arc<dyn Reporter>, stop: &CancellationToken) -> Result<()> {
    let instances = client.instances().await?;
    let is_ours = |name: &String| {
        let mut ours = instances.iter().filter(|one| one.config.get(OWNER_KEY).is_some_and(|owner| owner == topology));
        ours.any(|one| one.name == *name)
    };
    for change in client.under_way().await?.iter().filter(|change| change.instances.iter().any(is_ours)) {
        let what = format!("{} ({})", change.instances.join(", "), change.description);
        reporter.report(Event::Note(format!("waiting for what it had begun: {what}")));
        tokio::select! {
            ended = client.await_end(change) => ended?,
            () = tokio::time::sleep(UNDER_WAY) => reporter.report(Event::Note(format!("not waiting longer for {what}"))),
            () = stop.cancelled() => return Err(anyhow!("interrupted while waiting for {what}")),
        }
    }
    Ok(())
}

/// How it went to take a lease.
enum Try {
    /// This one is held now.
    Free(Lease),
    /// This one is held now, after somebody who did not give his back.
    OfTheDead(Lease),
    /// Another holds this one.
    Held(Lease),
}

/// Takes the lease, unless another holds it.
async fn try_take(
    client: &Client,
    key: &str,
    nonce: &str,
    watch: &mut Watch,
    reporter: &Arc<dyn Reporter>,
) -> Result<Try, incus::Error> {
    let mut project = client.read_project().await?;
    let now = server_now(client);
    let before = parse(project.config.get(key));
    if let Some(lease) = &before {
        let why = over(lease, now, &boot_id(), process_lives).or_else(|| watch.over(lease));
        if let Some(why) = why {
            reporter.report(Event::Note(format!("taking over from {}: {why}", lease.holder)));
        } else {
            return Ok(Try::Held(lease.clone()));
        }
    }
    let pid = std::process::id();
    let lease = Lease { holder: holder(pid), nonce: nonce.to_string(), boot: boot_id(), pid, since: now, renewed: now };
    put(client, &mut project, key, &lease).await?;
    // Incus checks If-Match before it writes, not while: of two writers at the same instant the later one wins.
    match parse(client.read_project().await?.config.get(key)) {
        Some(other) if other.nonce != nonce => Ok(Try::Held(other)),
        _ if before.is_some() => Ok(Try::OfTheDead(lease)),
        _ => Ok(Try::Free(lease)),
    }
}

async fn put(client: &Client, project: &mut Project, key: &str, lease: &Lease) -> Result<(), incus::Error> {
    let text = serde_json::to_string(lease).unwrap_or_default();
    project.config.insert(key.to_string(), text);
    client.update_project(project).await
}

/// Why a lease holds no more, if it doesn't.
fn over(lease: &Lease, now: Timestamp, boot: &str, lives: impl Fn(u32) -> bool) -> Option<String> {
    if !boot.is_empty() && lease.boot == boot && !lives(lease.pid) {
        return Some(format!("its process {} has ended", lease.pid));
    }
    let age = now.duration_since(lease.renewed);
    let lifetime = SignedDuration::try_from(LIFETIME).unwrap_or(SignedDuration::MAX);
    (age > lifetime).then(|| format!("it was last heard of {} s ago", age.as_secs()))
}

async fn renew(client: Client, key: String, lease: Lease, reporter: Arc<dyn Reporter>, stop: CancellationToken) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(RENEWAL).await;
        match renew_once(&client, &key, &lease).await {
            Ok(true) => renewed = Instant::now(),
            Ok(false) => {
                reporter.report(Event::Note("another run has taken the lease over; stopping".to_string()));
                return stop.cancel();
            }
            // The daemon may be restarting; as long as the lease holds, nobody else can have it.
            Err(_) if renewed.elapsed() < LIFETIME => {}
            Err(error) => {
                reporter.report(Event::Note(format!("the lease can't be renewed ({error}); stopping")));
                return stop.cancel();
            }
        }
    }
}

/// Renews the lease; `false` where another has it. One that is gone is written again: the writer of another topology in
/// the same project, at the same instant, may have put the project back as it was before.
async fn renew_once(client: &Client, key: &str, lease: &Lease) -> Result<bool, incus::Error> {
    for _ in 0..TRIES {
        let mut project = client.read_project().await?;
        if parse(project.config.get(key)).is_some_and(|seen| seen.nonce != lease.nonce) {
            return Ok(false);
        }
        let renewed = Lease { renewed: server_now(client), ..lease.clone() };
        match put(client, &mut project, key, &renewed).await {
            Err(error) if error.is_precondition_failed() => {}
            result => return result.map(|()| true),
        }
    }
    Ok(true)
}

fn parse(text: Option<&String>) -> Option<Lease> {
    serde_json::from_str(text?).ok()
}

/// The server's clock, since hosts may disagree about the time.
fn server_now(client: &Client) -> Timestamp {
    client.server_time().unwrap_or_else(Timestamp::now)
}

fn holder(pid: u32) -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "someone".to_string());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{} (process {pid})", host.trim())
}

/// Where a process number means something: this boot of this host, and the namespace of process numbers.
fn boot_id() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    match boot.trim() {
        "" => String::new(),
        boot => format!("{boot} {}", namespace.display()),
    }
}

fn process_lives(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(renewed: &str) -> Lease {
        let renewed = renewed.parse().unwrap();
        Lease { holder: "ana@lab".into(), nonce: "n".into(), boot: "b".into(), pid: 7, since: renewed, renewed }
    }

    #[test]
    fn holds_while_it_is_renewed() {
        let now = "2026-01-01T00:00:10Z".parse().unwrap();
        assert_eq!(over(&lease("2026-01-01T00:00:00Z"), now, "b", |_| true), None);
        assert_eq!(over(&lease("2026-01-01T00:00:00Z"), now, "another host", |_| false), None);
    }

    #[test]
    fn ends_when_it_was_not_renewed() {
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        let why = over(&lease("2026-01-01T00:00:00Z"), now, "another host", |_| true);
        assert_eq!(why.as_deref(), Some("it was last heard of 60 s ago"));
    }

    #[test]
    fn ends_at_once_when_its_process_on_this_host_is_gone() {
        let now = "2026-01-01T00:00:01Z".parse().unwrap();
        let why = over(&lease("2026-01-01T00:00:00Z"), now, "b", |_| false);
        assert_eq!(why.as_deref(), Some("its process 7 has ended"));
    }

    #[test]
    fn a_clock_in_the_past_does_not_end_it() {
        let now = "2020-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(over(&lease("2026-01-01T00:00:00Z"), now, "another host", |_| true), None);
    }
}
