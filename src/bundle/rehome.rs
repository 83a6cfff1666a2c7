//! The first start of containers that came out of a bundle, where their addresses, names or secrets are others.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use protocol::{RehomeRequest, Request, WaitMongodRequest, WaitReadyRequest};

use super::import::{ANSWERS_MS, Import};
use super::owners::Owners;
use crate::desired::{Content, INTERFACE, Mongod, ReplicaSet};
use crate::guest;
use crate::incus::{FileAttributes, FileBody, Status};

/// How long a container may take until it is ready, in milliseconds.
const READY_MS: u64 = 90_000;

/// Where a system keeps its own name.
const HOSTNAME: &str = "/etc/hostname";

impl Import {
    /// Gives containers that have other addresses, names or secrets here what they start with, starts them, and has each set
    /// take its name and the addresses of its members, and each database its passwords.
    ///
    /// # Errors
    /// The first thing that failed.
    pub async fn rehome(&self) -> Result<()> {
        let addresses = self.moved();
        if addresses.is_empty() && self.renamed.is_empty() && !self.rotate_secrets {
            return Ok(());
        }
        if self.rotate_secrets {
            self.rotate().await.context("its secrets could not be made anew")?;
        }
        let started = self.desired.containers.keys().map(|name| self.start(name));
        futures_util::future::try_join_all(started).await?;
        self.rename_sets().await?;
        if !addresses.is_empty() {
            let sets = self.desired.replica_sets.values().map(|set| self.readdress(set, &addresses));
            futures_util::future::try_join_all(sets).await?;
        }
        if self.rotate_secrets {
            self.rotate_users().await.context("its databases could not be given their new passwords")?;
        }
        Ok(())
    }

    /// Old and new addresses, where they differ.
    fn moved(&self) -> BTreeMap<String, String> {
        let both = self.manifest.containers.iter().filter_map(|(name, packed)| {
            let new = self.desired.containers.get(name)?.ipv4;
            (new != packed.ipv4).then(|| (packed.ipv4.to_string(), new.to_string()))
        });
        both.collect()
    }

    async fn readdress(&self, set: &ReplicaSet, addresses: &BTreeMap<String, String>) -> Result<()> {
        let first = set.members.first().ok_or_else(|| anyhow!("{} has no members", set.name))?;
        self.answers(first).await?;
        let request = |credential| {
            Request::RehomeReplicaSet(RehomeRequest {
                set: set.name.clone(),
                port: first.port,
                credential,
                addresses: addresses.clone(),
                timeout_ms: ANSWERS_MS,
            })
        };
        match &set.access {
            Some(access) => self.as_administrator(&first.container, access, |admin| request(Some(admin))).await,
            None => Ok(guest::call(&self.guests, &first.container, &request(None), |_| {}).await.map(drop)?),
        }
    }

    pub(super) async fn answers(&self, mongod: &Mongod) -> Result<()> {
        let request = Request::WaitMongod(WaitMongodRequest {
            port: mongod.port,
            unit: mongod.unit.clone(),
            log: mongod.log.clone(),
            timeout_ms: ANSWERS_MS,
        });
        guest::call(&self.guests, &mongod.container, &request, |_| {}).await?;
        Ok(())
    }

    /// Starts a container, if it or its address is called otherwise here with files that say so.
    pub(super) async fn boot(&self, name: &str) -> Result<()> {
        let client = &self.guests.client;
        let Some(wanted) = self.desired.containers.get(name) else { return Ok(()) };
        if client.instance(name).await?.status != Status::Stopped {
            return Ok(());
        }
        if !self.moved().is_empty() || !self.renamed.is_empty() {
            let owners = Owners::read(&self.guests, name).await?;
            for (path, file) in &wanted.files {
                let Content::Bytes(bytes) = &file.content else { continue };
                client.push_file(name, path, &owners.attributes(file)?, FileBody::Bytes(bytes.clone().into())).await?;
            }
        }
        if self.renamed.containers.contains(name) {
            let attributes = FileAttributes { uid: 0, gid: 0, mode: 0o644 };
            client.push_file(name, HOSTNAME, &attributes, FileBody::Bytes(format!("{name}\n").into())).await?;
        }
        guest::start(client, name).await
    }

    /// The same, until it answers.
    async fn start(&self, name: &str) -> Result<()> {
        let Some(wanted) = self.desired.containers.get(name) else { return Ok(()) };
        self.boot(name).await?;
        let address = format!("{}/{}", wanted.ipv4, self.desired.network.ipv4.prefix_len());
        let ready = WaitReadyRequest { interface: INTERFACE.to_owned(), address, timeout_ms: READY_MS };
        guest::call(&self.guests, name, &Request::WaitReady(ready), |_| {}).await?;
        Ok(())
    }
}
