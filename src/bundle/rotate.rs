//! New secrets for a system that is brought up from a bundle.
//!
//! While its containers stand, all keyfiles, passwords and secrets of the topology's own are replaced in them. What
//! databases know is changed once they run, by the administrator with the password from before, which is kept beside the
//! new one until then. Each half can be done again after it was interrupted.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use protocol::{Credential, EnsureUsersRequest, Piece, Request, SetAddress};

use super::BUNDLE_KEY;
use super::import::{ANSWERS_MS, Import};
use super::owners::Owners;
use crate::desired::{Access, Content, Init, Mongod, SecretName};
use crate::engine::generate;
use crate::guest;
use crate::incus::{FileAttributes, FileBody, Status};

/// What the mark of a container says that was given new secrets and not started yet.
const ROTATED: &str = "rotated";

/// A replica set or a single mongod that asks for passwords.
struct Guarded<'i> {
    first: &'i Mongod,
    access: &'i Access,
    set: Option<SetAddress>,
}

impl Import {
    /// Gives all containers new secrets while they stand, unless an earlier try did.
    ///
    /// # Errors
    /// What can't be read or written; a container that was started with its old ones.
    pub async fn rotate(&self) -> Result<()> {
        let client = &self.guests.client;
        let all = client.instances().await?;
        let all: Vec<_> = all.iter().filter(|one| self.desired.containers.contains_key(&one.name)).collect();
        let rotated = format!("import {ROTATED} {}", self.manifest.id);
        if all.iter().any(|one| one.config.get(BUNDLE_KEY) == Some(&rotated)) {
            return Ok(());
        }
        if let Some(runs) = all.iter().find(|one| one.status != Status::Stopped) {
            bail!(
                "{} was started with the secrets of the bundle before: remove what is made, and import anew",
                runs.name
            );
        }
        try_join_all(self.guarded().map(|one| self.keep_password(one))).await?;
        let mut values: BTreeMap<&SecretName, Vec<u8>> = BTreeMap::new();
        for (name, container) in &self.desired.containers {
            let owners = Owners::read(&self.guests, name).await?;
            for (path, file) in &container.files {
                let Content::Secret(secret) = &file.content else { continue };
                let value = values.entry(secret).or_insert_with(|| generate(&secret.kind)).clone();
                client.push_file(name, path, &owners.attributes(file)?, FileBody::Bytes(value.into())).await?;
            }
        }
        self.forget_inits().await?;
        let mark = BTreeMap::from([(BUNDLE_KEY.to_owned(), Some(rotated))]);
        for one in all {
            client.patch_instance(&one.name, &mark, &BTreeMap::new(), &one.description).await?;
        }
        Ok(())
    }

    /// Has what was run once with a secret be run again, with the one that there is now.
    ///
    /// # Errors
    /// What can't be deleted.
    pub async fn forget_inits(&self) -> Result<()> {
        let client = &self.guests.client;
        for (name, container) in &self.desired.containers {
            let inits = container.releases.values().filter_map(|release| release.init.as_ref());
            for init in inits.filter(|init| takes_secrets(init)) {
                if client.read_file(name, &init.marker).await?.is_some() {
                    client.delete_file(name, &init.marker).await?;
                }
            }
        }
        Ok(())
    }

    /// Has databases that run take the new passwords.
    ///
    /// # Errors
    /// A database that lets its administrator in neither with the old nor with the new password.
    pub async fn rotate_users(&self) -> Result<()> {
        try_join_all(self.guarded().map(|one| async move {
            let (container, before) = (&one.first.container, before(one.access));
            if self.guests.client.read_file(container, &before.password_file).await?.is_none() {
                return anyhow::Ok(());
            }
            let request = |admin: Credential| {
                Request::EnsureUsers(EnsureUsersRequest {
                    port: one.first.port,
                    set: one.set.clone(),
                    admin,
                    users: one.access.users.clone(),
                    timeout_ms: ANSWERS_MS,
                })
            };
            self.as_administrator(container, one.access, request).await?;
            Ok(self.guests.client.delete_file(container, &before.password_file).await?)
        }))
        .await
        .map(drop)
    }

    /// Asks for what an administrator may, with the password that a database knows: the one from before until it has
    /// taken the new one.
    pub(super) async fn as_administrator(
        &self,
        container: &str,
        access: &Access,
        request: impl Fn(Credential) -> Request,
    ) -> Result<()> {
        let before = before(access);
        let kept = self.guests.client.read_file(container, &before.password_file).await?;
        let mut last = Ok(());
        for credential in kept.map(|_| before).into_iter().chain([access.admin.clone()]) {
            // An earlier try may have come so far that the one from before is none any more.
            match guest::call(&self.guests, container, &request(credential), |_| {}).await {
                Ok(_) => return Ok(()),
                Err(error) => last = last.and(Err(error)),
            }
        }
        Ok(last?)
    }

    fn guarded(&self) -> impl Iterator<Item = Guarded<'_>> {
        let sets = self.desired.replica_sets.values().filter_map(|set| {
            Some(Guarded { first: set.members.first()?, access: set.access.as_ref()?, set: Some(set.address()) })
        });
        let singles =
            self.desired.standalones.values().filter_map(|single| {
                Some(Guarded { first: &single.mongod, access: single.access.as_ref()?, set: None })
            });
        sets.chain(singles)
    }

    /// Keeps the password that a database knows, unless an earlier try did.
    async fn keep_password(&self, one: Guarded<'_>) -> Result<()> {
        let (client, container) = (&self.guests.client, &one.first.container);
        let place = before(one.access).password_file;
        if client.read_file(container, &place).await?.is_some() {
            return Ok(());
        }
        let Some(old) = client.read_file(container, &one.access.admin.password_file).await? else { return Ok(()) };
        let attributes = FileAttributes { uid: 0, gid: 0, mode: 0o400 };
        Ok(client.push_file(container, &place, &attributes, FileBody::Bytes(old.into())).await?)
    }
}

fn takes_secrets(init: &Init) -> bool {
    init.stdin.iter().any(|piece| matches!(piece, Piece::Secret { .. }))
}

/// The administrator as the database knows it.
fn before(access: &Access) -> Credential {
    let Credential { user, password_file } = &access.admin;
    Credential { user: user.clone(), password_file: format!("{password_file}.before") }
}
