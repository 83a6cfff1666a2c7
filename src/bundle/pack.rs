//! From a cut to pieces: each container is cloned from its snapshot, backed up by Incus, and what comes is packed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ::bundle::{PieceInfo, Writer};
use anyhow::{Context, Result};
use bytes::Bytes;

use super::blocking::{Feed, pump};
use super::pace::Pace;
use super::sparse::Sparse;
use super::target::Out;
use super::{BUNDLE_KEY, leftovers};
use crate::desired::OWNER_KEY;
use crate::engine::event::{Event, Reporter};
use crate::guest::Guests;
use crate::incus::{Devices, Error};

/// After which the server deletes a backup by itself whose export was killed.
const EXPIRES: jiff::SignedDuration = jiff::SignedDuration::from_hours(6);

/// Packs containers of one export.
pub(super) struct Packer {
    pub guests: Guests,
    pub writer: Arc<Writer<Out>>,
    pub reporter: Arc<dyn Reporter>,
    pub topology: String,
    pub id: String,
    pub snapshot: String,
    pub stop: tokio_util::sync::CancellationToken,
}

impl Packer {
    /// Packs one container; its clone and its backup go whatever happens.
    pub async fn pack(&self, step: usize, container: &str, piece: &str) -> Result<PieceInfo> {
        let (lane, text) = (container.to_owned(), format!("pack {container}"));
        if self.stop.is_cancelled() {
            anyhow::bail!("it was interrupted");
        }
        self.reporter.report(Event::StepStarted { step, lane: lane.clone(), text: text.clone() });
        let begun = Instant::now();
        match self.by_clone(step, container, piece).await {
            Ok(info) => {
                let text = format!("{text}: {}", size(info.size));
                self.reporter.report(Event::StepDone { step, lane, text, took: begun.elapsed() });
                Ok(info)
            }
            Err(error) => {
                let line = crate::guest::one_line(error.as_ref());
                self.reporter.report(Event::StepFailed { step, lane, text: text.clone(), error: line });
                Err(error.context(format!("could not {text}")))
            }
        }
    }

    async fn by_clone(&self, step: usize, container: &str, piece: &str) -> Result<PieceInfo> {
        let clone = self.clone(container).await.with_context(|| format!("{container} can't be cloned"))?;
        let packed = self.backed_up(step, container, &clone, piece).await;
        let gone = self.guests.client.delete_instance(&clone).await;
        let info = packed?;
        gone.with_context(|| format!("the clone {clone} can't be deleted"))?;
        Ok(info)
    }

    /// Clones the snapshot of a container: without a network, and nothing that the system or an `up` would take for its
    /// own. Gives the clone's name.
    async fn clone(&self, container: &str) -> Result<String> {
        let instance = self.guests.client.instance(container).await?;
        let name = clone_name(container, &self.id);
        let config = BTreeMap::from([
            (BUNDLE_KEY.to_owned(), leftovers::mark(&self.topology, &self.id)),
            (OWNER_KEY.to_owned(), String::new()),
            ("boot.autostart".to_owned(), "false".to_owned()),
        ]);
        let none = || BTreeMap::from([("type".to_owned(), "none".to_owned())]);
        let devices: Devices = instance
            .expanded_devices
            .iter()
            .filter(|(_, device)| device.get("path").is_none_or(|path| path != "/"))
            .map(|(name, _)| (name.clone(), none()))
            .collect();
        self.guests.client.copy_snapshot((container, &self.snapshot), &name, &config, &devices).await?;
        Ok(name)
    }

    async fn backed_up(&self, step: usize, container: &str, clone: &str, piece: &str) -> Result<PieceInfo> {
        let client = &self.guests.client;
        if client.sends_backups_directly() {
            return self.stream(step, container, client.stream_backup(clone).await?, piece).await;
        }
        let expires = client.server_time().unwrap_or_else(jiff::Timestamp::now) + EXPIRES;
        client.create_backup(clone, &self.id, expires).await.context("the server can't make a backup of it")?;
        let packed = match client.download_backup(clone, &self.id).await {
            Ok(stream) => self.stream(step, container, stream, piece).await,
            Err(error) => Err(error.into()),
        };
        // Deleting the clone deletes its backups too; this frees the space a little earlier, and says if it can't.
        let gone = client.delete_backup(clone, &self.id).await;
        let info = packed?;
        gone.context("the backup on the server can't be deleted")?;
        Ok(info)
    }

    async fn stream(
        &self,
        step: usize,
        container: &str,
        mut backup: crate::incus::BackupStream,
        piece: &str,
    ) -> Result<PieceInfo> {
        let mut piece = self.writer.piece(piece)?;
        let (feed, done) = Feed::start(move |stream| {
            pump(&mut Sparse::new(stream), &mut piece)?;
            Ok(piece.finish()?)
        });
        let done = tokio::spawn(done);
        let (whole, mut taken) = (backup.length(), 0);
        let mut pace = Pace::new(&self.reporter, step, container);
        let came = loop {
            let next = tokio::select! {
                next = backup.next() => next,
                () = self.stop.cancelled() => {
                    drop(feed);
                    let _ = done.await;
                    anyhow::bail!("it was interrupted");
                }
            };
            let bytes: Bytes = match next {
                Ok(Some(bytes)) => bytes,
                end => break end.map(drop),
            };
            taken += bytes.len() as u64;
            if !feed.feed(bytes).await {
                break Ok(());
            }
            pace.at(taken, whole);
        };
        finished(came, feed, done).await
    }
}

/// Ends the thread that packs; only a stream that came whole ends well.
async fn finished(
    came: Result<(), Error>,
    feed: Feed,
    done: tokio::task::JoinHandle<Result<PieceInfo>>,
) -> Result<PieceInfo> {
    match came {
        Ok(()) => feed.end().await,
        Err(error) => {
            drop(feed);
            let _ = done.await;
            return Err(error.into());
        }
    }
    done.await.context("a thread of the bundle died")?
}

/// The name of a clone: a container's own name may already be as long as Incus takes.
fn clone_name(container: &str, id: &str) -> String {
    let kept: String = container.chars().take(40).collect();
    format!("{}-{id}", kept.trim_end_matches('-'))
}

/// A size as people read it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_has_a_name_that_incus_takes() {
        let name = clone_name(&"a".repeat(63), "0123456789abcdef");
        assert!(name.len() <= 63, "{name}");
        assert_eq!(clone_name("db1", "7f3a"), "db1-7f3a");
    }
}
