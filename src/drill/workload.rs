//! A workload from outside: where it runs, as whom it writes, how it is begun and ended.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use protocol::{
    AppTarget, Credential, EnsureUsersRequest, Reply, Request, Role, SetAddress, UserSpec, WorkloadKind, WorkloadName,
    WorkloadRequest, WorkloadStatus,
};
use rand::Rng;
use rand::distr::Alphanumeric;

use crate::desired::{Desired, ReplicaSet};
use crate::guest::{self, Guests};
use crate::incus::{FileAttributes, FileBody};

/// The database that a workload has for itself.
pub const DATABASE: &str = "distctl_drill";

/// As whom a workload writes.
pub const USER: &str = "distctl-drill";

/// Where a guest has what it needs only while it runs, a folder for each run.
const PASSING: &str = "/run/distctl/drill";

/// The length of its password, which lives no longer than the run.
const PASSWORD_LENGTH: usize = 32;

/// How long making its user may take, in milliseconds.
const USERS_MS: u64 = 30_000;

/// What a workload is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// What it does.
    pub kind: WorkloadKind,
    /// `majority`, or a number of members.
    pub write_concern: String,
    /// `local`, `majority`, `linearizable`, `available`.
    pub read_concern: String,
    /// `primary`, `secondary`, `nearest`, ...
    pub read_preference: String,
    /// Whether the driver repeats a write once.
    pub retry_writes: bool,
    /// How many clients write at once.
    pub clients: u32,
    /// Operations a second; 0: as many as can be done.
    pub rate: u32,
    /// Whether the history is written.
    pub record: bool,
}

/// A workload that runs, or may.
pub struct Workload<'w> {
    /// How agents are spoken to.
    pub guests: &'w Guests,
    /// The set.
    pub set: &'w ReplicaSet,
    /// The name of the run.
    pub run: String,
    /// Where it runs.
    pub container: String,
}

/// Where a workload on a set runs: where a service is that uses it, else where no member is, else beside a member.
pub fn place(desired: &Desired, set: &ReplicaSet) -> String {
    let users = set.access.iter().flat_map(|access| &access.users);
    let by_service = users.filter_map(|user| desired.services.get(&user.credential.user)?.containers.first());
    let hosts: Vec<&String> = set.members.iter().map(|member| &member.container).collect();
    let aside = desired.containers.keys().filter(|name| !hosts.contains(name));
    by_service.chain(aside).chain(hosts.iter().copied()).next().cloned().unwrap_or_default()
}

impl Workload<'_> {
    /// Makes its user, and starts it; where the product platform is driven, it logs in there as somebody who is known.
    pub async fn start(&self, load: &Load, app: Option<AppTarget>, ttl: Duration) -> Result<()> {
        let credential = match (&app, &self.set.access) {
            (None, Some(_)) => Some(self.ensure_user().await?),
            _ => None,
        };
        let request = WorkloadRequest {
            run: self.run.clone(),
            kind: load.kind,
            container: self.container.clone(),
            set: SetAddress { credential, ..self.set.address() },
            database: DATABASE.to_owned(),
            write_concern: load.write_concern.clone(),
            read_concern: load.read_concern.clone(),
            read_preference: load.read_preference.clone(),
            retry_writes: load.retry_writes,
            clients: load.clients,
            rate: load.rate,
            record: load.record,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            app,
        };
        self.ask(Request::StartWorkload(Box::new(request))).await.context("the workload does not start")?;
        Ok(())
    }

    /// How it fares.
    pub async fn status(&self) -> Result<WorkloadStatus> {
        self.ask(Request::AskWorkload(self.name())).await
    }

    /// Ends it after the operations under way.
    pub async fn stop(&self) -> Result<WorkloadStatus> {
        self.ask(Request::StopWorkload(self.name())).await
    }

    /// Removes all that is left of it in its guest.
    pub async fn remove(&self) -> Result<()> {
        self.remove_from(&self.container).await
    }

    async fn remove_from(&self, container: &str) -> Result<()> {
        guest::call(self.guests, container, &Request::RemoveWorkload(self.name()), |_| {}).await?;
        Ok(())
    }

    /// Copies its history to the end of a file here. A line that was cut when the workload died is left out.
    pub async fn fetch(&self, history: &str, to: &Path) -> Result<()> {
        let failed = || format!("the history can't be written to {}", to.display());
        let file = std::fs::File::options().append(true).create(true).open(to).with_context(failed)?;
        let mut writer = std::io::BufWriter::new(file);
        let (mut line, mut written) = (Vec::new(), Ok(()));
        let command = ["cat", history];
        let read = self.guests.client.run_into(&self.container, &command, |bytes| {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(piece);
                if piece.ends_with(b"\n") && written.is_ok() {
                    written = writer.write_all(&line);
                    line.clear();
                }
            }
        });
        let finished = read.await.with_context(|| format!("{history} can't be read in {}", self.container))?;
        written.and_then(|()| writer.flush()).with_context(failed)?;
        if finished.code != 0 {
            let text = String::from_utf8_lossy(&finished.stderr).trim().to_owned();
            bail!("{history} can't be read in {}: {text}", self.container);
        }
        Ok(())
    }

    fn name(&self) -> WorkloadName {
        WorkloadName { run: self.run.clone() }
    }

    async fn ask(&self, request: Request) -> Result<WorkloadStatus> {
        match guest::call(self.guests, &self.container, &request, |_| {}).await? {
            Reply::Workload(status) => Ok(status),
            other => bail!("the agent in {} answers {other:?}", self.container),
        }
    }

    /// Makes a user who may write to the workload's database alone, with a password that nobody is told.
    async fn ensure_user(&self) -> Result<Credential> {
        let Some(access) = &self.set.access else { bail!("{} asks nobody for a password", self.set.name) };
        let Some(member) = self.set.members.first() else { bail!("{} has no members", self.set.name) };
        let password: String = rand::rng().sample_iter(&Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect();
        let password_file = self.push_password(&member.container, &password).await?;
        let credential = Credential { user: USER.to_owned(), password_file };
        let role = Role { role: "readWrite".to_owned(), db: DATABASE.to_owned() };
        let request = EnsureUsersRequest {
            port: member.port,
            set: Some(self.set.address()),
            admin: access.admin.clone(),
            users: vec![UserSpec { credential: credential.clone(), roles: vec![role] }],
            timeout_ms: USERS_MS,
        };
        let ensured = guest::call(self.guests, &member.container, &Request::EnsureUsers(request), |_| {}).await;
        if member.container != self.container {
            self.remove_from(&member.container).await?;
            self.push_password(&self.container, &password).await?;
        }
        ensured.context("the workload's user can't be made")?;
        Ok(credential)
    }

    async fn push_password(&self, container: &str, password: &str) -> Result<String> {
        let client = &self.guests.client;
        let attributes = |mode| FileAttributes { uid: 0, gid: 0, mode };
        let path = password_file(&self.run);
        for (at, _) in path.match_indices('/').skip(2) {
            client.make_directory(container, &path[..at], &attributes(0o700)).await?;
        }
        let body = FileBody::Bytes(password.to_owned().into_bytes().into());
        client.push_file(container, &path, &attributes(0o400), body).await?;
        Ok(path)
    }
}

/// The password of a run's user, in the folder that is removed with the run.
fn password_file(run: &str) -> String {
    format!("{PASSING}/{run}/password")
}
