//! Asks the agents beside the databases.

use std::future::Future;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{Digest, FragmentAsk, FragmentReply, FragmentRequest, Reply, Request};

use crate::desired::{FragmentHome, Fragmented};
use crate::guest::{self, Error, Guests};

/// How long a place may take to elect a primary before it counts as away, in milliseconds, for what changes something.
const WRITING_MS: u64 = 60_000;

/// How long what only looks tries, in milliseconds.
const LOOKING_MS: u64 = 10_000;

/// Whatever can be asked about the parts of a collection. Documents are moved through this, so that a test can move
/// them through a model that is killed at any moment.
pub trait Ask: Sync {
    /// Asks about the part that is on a replica set or single mongod.
    fn ask(&self, on: &str, ask: FragmentAsk) -> impl Future<Output = Result<FragmentReply>> + Send;
}

/// The agents in the containers of a collection's databases.
#[derive(Clone)]
pub struct Agents<'d> {
    guests: Guests,
    fragmented: &'d Fragmented,
}

impl<'d> Agents<'d> {
    /// Speaks through these guests.
    pub fn new(guests: Guests, fragmented: &'d Fragmented) -> Self {
        Self { guests, fragmented }
    }

    /// Asks, and takes the digests that come along.
    pub async fn ask_for_digests(
        &self,
        on: &str,
        ask: FragmentAsk,
        on_progress: impl FnMut(String) + Send,
        mut on_digest: impl FnMut(Digest) + Send,
    ) -> Result<FragmentReply> {
        let on_part = |part: String| {
            let bytes = STANDARD.decode(part).unwrap_or_default();
            Digest::all_in(&bytes).for_each(&mut on_digest);
        };
        self.send(on, ask, on_progress, on_part).await
    }

    async fn send(
        &self,
        on: &str,
        ask: FragmentAsk,
        mut on_progress: impl FnMut(String) + Send,
        mut on_part: impl FnMut(String) + Send,
    ) -> Result<FragmentReply> {
        let home = self.fragmented.homes.get(on).with_context(|| format!("{on} holds no fragment"))?;
        let request = self.request(home, ask);
        let mut last = None;
        for container in &home.containers {
            let asked = guest::call_in_parts(&self.guests, container, &request, &mut on_progress, &mut on_part).await;
            match asked {
                Ok(Reply::Fragment(reply)) => return Ok(reply),
                Ok(_) => anyhow::bail!("the agent in {container} answered something else"),
                Err(error @ Error::Failed(_)) => return Err(error.into()),
                // Another container may have an agent that can be asked.
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| anyhow::anyhow!("{on} is in no container"), Into::into))
    }

    fn request(&self, home: &FragmentHome, ask: FragmentAsk) -> Request {
        let writes = matches!(ask, FragmentAsk::Copy { .. } | FragmentAsk::Remove { .. } | FragmentAsk::Finish { .. });
        let timeout_ms = if writes || matches!(ask, FragmentAsk::Misplaced { .. }) { WRITING_MS } else { LOOKING_MS };
        let (place, rule) = (home.place.clone(), self.fragmented.rule.clone());
        Request::Fragment(Box::new(FragmentRequest { place, rule, timeout_ms, ask }))
    }
}

impl Ask for Agents<'_> {
    async fn ask(&self, on: &str, ask: FragmentAsk) -> Result<FragmentReply> {
        self.send(on, ask, |_| {}, |_| {}).await
    }
}
