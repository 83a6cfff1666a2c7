//! Actions as a person reads them.

use super::text::{are, change_units, size_text, write_files};
use super::{Action, PushSource};

impl std::fmt::Display for Action {
    #[allow(clippy::too_many_lines, reason = "a flat match")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CreateNetwork(network) => write!(f, "create network {} ({})", network.name, network.ipv4),
            Self::UpdateNetwork { network, .. } => write!(f, "update network {network}"),
            Self::DeleteNetwork { network } => write!(f, "delete network {network}"),
            Self::CreateContainer(container) => write!(f, "create container {} ({})", container.name, container.ipv4),
            Self::UpdateContainer { container, .. } => write!(f, "update container {container}"),
            Self::PushFile { container, to, source, .. } => match source {
                PushSource::Bytes(_) => write!(f, "push {to} to {container}"),
                PushSource::Agent => write!(f, "push the agent to {container}"),
                PushSource::Host { path, size } => {
                    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                    write!(f, "push {name} ({}) to {container}", size_text(*size))
                }
            },
            Self::StartContainer { container } => write!(f, "start container {container}"),
            Self::UnfreezeContainer { container } => write!(f, "unfreeze container {container}"),
            Self::StopContainer { container } => write!(f, "stop container {container}"),
            Self::Autostart { container, on: true } => write!(f, "let container {container} start with the host"),
            Self::Autostart { container, on: false } => {
                write!(f, "keep container {container} down when the host starts")
            }
            Self::RenameContainer { from, to } => write!(f, "rename container {from} to {to}"),
            Self::RestartContainer { container } => write!(f, "restart container {container}"),
            Self::DeleteContainer { container } => write!(f, "delete container {container} and its data"),
            Self::WaitContainer { container, address } => write!(f, "wait until {container} is up as {address}"),
            Self::InstallPackages { container, packages } => {
                write!(f, "install {} in {container}", packages.join(", "))
            }
            Self::WriteFiles { container, files, remove, .. } => write_files(f, container, files, remove),
            Self::OwnBelow { container, tree } => {
                write!(f, "give all below {} in {container} to {}", tree.path, tree.owner)
            }
            Self::ChangeUnits { container, reload, start, restart, stop, .. } => {
                change_units(f, container, *reload, &[("start", start), ("restart", restart), ("stop", stop)])
            }
            Self::DeployService { container, release } => write!(f, "deploy {} in {container}", release.service),
            Self::WaitService { container, release } => {
                write!(f, "wait until {} in {container} works", release.service)
            }
            Self::InitService { container, init, .. } => write!(f, "run `{}` in {container}", init.command.join(" ")),
            Self::RemoveService { container, service } => write!(f, "remove service {service} in {container}"),
            Self::WaitMongod(mongod) => write!(f, "wait for mongod {} in {}", mongod.port, mongod.container),
            Self::InitiateReplicaSet { first, config, .. } => {
                write!(f, "initiate replica set {} on {}", config.name, first.host)
            }
            Self::EnsureUsers { owner, access, .. } => {
                let names: Vec<_> = access.users.iter().map(|user| user.credential.user.as_str()).collect();
                write!(f, "ensure users of {owner}: {}", names.join(", "))
            }
            Self::ReconfigureReplicaSet { set, what, .. } => write!(f, "reconfigure {}: {what}", set.name),
            Self::EmptyMember { member, data, .. } => {
                write!(f, "stop {} in {} and empty {}", member.host, member.container, data.path)
            }
            Self::StepDown { set, host, .. } => write!(f, "step {host} down as primary of {}", set.name),
            Self::HandBack { set, host, .. } => write!(f, "hand {} back to {host}", set.name),
            Self::WaitReplicaSet { set, members, .. } => {
                write!(f, "wait until {} of {} {} healthy", members.join(", "), set.name, are(members.len()))
            }
            Self::MoveDocuments(fragmented) => write!(f, "move misplaced documents of {}", fragmented.name),
            Self::Ui(action) => action.fmt(f),
        }
    }
}
