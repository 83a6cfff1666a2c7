//! A model of the world: what Incus, systemd and MongoDB would make of a plan.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Access, Inspection, MemberStatus, Mongod, MongodAbsence, PathState, SetAddress, SetConfig, UnitState};

use crate::desired::{self, Content, Desired, File, SecretName, sha256_hex};
use crate::observed::{Container, Network, Observed, Part, Status};
use crate::plan::{Action, Options, Plan, diff};

mod incus_ui;
mod security;
mod services;

use services::filled_hash;

/// A world that plans are carried out in.
#[derive(Debug, Clone)]
pub struct World {
    pub seen: Observed,
    /// Configurations of initiated sets by the hosts of their members.
    sets: BTreeMap<String, SetConfig>,
    /// mongods that were stopped, by host.
    asleep: BTreeMap<String, Mongod>,
    /// What is on the disks of stopped containers.
    disks: BTreeMap<String, Box<Inspection>>,
    /// Containers and hashes of what was pushed and not yet moved into place.
    staged: BTreeSet<(String, String)>,
    /// The revisions in the unit files of services, by container and unit.
    on_disk: BTreeMap<(String, String), String>,
    /// Services whose databases have what is put into them once.
    initialized: BTreeSet<String>,
    /// Who asks for passwords.
    securities: security::Securities,
}

impl World {
    /// A world with nothing in it.
    pub fn empty() -> Self {
        let seen = Observed {
            network: Part::Absent,
            containers: BTreeMap::new(),
            taken: BTreeMap::new(),
            incus_ui: Part::Absent,
            ..Observed::default()
        };
        Self {
            seen,
            sets: BTreeMap::new(),
            asleep: BTreeMap::new(),
            disks: BTreeMap::new(),
            staged: BTreeSet::new(),
            on_disk: BTreeMap::new(),
            initialized: BTreeSet::new(),
            securities: security::Securities::default(),
        }
    }

    /// Plans and carries out until nothing is left to do; gives the number of passes.
    pub fn settle(&mut self, desired: &Desired) -> usize {
        for pass in 0..6 {
            let plan = diff(desired, &self.seen, &Options::default());
            assert_eq!(plan.refusals, []);
            if plan.steps.is_empty() {
                assert_eq!(plan.findings, []);
                self.assert_initialized(desired);
                return pass;
            }
            self.carry_out(&plan, desired);
        }
        panic!("does not settle:\n{}", diff(desired, &self.seen, &Options::default()));
    }

    /// Carries out all steps of a plan.
    pub fn carry_out(&mut self, plan: &Plan, desired: &Desired) {
        self.carry_out_first(plan.steps.len(), plan, desired);
    }

    /// Carries out the first steps of a plan, as a run that is killed does.
    pub fn carry_out_first(&mut self, count: usize, plan: &Plan, desired: &Desired) {
        for (index, step) in plan.steps.iter().enumerate().take(count) {
            assert!(step.after.iter().all(|before| *before < index), "a step waits for a later one");
            self.perform(&step.action, desired);
            self.refresh(desired);
        }
    }

    /// What is inside a container.
    pub fn guest(&mut self, container: &str) -> &mut Inspection {
        match &mut self.container(container).guest {
            Part::Present(guest) => guest,
            other => panic!("{container} has {other:?} inside"),
        }
    }

    /// A container in Incus.
    pub fn container(&mut self, name: &str) -> &mut Container {
        match self.seen.containers.get_mut(name) {
            Some(Part::Present(container)) => container,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// A mongod that answers.
    pub fn mongod(&mut self, container: &str, port: u16) -> &mut Mongod {
        self.guest(container).mongods.get_mut(&port).unwrap().as_mut().unwrap()
    }

    fn perform(&mut self, action: &Action, desired: &Desired) {
        match action {
            Action::CreateNetwork(network) => {
                let config = network.config.clone();
                self.seen.network = Part::Present(Network { managed: true, config, ..Network::default() });
            }
            Action::UpdateNetwork { config, .. } => {
                let Part::Present(network) = &mut self.seen.network else { panic!("no network") };
                merge(&mut network.config, config);
            }
            Action::DeleteNetwork { .. } => self.seen.network = Part::Absent,
            Action::CreateContainer(wanted) => self.create(wanted, desired),
            Action::UpdateContainer { container, config, devices, remove } => {
                let seen = self.container(container);
                merge(&mut seen.config, config);
                seen.devices.extend(devices.clone());
                seen.devices.retain(|name, _| !remove.contains(name));
            }
            Action::StartContainer { container } => self.start(container, desired),
            Action::StopContainer { container } => self.stop(container),
            Action::UnfreezeContainer { container } => self.container(container).status = Status::Running,
            Action::DeleteContainer { container } => {
                assert_eq!(self.container(container).status, Status::Stopped);
                self.seen.containers.remove(container);
            }
            Action::PushFile { container, to, .. } => {
                if let Some(sha256) = to.strip_prefix("/var/lib/distctl/staging/") {
                    self.staged.insert((container.clone(), sha256.to_string()));
                }
            }
            Action::Autostart { container, on } => {
                self.container(container).config.insert("boot.autostart".into(), on.to_string());
            }
            Action::RenameContainer { from, to } => {
                assert_eq!(self.container(from).status, Status::Stopped);
                let renamed = self.seen.containers.remove(from).unwrap();
                assert!(self.seen.containers.insert(to.clone(), renamed).is_none(), "{to} is there already");
                self.disks.remove(from).map(|disk| self.disks.insert(to.clone(), disk));
            }
            Action::RestartContainer { .. } => {}
            Action::Ui(action) => self.perform_ui(action),
            _ => self.perform_inside(action, desired),
        }
    }

    fn perform_inside(&mut self, action: &Action, desired: &Desired) {
        match action {
            Action::WaitContainer { container, address } => {
                self.guest(container).addresses = [("eth0".to_string(), vec![address.clone()])].into();
            }
            Action::InstallPackages { container, packages } => {
                let known = packages.iter().map(|name| (name.clone(), "1".to_string()));
                self.guest(container).packages.extend(known);
            }
            Action::WriteFiles { container, directories, files, remove, .. } => {
                let guest = self.guest(container);
                for directory in directories {
                    let state = path(None, directory.mode, &directory.owner, &directory.group);
                    guest.paths.insert(directory.path.clone(), state);
                }
                let written: Vec<_> =
                    files.iter().map(|(at, file)| (at.clone(), written(file, &guest.paths))).collect();
                guest.paths.extend(written);
                guest.paths.retain(|path, _| !remove.contains(path));
                guest.unit_files.retain(|unit| !remove.contains(&format!("/etc/systemd/system/{unit}")));
                self.note_texts(container, files);
            }
            Action::ChangeUnits { container, start, restart, stop, .. } => {
                let wanted = &desired.containers[container].units;
                let guest = self.guest(container);
                for unit in start.iter().chain(restart).filter(|unit| wanted.contains_key(*unit)) {
                    guest.units.insert(unit.clone(), running(wanted[unit].revision.clone()));
                    guest.unit_files.push(unit.clone());
                }
                guest.units.retain(|unit, _| !stop.contains(unit));
                self.take_up(container, &[start.as_slice(), restart].concat());
                self.restart_services(container, restart, desired);
            }
            Action::OwnBelow { container, tree } => {
                self.guest(container).storage.strangers.retain(|one| one.folder != tree.path);
            }
            Action::MoveDocuments(fragmented) => self.move_documents(fragmented),
            _ if self.perform_service(action, desired) => {}
            _ => self.perform_mongo(action),
        }
    }

    fn move_documents(&mut self, fragmented: &desired::Fragmented) {
        for home in fragmented.homes.values() {
            home.mongods.iter().for_each(|mongod| self.assert_up(&mongod.host));
        }
        let (container, marker) = &fragmented.marker;
        let state = path(Some(fragmented.marked_sha256()), 0o644, "root", "root");
        self.guest(container).paths.insert(marker.clone(), state);
    }

    fn perform_mongo(&mut self, action: &Action) {
        match action {
            Action::InitiateReplicaSet { first, config, .. } => {
                for member in &config.members {
                    assert!(!self.sets.contains_key(&member.host), "{} is in a set already", member.host);
                    self.sets.insert(member.host.clone(), config.clone());
                }
                self.assert_up(&first.host);
            }
            Action::ReconfigureReplicaSet { set, config, .. } => self.reconfigure(set, config),
            Action::EnsureUsers { through, access, .. } => {
                let users =
                    access.users.iter().map(|user| (format!("admin.{}", user.credential.user), user.roles.clone()));
                let users = users.collect();
                let (container, port) = (through.container.clone(), through.port);
                let mongod = self.mongod(&container, port);
                (mongod.access, mongod.users) = (Access::Granted, Some(users));
            }
            Action::WaitMongod(mongod) => self.assert_up(&mongod.host),
            Action::WaitReplicaSet { members, .. } => members.iter().for_each(|host| self.assert_up(host)),
            Action::StepDown { .. } | Action::HandBack { .. } | Action::EmptyMember { .. } => {}
            other => panic!("the model does not know {other}"),
        }
    }

    fn reconfigure(&mut self, set: &SetAddress, config: &SetConfig) {
        let before = self.sets.values().find(|known| known.name == set.name).unwrap().clone();
        let votes = |config: &SetConfig| -> Vec<String> {
            config.members.iter().filter(|member| member.votes > 0).map(|member| member.host.clone()).collect()
        };
        let (old, new) = (votes(&before), votes(config));
        let changed = old.iter().filter(|host| !new.contains(host)).count()
            + new.iter().filter(|host| !old.contains(host)).count();
        assert!(changed <= 1, "{changed} votes change at once");
        self.sets.retain(|_, known| known.name != set.name);
        self.sets.extend(config.members.iter().map(|member| (member.host.clone(), config.clone())));
    }

    fn assert_up(&self, host: &str) {
        let up =
            self.seen.containers.values().filter_map(Part::seen).filter_map(|seen| seen.guest.seen()).any(|guest| {
                guest.mongods.iter().any(|(port, mongod)| {
                    mongod.is_ok()
                        && host.ends_with(&format!(":{port}"))
                        && guest
                            .addresses
                            .values()
                            .flatten()
                            .any(|address| address.split('/').next() == host.split(':').next())
                })
            });
        assert!(up, "{host} is waited for and nothing has started it");
    }

    /// Stops a container; its disk stays.
    pub fn stop(&mut self, name: &str) {
        let container = self.container(name);
        container.status = Status::Stopped;
        if let Part::Present(mut guest) = std::mem::replace(&mut container.guest, Part::Absent) {
            guest.units.values_mut().for_each(|unit| unit.active = "inactive".into());
            guest.services.clear();
            self.disks.insert(name.to_string(), guest);
        }
    }

    fn create(&mut self, wanted: &desired::Container, desired: &Desired) {
        self.lose(&wanted.name, desired);
        let container = Container {
            status: Status::Stopped,
            config: wanted.config.clone(),
            devices: wanted.devices.clone(),
            guest: Part::Absent,
            ..Container::default()
        };
        self.seen.containers.insert(wanted.name.clone(), Part::Present(container));
    }

    fn start(&mut self, name: &str, desired: &Desired) {
        let address = format!("{}/24", desired.containers[name].ipv4);
        let guest = Inspection {
            protocol: protocol::VERSION,
            systemd: Some("running".into()),
            addresses: [("eth0".to_string(), vec![address])].into(),
            avx: true,
            ..Inspection::default()
        };
        let mut guest = self.disks.remove(name).unwrap_or(Box::new(guest));
        guest
            .units
            .values_mut()
            .filter(|unit| unit.enabled == "enabled")
            .for_each(|unit| unit.active = "active".into());
        let container = self.container(name);
        assert_ne!(container.status, Status::Running, "{name} runs already");
        let units: Vec<String> = guest.units.keys().cloned().collect();
        (container.status, container.guest) = (Status::Running, Part::Present(guest));
        self.take_up(name, &units);
    }

    /// Lets every mongod answer as its unit and its set make it, and every service as its unit.
    pub fn refresh(&mut self, desired: &Desired) {
        let mongods = desired.replica_sets.values().flat_map(|set| &set.members);
        let mongods = mongods.chain(desired.standalones.values().map(|one| &one.mongod));
        for wanted in mongods {
            let Some(Part::Present(container)) = self.seen.containers.get_mut(&wanted.container) else {
                continue;
            };
            let Part::Present(guest) = &mut container.guest else {
                continue;
            };
            if guest.units.get(&wanted.unit).is_none_or(|unit| unit.active != "active") {
                let stopped = guest.mongods.insert(wanted.port, Err(MongodAbsence::NotListening));
                self.asleep.extend(stopped.and_then(Result::ok).map(|stopped| (wanted.host.clone(), stopped)));
                continue;
            }
            guest.paths.insert(format!("{}/WiredTiger", wanted.data), path(None, 0o600, "mongodb", "mongodb"));
            let before = guest.mongods.get(&wanted.port).and_then(|known| known.as_ref().ok()).cloned();
            let before = before.or_else(|| self.asleep.remove(&wanted.host));
            let fresh = answer(&wanted.host, self.sets.get(&wanted.host), before);
            guest.mongods.insert(wanted.port, Ok(fresh));
        }
        self.share_users(desired);
        self.refresh_security(desired);
        self.refresh_services(desired);
    }

    /// Users are replicated: every member has those of the first that has any.
    fn share_users(&mut self, desired: &Desired) {
        for set in desired.replica_sets.values() {
            let known = set.members.iter().find_map(|member| {
                let Some(Part::Present(container)) = self.seen.containers.get(&member.container) else {
                    return None;
                };
                let users = &container.guest.seen()?.mongods.get(&member.port)?.as_ref().ok()?.users;
                users.clone()
            });
            let Some(known) = known else { continue };
            for member in &set.members {
                let Some(Part::Present(container)) = self.seen.containers.get_mut(&member.container) else {
                    continue;
                };
                let Part::Present(guest) = &mut container.guest else {
                    continue;
                };
                if let Some(Ok(mongod)) = guest.mongods.get_mut(&member.port) {
                    (mongod.access, mongod.users) = (Access::Granted, Some(known.clone()));
                }
            }
        }
    }
}

fn answer(host: &str, set: Option<&SetConfig>, before: Option<Mongod>) -> Mongod {
    let (access, users) = before.map_or((Access::NoUsers, None), |known| (known.access, known.users));
    let primary = set.and_then(|set| set.members.iter().max_by(|a, b| a.priority.total_cmp(&b.priority)));
    let is_primary = primary.is_none_or(|primary| primary.host == host);
    let members = set.into_iter().flat_map(|set| &set.members).map(|member| MemberStatus {
        host: member.host.clone(),
        state: if Some(member.id) == primary.map(|one| one.id) { "PRIMARY".into() } else { "SECONDARY".into() },
        healthy: true,
        optime_ms: Some(1),
    });
    Mongod {
        version: "6.0.5".into(),
        set_name: set.map(|set| set.name.clone()),
        writable: is_primary,
        secondary: !is_primary,
        primary: primary.map(|member| member.host.clone()),
        access,
        config: set.cloned(),
        members: members.collect(),
        knows_us: users.is_some(),
        users,
        databases: Vec::new(),
        too_stale: false,
        logins: BTreeMap::new(),
        security: Some(protocol::Security::Enforced),
    }
}

fn merge(config: &mut BTreeMap<String, String>, changes: &BTreeMap<String, Option<String>>) {
    for (key, value) in changes {
        match value {
            Some(value) => config.insert(key.clone(), value.clone()),
            None => config.remove(key),
        };
    }
}

fn running(revision: Option<String>) -> UnitState {
    UnitState {
        load: "loaded".into(),
        active: "active".into(),
        sub: "running".into(),
        enabled: "enabled".into(),
        revision,
        ..UnitState::default()
    }
}

fn path(sha256: Option<String>, mode: u32, owner: &str, group: &str) -> PathState {
    PathState { sha256, mode, owner: owner.into(), group: group.into(), size: 1, changed_ms: 0 }
}

fn written(file: &File, paths: &BTreeMap<String, PathState>) -> PathState {
    let sha256 = match &file.content {
        Content::Bytes(bytes) => sha256_hex(bytes),
        Content::Artifact { sha256, .. } | Content::Agent { sha256 } => sha256.clone(),
        Content::Secret(name) => secret_hash(name),
        Content::Filled(pieces) => filled_hash(pieces, paths).expect("a secret to fill in"),
    };
    path(Some(sha256), file.mode, &file.owner, &file.group)
}

fn secret_hash(name: &SecretName) -> String {
    sha256_hex(name.to_string().as_bytes())
}
