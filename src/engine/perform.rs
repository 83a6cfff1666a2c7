//! From an action to calls: to Incus for what is outside a guest, to its agent for what is inside.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{
    DeployServiceRequest, EmptyMemberRequest, EnsureUsersRequest, FileContent, FileWrite, HandBackRequest,
    InitServiceRequest, InitiateRequest, InstallPackagesRequest, ReconfigureRequest, RemoveServiceRequest, Request,
    StepDownRequest, UnitsRequest, WaitMongodRequest, WaitReadyRequest, WaitReplicaSetRequest, WaitServiceRequest,
    WriteRequest,
};

use super::secrets::{Given, Secrets};
use super::wait;
use crate::desired::{Container, Content, File, INTERFACE, Image, SecretName};
use crate::guest::{self, Guests};
use crate::incus::{FileAttributes, FileBody, NewInstance, Source};
use crate::plan::{Action, Plan, PushSource, staging_path};

/// What carries out actions.
pub struct Hands {
    guests: Guests,
    secrets: Secrets,
}

impl Hands {
    /// Makes hands for one plan. Secrets that nobody has are those that are given, or are made.
    pub fn new(guests: Guests, plan: &Plan, given: Given) -> Arc<Self> {
        Arc::new(Self { guests, secrets: Secrets::new(&plan.secrets, given) })
    }

    /// Does one thing.
    pub async fn perform(&self, action: &Action, progress: impl FnMut(String) + Send) -> Result<()> {
        if let Action::MoveDocuments(fragmented) = action {
            return super::documents::bring_in_order(&self.guests, fragmented, progress).await;
        }
        match self.request(action).await? {
            Some((container, request)) => {
                guest::call(&self.guests, container, &request, progress).await?;
                Ok(())
            }
            None => self.change_incus(action).await,
        }
    }

    async fn change_incus(&self, action: &Action) -> Result<()> {
        let client = &self.guests.client;
        match action {
            Action::CreateNetwork(network) => {
                client.create_network(&network.name, "", &network.config).await?;
            }
            Action::UpdateNetwork { network, config } => {
                let mut seen = client.network(network).await?;
                merge(&mut seen.config, config);
                client.update_network(&seen).await?;
            }
            Action::DeleteNetwork { network } => client.delete_network(network).await?,
            Action::CreateContainer(container) => self.create(container).await?,
            Action::UpdateContainer { container, config, devices, remove } => {
                let mut seen = client.instance(container).await?;
                if remove.is_empty() {
                    client.patch_instance(container, config, devices, &seen.description).await?;
                } else {
                    merge(&mut seen.config, config);
                    seen.devices.extend(devices.clone());
                    seen.devices.retain(|name, _| !remove.contains(name));
                    client.update_instance(&seen).await?;
                }
            }
            Action::PushFile { container, to, mode, source } => self.push(container, to, *mode, source).await?,
            Action::StartContainer { container } => guest::start(client, container).await?,
            Action::UnfreezeContainer { container } => client.unfreeze_instance(container).await?,
            Action::StopContainer { container } => {
                client.stop_instance(container, wait::CONTAINER_STOPS, false).await?;
            }
            Action::Autostart { container, on } => {
                let seen = client.instance(container).await?;
                let config = BTreeMap::from([("boot.autostart".to_owned(), Some(on.to_string()))]);
                client.patch_instance(container, &config, &BTreeMap::new(), &seen.description).await?;
            }
            Action::RenameContainer { from, to } => self.rename(from, to).await?,
            Action::RestartContainer { container } => {
                client.restart_instance(container, wait::CONTAINER_STOPS).await?;
            }
            Action::DeleteContainer { container } => client.delete_instance(container).await?,
            Action::Ui(action) => super::incus_ui::perform(client, action).await?,
            _ => {}
        }
        Ok(())
    }

    async fn create(&self, container: &Container) -> Result<()> {
        let source = self.image(&container.images).await?;
        let new = NewInstance {
            name: container.name.clone(),
            description: String::new(),
            config: container.config.clone(),
            devices: container.devices.clone(),
            profiles: None,
            source,
        };
        Ok(self.guests.client.create_instance(&new).await?)
    }

    /// First outside: Incus keeps a disk open for some seconds that a file was pushed to, and would not find it under another
    /// name when the container is to start.
    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let client = &self.guests.client;
        client.rename_instance(from, to).await?;
        let attributes = FileAttributes { uid: 0, gid: 0, mode: 0o644 };
        let name = FileBody::Bytes(format!("{to}\n").into());
        client.push_file(to, "/etc/hostname", &attributes, name).await.context("it can't be told its name")
    }

    /// The first image of a list that is to be had: an alias of the server, or one of a remote.
    async fn image(&self, images: &[Image]) -> Result<Source> {
        let mut tried = Vec::new();
        for image in images {
            match image {
                Image::Alias(alias) => match self.guests.client.image_alias(alias).await? {
                    Some(_) => return Ok(Source::Alias(alias.clone())),
                    None => tried.push(format!("the server has no image with the alias {alias}")),
                },
                Image::Remote { remote, alias } => match self.guests.client.remote_image(remote, alias) {
                    Ok(source) => return Ok(source),
                    Err(error) => tried.push(format!("{remote}:{alias}: {error}")),
                },
            }
        }
        anyhow::bail!(
            "no image to make it from: {}; name one that `incus image list` shows under `image:`",
            tried.join("; ")
        )
    }

    async fn push(&self, container: &str, to: &str, mode: u32, source: &PushSource) -> Result<()> {
        let client = &self.guests.client;
        let folder = FileAttributes { uid: 0, gid: 0, mode: 0o755 };
        if let Some((parent, _)) = to.rsplit_once('/') {
            client.make_directory(container, parent, &folder).await?;
        }
        let body = match source {
            PushSource::Bytes(bytes) => FileBody::Bytes(bytes.clone().into()),
            PushSource::Agent => self.guests.agent.body(),
            PushSource::Host { path, .. } => FileBody::Host(path.clone()),
        };
        let attributes = FileAttributes { uid: 0, gid: 0, mode };
        client.push_file(container, to, &attributes, body).await.with_context(|| format!("pushing {to} failed"))
    }

    /// The request that carries out an action inside a guest, and the container; `None` for an action outside.
    async fn request<'a>(&self, action: &'a Action) -> Result<Option<(&'a str, Request)>> {
        let inside = match action {
            Action::WaitContainer { container, address } => (container, wait_ready(address)),
            Action::InstallPackages { container, packages } => {
                (container, Request::InstallPackages(InstallPackagesRequest { packages: packages.clone() }))
            }
            Action::WriteFiles { container, system_users, directories, files, remove } => {
                let request = WriteRequest {
                    system_users: system_users.clone(),
                    directories: directories.clone(),
                    files: self.contents(files).await?,
                    remove: remove.clone(),
                };
                (container, Request::Write(request))
            }
            Action::OwnBelow { container, tree } => (container, Request::OwnBelow(tree.clone())),
            Action::ChangeUnits { container, reload, start, restart, stop, logs } => {
                let request = UnitsRequest {
                    reload: *reload,
                    stop: stop.clone(),
                    start: start.clone(),
                    restart: restart.clone(),
                    logs: logs.clone(),
                    timeout_ms: wait::millis(wait::UNIT_ACTIVE),
                };
                (container, Request::Units(request))
            }
            Action::DeployService { container, release } => {
                let request = DeployServiceRequest {
                    service: release.service.clone(),
                    unit: release.unit.clone(),
                    user: release.user.clone(),
                    revision: release.revision.clone(),
                    files: self.contents(&release.files).await?,
                    health: release.health.clone(),
                    interval_ms: release.interval_ms,
                    timeout_ms: release.timeout_ms,
                };
                (container, Request::DeployService(request))
            }
            _ => return Ok(service_request(action).or_else(|| mongo_request(action))),
        };
        Ok(Some((inside.0.as_str(), inside.1)))
    }

    async fn contents(&self, files: &BTreeMap<String, File>) -> Result<Vec<FileWrite>> {
        let mut writes = Vec::new();
        for (path, file) in files {
            let content = match &file.content {
                Content::Bytes(bytes) => FileContent::Inline(STANDARD.encode(bytes)),
                Content::Secret(name) => {
                    FileContent::Inline(STANDARD.encode(self.secrets.get(&self.guests.client, name).await?))
                }
                Content::Artifact { sha256, .. } | Content::Agent { sha256 } => {
                    FileContent::Staged { path: staging_path(sha256), sha256: sha256.clone() }
                }
                Content::Filled(pieces) => FileContent::Filled(pieces.clone()),
            };
            let (owner, group) = (file.owner.clone(), file.group.clone());
            writes.push(FileWrite { path: path.clone(), mode: file.mode, owner, group, content });
        }
        Ok(writes)
    }
}

fn merge(config: &mut BTreeMap<String, String>, changes: &BTreeMap<String, Option<String>>) {
    for (key, value) in changes {
        match value {
            Some(value) => _ = config.insert(key.clone(), value.clone()),
            None => _ = config.remove(key),
        }
    }
}

fn wait_ready(address: &str) -> Request {
    Request::WaitReady(WaitReadyRequest {
        interface: INTERFACE.to_string(),
        address: address.to_string(),
        timeout_ms: wait::millis(wait::CONTAINER_READY),
    })
}

fn service_request(action: &Action) -> Option<(&str, Request)> {
    let (container, request) = match action {
        Action::WaitService { container, release } => {
            let request = WaitServiceRequest {
                unit: release.unit.clone(),
                health: release.health.clone(),
                interval_ms: release.interval_ms,
                timeout_ms: release.timeout_ms,
            };
            (container, Request::WaitService(request))
        }
        Action::InitService { container, release, init } => {
            let request = InitServiceRequest {
                service: release.service.clone(),
                user: release.user.clone(),
                environment_file: release.environment_file.clone(),
                command: init.command.clone(),
                stdin: init.stdin.clone(),
                marker: (init.marker.clone(), init.marked.clone()),
                timeout_ms: wait::millis(wait::SERVICE_INIT),
            };
            (container, Request::InitService(request))
        }
        Action::RemoveService { container, service } => {
            let unit = format!("{service}.service");
            (container, Request::RemoveService(RemoveServiceRequest { service: service.clone(), unit }))
        }
        _ => return None,
    };
    Some((container.as_str(), request))
}

fn mongo_request(action: &Action) -> Option<(&str, Request)> {
    let (container, request) = match action {
        Action::WaitMongod(mongod) => {
            let (port, unit, log) = (mongod.port, mongod.unit.clone(), mongod.log.clone());
            let timeout_ms = wait::millis(wait::MONGOD_ANSWERS);
            (&mongod.container, Request::WaitMongod(WaitMongodRequest { port, unit, log, timeout_ms }))
        }
        Action::InitiateReplicaSet { first, config, admin } => {
            let (port, config, admin) = (first.port, config.clone(), admin.clone());
            let timeout_ms = wait::millis(wait::PRIMARY_ELECTED);
            (&first.container, Request::InitiateReplicaSet(InitiateRequest { port, config, admin, timeout_ms }))
        }
        Action::EnsureUsers { through, set, access, .. } => {
            let request = EnsureUsersRequest {
                port: through.port,
                set: set.clone(),
                admin: access.admin.clone(),
                users: access.users.clone(),
                timeout_ms: wait::millis(wait::SET_CHANGED),
            };
            (&through.container, Request::EnsureUsers(request))
        }
        Action::ReconfigureReplicaSet { container, set, config, .. } => {
            let (set, config, timeout_ms) = (set.clone(), config.clone(), wait::millis(wait::SET_CHANGED));
            (container, Request::ReconfigureReplicaSet(ReconfigureRequest { set, config, timeout_ms }))
        }
        Action::StepDown { container, set, host } => {
            let (set, host, timeout_ms) = (set.clone(), host.clone(), wait::millis(wait::SET_CHANGED));
            (container, Request::StepDown(StepDownRequest { set, host, timeout_ms }))
        }
        Action::HandBack { container, set, host } => {
            let (set, host, timeout_ms) = (set.clone(), host.clone(), wait::millis(wait::HANDED_BACK));
            (container, Request::HandBack(HandBackRequest { set, host, timeout_ms }))
        }
        Action::WaitReplicaSet { container, set, members } => {
            let keyfile = set.credential.as_ref().map(|_| SecretName::keyfile(&set.name).use_path());
            let (set, members, timeout_ms) = (set.clone(), members.clone(), wait::millis(wait::SET_HEALTHY));
            (container, Request::WaitReplicaSet(WaitReplicaSetRequest { set, members, keyfile, timeout_ms }))
        }
        Action::EmptyMember { member, set, data } => {
            let (set, host, unit, data) = (set.clone(), member.host.clone(), member.unit.clone(), data.clone());
            (&member.container, Request::EmptyMember(EmptyMemberRequest { set, host, unit, data }))
        }
        _ => return None,
    };
    Some((container.as_str(), request))
}
