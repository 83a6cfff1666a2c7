//! What a step does. Each action carries all that is needed to do it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protocol::{Credential, Directory, SetAddress, SetConfig};

use super::UiAction;
use crate::desired::{Access, Container, File, Fragmented, Init, Mongod, Network, Release};

mod shown;
mod text;

/// One thing that the engine can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Makes the bridge.
    CreateNetwork(Network),
    /// Sets configuration keys of the bridge; `None` unsets one.
    UpdateNetwork {
        /// Its name.
        network: String,
        /// The keys.
        config: BTreeMap<String, Option<String>>,
    },
    /// Removes the bridge.
    DeleteNetwork {
        /// Its name.
        network: String,
    },
    /// Makes a container, stopped.
    CreateContainer(Box<Container>),
    /// Sets configuration keys and devices of a container; `None` unsets a key.
    UpdateContainer {
        /// Its name.
        container: String,
        /// The keys.
        config: BTreeMap<String, Option<String>>,
        /// The devices, whole.
        devices: BTreeMap<String, BTreeMap<String, String>>,
        /// Devices to remove.
        remove: Vec<String>,
    },
    /// Puts a file into a container through Incus, running or not.
    PushFile {
        /// The container.
        container: String,
        /// Where it goes.
        to: String,
        /// Permission bits; the owner is root.
        mode: u32,
        /// What is pushed.
        source: PushSource,
    },
    /// Starts a container.
    StartContainer {
        /// Its name.
        container: String,
    },
    /// Lets a frozen container go on.
    UnfreezeContainer {
        /// Its name.
        container: String,
    },
    /// Stops a container cleanly.
    StopContainer {
        /// Its name.
        container: String,
    },
    /// Has a container start with its host, or stay down then.
    Autostart {
        /// Its name.
        container: String,
        /// Whether it starts.
        on: bool,
    },
    /// Gives a stopped container another name, outside and inside.
    RenameContainer {
        /// What it is called.
        from: String,
        /// What it will be called.
        to: String,
    },
    /// Restarts a container cleanly.
    RestartContainer {
        /// Its name.
        container: String,
    },
    /// Removes a stopped container with all its data.
    DeleteContainer {
        /// Its name.
        container: String,
    },
    /// Waits until systemd takes orders in a container and its address is right inside.
    WaitContainer {
        /// Its name.
        container: String,
        /// The address with its prefix length.
        address: String,
    },
    /// Installs Debian packages that are missing.
    InstallPackages {
        /// The container.
        container: String,
        /// Their names.
        packages: Vec<String>,
    },
    /// Writes files in a running container, with users and directories.
    WriteFiles {
        /// The container.
        container: String,
        /// System users that must exist.
        system_users: Vec<String>,
        /// Directories that must exist.
        directories: Vec<Directory>,
        /// Files by path. Artifacts were pushed to their [staging place](staging_path) before.
        files: BTreeMap<String, File>,
        /// Files to remove.
        remove: Vec<String>,
    },
    /// Gives a folder and all below it to its owner.
    OwnBelow {
        /// The container.
        container: String,
        /// The folder, with its owner.
        tree: Directory,
    },
    /// Starts, restarts or stops units and waits for them.
    ChangeUnits {
        /// The container.
        container: String,
        /// Whether systemd must read unit files again.
        reload: bool,
        /// Units to enable and start.
        start: Vec<String>,
        /// Units to restart.
        restart: Vec<String>,
        /// Units to stop and disable.
        stop: Vec<String>,
        /// Log files by unit.
        logs: BTreeMap<String, String>,
    },
    /// Puts a release of a service in place and waits until it works; goes back to the one before if it doesn't.
    DeployService {
        /// The container.
        container: String,
        /// The release, whole. Artifacts were pushed to their [staging place](staging_path) before.
        release: Box<Release>,
    },
    /// Waits until a service works.
    WaitService {
        /// The container.
        container: String,
        /// What runs there.
        release: Box<Release>,
    },
    /// Runs what a service needs once.
    InitService {
        /// The container.
        container: String,
        /// What runs there.
        release: Box<Release>,
        /// What is run.
        init: Init,
    },
    /// Stops a service and removes what was deployed of it; its data stays.
    RemoveService {
        /// The container.
        container: String,
        /// Its name.
        service: String,
    },
    /// Waits until a mongod answers.
    WaitMongod(Mongod),
    /// Initiates a replica set from one of its members.
    InitiateReplicaSet {
        /// The member that becomes primary.
        first: Mongod,
        /// The configuration.
        config: SetConfig,
        /// The administrator, where the first member has users already.
        admin: Option<Credential>,
    },
    /// Creates or corrects the users of a set or a standalone.
    EnsureUsers {
        /// The set's or standalone's name.
        owner: String,
        /// The mongod to speak to: the primary, the one that will be, or the standalone.
        through: Mongod,
        /// The set; `None` for a standalone.
        set: Option<SetAddress>,
        /// The users.
        access: Access,
    },
    /// Brings a set to its next configuration.
    ReconfigureReplicaSet {
        /// The container whose agent does it.
        container: String,
        /// The set.
        set: SetAddress,
        /// The configuration.
        config: SetConfig,
        /// What it changes: `add 10.10.10.12:27020 without a vote`.
        what: String,
    },
    /// Stops a member and empties its data folder, once more only if the others of its set hold all data.
    EmptyMember {
        /// The member.
        member: Mongod,
        /// The set.
        set: SetAddress,
        /// Its data folder.
        data: Directory,
    },
    /// Makes a member hand over if it is primary.
    StepDown {
        /// The container whose agent asks.
        container: String,
        /// The set.
        set: SetAddress,
        /// The member.
        host: String,
    },
    /// Makes the member of the highest priority primary again.
    HandBack {
        /// The container whose agent asks.
        container: String,
        /// The set.
        set: SetAddress,
        /// The member.
        host: String,
    },
    /// Waits until members of a set are PRIMARY or SECONDARY.
    WaitReplicaSet {
        /// The container whose agent asks.
        container: String,
        /// The set.
        set: SetAddress,
        /// The members.
        members: Vec<String>,
    },
    /// Moves documents of a fragmented collection to where its rule wants them, and writes down that it was done.
    MoveDocuments(Box<Fragmented>),
    /// Does something about Incus's own web interface.
    Ui(UiAction),
}

/// What is pushed.
#[derive(Clone, PartialEq, Eq)]
pub enum PushSource {
    /// Bytes.
    Bytes(Vec<u8>),
    /// A file of this host.
    Host {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// distctl's own agent.
    Agent,
}

impl std::fmt::Debug for PushSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Host { path, .. } => write!(f, "Host({})", path.display()),
            Self::Agent => f.write_str("Agent"),
        }
    }
}

/// Where an artifact is put before the agent moves it into place, by its hash.
pub fn staging_path(sha256: &str) -> String {
    format!("/var/lib/distctl/staging/{sha256}")
}

impl Action {
    /// What the step is about, for a display with one line each: a container, a set or a network.
    pub fn lane(&self) -> &str {
        match self {
            Self::CreateNetwork(network) => &network.name,
            Self::UpdateNetwork { network, .. } | Self::DeleteNetwork { network } => network,
            Self::CreateContainer(container) => &container.name,
            Self::UpdateContainer { container, .. }
            | Self::PushFile { container, .. }
            | Self::StartContainer { container }
            | Self::UnfreezeContainer { container }
            | Self::StopContainer { container }
            | Self::Autostart { container, .. }
            | Self::RenameContainer { to: container, .. }
            | Self::RestartContainer { container }
            | Self::DeleteContainer { container }
            | Self::WaitContainer { container, .. }
            | Self::InstallPackages { container, .. }
            | Self::WriteFiles { container, .. }
            | Self::OwnBelow { container, .. }
            | Self::ChangeUnits { container, .. } => container,
            Self::DeployService { release, .. }
            | Self::WaitService { release, .. }
            | Self::InitService { release, .. } => &release.service,
            Self::RemoveService { service, .. } => service,
            Self::WaitMongod(mongod) => &mongod.container,
            Self::InitiateReplicaSet { config, .. } => &config.name,
            Self::EnsureUsers { owner, .. } => owner,
            Self::ReconfigureReplicaSet { set, .. }
            | Self::EmptyMember { set, .. }
            | Self::StepDown { set, .. }
            | Self::HandBack { set, .. }
            | Self::WaitReplicaSet { set, .. } => &set.name,
            Self::MoveDocuments(fragmented) => &fragmented.name,
            Self::Ui(_) => "incus_ui",
        }
    }

    /// The action's name in JSON: `create_container`.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreateNetwork(_) => "create_network",
            Self::UpdateNetwork { .. } => "update_network",
            Self::DeleteNetwork { .. } => "delete_network",
            Self::CreateContainer(_) => "create_container",
            Self::UpdateContainer { .. } => "update_container",
            Self::PushFile { .. } => "push_file",
            Self::StartContainer { .. } => "start_container",
            Self::UnfreezeContainer { .. } => "unfreeze_container",
            Self::StopContainer { .. } => "stop_container",
            Self::Autostart { .. } => "autostart",
            Self::RenameContainer { .. } => "rename_container",
            Self::RestartContainer { .. } => "restart_container",
            Self::DeleteContainer { .. } => "delete_container",
            Self::WaitContainer { .. } => "wait_container",
            Self::InstallPackages { .. } => "install_packages",
            Self::WriteFiles { .. } => "write_files",
            Self::OwnBelow { .. } => "own_below",
            Self::ChangeUnits { .. } => "change_units",
            Self::DeployService { .. } => "deploy_service",
            Self::WaitService { .. } => "wait_service",
            Self::InitService { .. } => "init_service",
            Self::RemoveService { .. } => "remove_service",
            Self::WaitMongod(_) => "wait_mongod",
            Self::InitiateReplicaSet { .. } => "initiate_replica_set",
            Self::EnsureUsers { .. } => "ensure_users",
            Self::ReconfigureReplicaSet { .. } => "reconfigure_replica_set",
            Self::EmptyMember { .. } => "empty_member",
            Self::StepDown { .. } => "step_down",
            Self::HandBack { .. } => "hand_back",
            Self::WaitReplicaSet { .. } => "wait_replica_set",
            Self::MoveDocuments(_) => "move_documents",
            Self::Ui(action) => action.verb(),
        }
    }
}
