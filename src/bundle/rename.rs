//! Other names for replica sets and single mongods of whole containers.
//!
//! A set's name is in its secrets' names, in what its mongods are started with, and in the configuration that each member
//! keeps. Members are started with the new name: they replay what they have in no checkpoint, and belong to no set until
//! the agent has written the name into their configuration and they are started again. Each step can be done twice.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use protocol::{RenameRequest, Reply, Request, UnitsRequest};

use super::import::{ANSWERS_MS, Import};
use super::owners::Owners;
use crate::desired::{Content, File, Mongod, ReplicaSet, SecretKind, SecretName};
use crate::guest;
use crate::incus::FileBody;

/// How often members are asked to take a name.
const TRIES: usize = 3;

impl Import {
    /// Gives the secrets in a container that stands the names that they have here.
    ///
    /// # Errors
    /// What can't be read or written.
    pub(super) async fn rename_secrets(&self, name: &str) -> Result<()> {
        let (client, container) = (&self.guests.client, self.desired.containers.get(name));
        let renamed = container.into_iter().flat_map(|container| &container.files);
        let renamed: Vec<_> =
            renamed.filter_map(|(path, file)| Some((self.secret_before(path, file)?, path, file))).collect();
        if renamed.is_empty() {
            return Ok(());
        }
        let owners = Owners::read(&self.guests, name).await?;
        for (before, path, file) in renamed {
            let Some(value) = client.read_file(name, &before).await? else { continue };
            client.push_file(name, path, &owners.attributes(file)?, FileBody::Bytes(value.into())).await?;
            client.delete_file(name, &before).await?;
        }
        Ok(())
    }

    /// Where the bundle has a secret, if it is one of a set or mongod that was renamed.
    fn secret_before(&self, path: &str, file: &File) -> Option<String> {
        let Content::Secret(secret) = &file.content else { return None };
        if secret.kind == SecretKind::Named {
            return None;
        }
        let before =
            SecretName { owner: self.renamed.databases.get(&secret.owner)?.clone(), kind: secret.kind.clone() };
        Some(format!("{}{before}", path.strip_suffix(&secret.to_string())?))
    }

    /// Has the members of all sets that were renamed take the name.
    ///
    /// # Errors
    /// The first that does not.
    pub(super) async fn rename_sets(&self) -> Result<()> {
        let renamed = self.renamed.databases.iter();
        let sets = renamed.filter_map(|(name, before)| Some((self.desired.replica_sets.get(name)?, before)));
        try_join_all(sets.map(|(set, before)| async move {
            let renamed = self.rename_set(set, before).await;
            renamed.with_context(|| format!("{before} could not be given the name {}", set.name))
        }))
        .await
        .map(drop)
    }

    async fn rename_set(&self, set: &ReplicaSet, before: &str) -> Result<()> {
        for _ in 0..TRIES {
            // An earlier try may have been broken off while they stood.
            self.change(set, |start| UnitsRequest { start, ..UnitsRequest::default() }).await?;
            if !self.is_to_restart(set, before).await? {
                return Ok(());
            }
            // All at once: one that is up already has the others write back the old name.
            self.change(set, |stop| UnitsRequest { stop, ..UnitsRequest::default() }).await?;
        }
        bail!("its members go back to the old name; this was tried {TRIES} times")
    }

    /// Has all members write the name; whether any of them has to be started again to have it.
    async fn is_to_restart(&self, set: &ReplicaSet, before: &str) -> Result<bool> {
        let keyfile = set.access.is_some().then(|| SecretName::keyfile(&set.name).use_path());
        let written = set.members.iter().map(|member| async {
            self.answers(member).await?;
            let request = Request::RenameReplicaSet(RenameRequest {
                set: set.name.clone(),
                before: before.to_owned(),
                port: member.port,
                keyfile: keyfile.clone(),
                timeout_ms: ANSWERS_MS,
            });
            anyhow::Ok(guest::call(&self.guests, &member.container, &request, |_| {}).await?)
        });
        Ok(try_join_all(written).await?.contains(&Reply::Renamed(true)))
    }

    /// Starts or stops the units of all members.
    async fn change(&self, set: &ReplicaSet, what: impl Fn(Vec<String>) -> UnitsRequest) -> Result<()> {
        let mut by_container: BTreeMap<&str, Vec<&Mongod>> = BTreeMap::new();
        for member in &set.members {
            by_container.entry(&member.container).or_default().push(member);
        }
        let changed = by_container.into_iter().map(|(container, members)| {
            let units = members.iter().map(|member| member.unit.clone()).collect();
            let logs = members.iter().map(|member| (member.unit.clone(), member.log.clone())).collect();
            let request = Request::Units(UnitsRequest { logs, timeout_ms: ANSWERS_MS, ..what(units) });
            async move { guest::call(&self.guests, container, &request, |_| {}).await.map(drop) }
        });
        Ok(try_join_all(changed).await.map(drop)?)
    }
}
