//! A model of Incus, systemd and MongoDB that runs what is on its disks: a mongod is what its configuration says, and has
//! what is in its folder. So a document is lost here when it would be lost there.

mod seen;

use std::collections::{BTreeMap, BTreeSet};

use protocol::SetConfig;

use crate::desired::{self, CONTAINER_KEY, Content, DATA_KEY, Desired, INTERFACE, Other, Places, SecretName};
use crate::plan::{Action, Plan, SecretSource};
use crate::topology::Topology;

/// Why a step could not be done, or should not have been.
pub type Wrong = String;

#[derive(Debug, Clone, Default)]
pub struct World {
    pub containers: BTreeMap<String, Container>,
    network: Option<BTreeMap<String, String>>,
    /// Initiated sets by number.
    sets: BTreeMap<usize, Set>,
    made: usize,
    /// Whether mongods have just been started and don't answer yet.
    late: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Container {
    running: bool,
    pub config: BTreeMap<String, String>,
    devices: BTreeMap<String, BTreeMap<String, String>>,
    files: BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<String>,
    enabled: BTreeSet<String>,
    /// What mongods have left in their folders.
    stores: BTreeMap<String, Store>,
    /// Running mongods by unit.
    processes: BTreeMap<String, Process>,
}

/// What is in a data folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    pub documents: BTreeSet<String>,
    /// Passwords by user.
    users: BTreeMap<String, Vec<u8>>,
    member_of: Option<usize>,
}

#[derive(Debug, Clone)]
struct Process {
    port: u16,
    folder: String,
    set: Option<String>,
    keyfile: Option<Vec<u8>>,
    revision: Option<String>,
}

#[derive(Debug, Clone)]
struct Set {
    config: SetConfig,
    leader: Option<String>,
    away: Option<String>,
}

impl World {
    pub fn places(&self, topology: &Topology) -> Places {
        let mut places = Places::default();
        for (name, container) in &self.containers {
            places.insert(name, container.config.get(DATA_KEY).map(String::as_str));
        }
        let is_there = |name: &str| self.containers.contains_key(name);
        for (name, declared) in topology.containers.iter().filter(|(name, _)| !is_there(name)) {
            let stands = self.containers.iter().find(|(other, container)| {
                let made_as = container.config.get(CONTAINER_KEY).map(String::as_str);
                let address = container.devices.values().find_map(|device| device.get("ipv4.address")?.parse().ok());
                topology.containers.get(other).is_none()
                    && Other { name: other, made_as, address }.may_be(name, declared.ipv4.value, is_there)
            });
            if let Some((_, container)) = stands {
                places.insert(name, container.config.get(DATA_KEY).map(String::as_str));
            }
        }
        places
    }

    /// Writes a document into a database, as its clients would.
    pub fn write(&mut self, desired: &Desired, document: &str) {
        let names: Vec<String> = desired.replica_sets.keys().chain(desired.standalones.keys()).cloned().collect();
        for name in names {
            let of_set = desired.replica_sets.get(&name).map(|set| set.members.iter().collect::<Vec<_>>());
            let mongods = of_set.unwrap_or_else(|| vec![&desired.standalones[&name].mongod]);
            for mongod in mongods {
                let store = self.store_of(&mongod.host).unwrap_or_else(|| panic!("{} does not run", mongod.host));
                store.documents.insert(format!("{name}/{document}"));
            }
        }
    }

    /// The documents of a database that a client finds at one of its mongods.
    pub fn read(&mut self, host: &str) -> Option<BTreeSet<String>> {
        self.store_of(host).map(|store| store.documents.clone())
    }

    /// Everything on any disk.
    pub fn everything(&self) -> BTreeSet<String> {
        let stores = self.containers.values().flat_map(|container| container.stores.values());
        stores.flat_map(|store| store.documents.clone()).collect()
    }

    fn address(container: &Container) -> Option<&str> {
        container.devices.get(INTERFACE)?.get("ipv4.address").map(String::as_str)
    }

    fn find(&self, host: &str) -> Option<(String, Process)> {
        let (address, port) = host.split_once(':')?;
        let (name, container) =
            self.containers.iter().find(|(_, container)| Self::address(container) == Some(address))?;
        let process = container.processes.values().find(|process| process.port.to_string() == port)?;
        container.running.then(|| (name.clone(), process.clone()))
    }

    fn store_of(&mut self, host: &str) -> Option<&mut Store> {
        let (name, process) = self.find(host)?;
        self.containers.get_mut(&name)?.stores.get_mut(&process.folder)
    }

    fn host(container: &Container, port: u16) -> String {
        format!("{}:{port}", Self::address(container).unwrap_or_default())
    }

    /// Members of a set that run as such and have its keyfile.
    fn up(&self, number: usize) -> Vec<String> {
        let set = &self.sets[&number];
        let running = set.config.members.iter().filter_map(|member| {
            let (name, process) = self.find(&member.host)?;
            let store = self.containers[&name].stores.get(&process.folder)?;
            let is_member = process.set.as_deref() == Some(&set.config.name) && store.member_of == Some(number);
            is_member.then_some((member.host.clone(), process.keyfile))
        });
        let running: Vec<_> = running.collect();
        let keyfile = running
            .iter()
            .map(|(_, keyfile)| keyfile)
            .max_by_key(|one| running.iter().filter(|(_, keyfile)| keyfile == *one).count());
        running.iter().filter(|(_, one)| Some(one) == keyfile).map(|(host, _)| host.clone()).collect()
    }

    fn has_majority(&self, number: usize) -> bool {
        let up = self.up(number);
        let voters = self.sets[&number].config.members.iter().filter(|member| member.votes > 0);
        let (all, there) =
            voters.fold((0, 0), |(all, there), one| (all + 1, there + usize::from(up.contains(&one.host))));
        there * 2 > all
    }

    /// Lets sets elect and copy.
    fn live(&mut self) {
        for number in self.sets.keys().copied().collect::<Vec<_>>() {
            let up = self.up(number);
            let majority = self.has_majority(number);
            let set = self.sets.get_mut(&number).unwrap();
            let can_lead = |member: &&protocol::SetMember| {
                member.priority > 0.0 && up.contains(&member.host) && set.away.as_ref() != Some(&member.host)
            };
            let best = set.config.members.iter().filter(can_lead).max_by(|a, b| a.priority.total_cmp(&b.priority));
            set.leader = best.filter(|_| majority).map(|member| member.host.clone());
            let Some(leader) = set.leader.clone() else { continue };
            let from = self.store_of(&leader).unwrap().clone();
            for host in up {
                *self.store_of(&host).unwrap() = from.clone();
            }
        }
    }

    /// Sets with data that have lost their majority, of those that are declared.
    pub fn without_majority(&self, desired: &Desired) -> Vec<String> {
        let numbers = self.sets.keys().filter(|number| {
            let set = &self.sets[number];
            desired.replica_sets.contains_key(&set.config.name) && !self.has_majority(**number)
        });
        numbers.map(|number| self.sets[number].config.name.clone()).collect()
    }

    /// Stops everything and starts what is enabled, as a power cut does.
    pub fn reboot(&mut self) -> Result<(), Wrong> {
        for name in self.containers.keys().cloned().collect::<Vec<_>>() {
            let container = self.containers.get_mut(&name).unwrap();
            container.processes.clear();
            if container.running {
                for unit in container.enabled.clone() {
                    // Of two units on one folder or port one comes up, which one is chance.
                    let _ = self.start_unit(&name, &unit);
                }
            }
        }
        self.live();
        self.late = true;
        Ok(())
    }

    pub fn carry_out(&mut self, plan: &Plan, desired: &Desired, count: usize) -> Result<(), Wrong> {
        let mut secrets: BTreeMap<SecretName, Vec<u8>> = BTreeMap::new();
        for (name, source) in &plan.secrets {
            let value = match source {
                SecretSource::Generate => {
                    self.made += 1;
                    format!("{name} {}", self.made).into_bytes()
                }
                SecretSource::Guest { container, path } => {
                    let from = self.containers.get(container).and_then(|one| one.files.get(path));
                    from.cloned().ok_or_else(|| format!("{container} has no {path} to copy"))?
                }
            };
            secrets.insert(name.clone(), value);
        }
        self.late = false;
        for step in plan.steps.iter().take(count) {
            let before = self.without_majority(desired);
            let done = self.perform(&step.action, &secrets, desired);
            done.map_err(|why| format!("could not {}: {why}\nof the plan\n{plan}", step.action))?;
            self.live();
            // Incus renames only what stands: a set with most of its members in there pauses for that.
            let is_renamed = matches!(step.action, Action::StopContainer { .. } | Action::RenameContainer { .. });
            let mut lost = self.without_majority(desired);
            lost.retain(|set| !before.contains(set));
            if !lost.is_empty() && !is_renamed {
                return Err(format!("{} lost its majority by: {}\nof the plan\n{plan}", lost.join(), step.action));
            }
        }
        Ok(())
    }

    fn running(&mut self, name: &str) -> Result<&mut Container, Wrong> {
        let container = self.containers.get_mut(name).ok_or_else(|| format!("there is no {name}"))?;
        container.running.then_some(container).ok_or_else(|| format!("{name} does not run"))
    }

    #[allow(clippy::too_many_lines, reason = "a flat match")]
    fn perform(
        &mut self,
        action: &Action,
        secrets: &BTreeMap<SecretName, Vec<u8>>,
        desired: &Desired,
    ) -> Result<(), Wrong> {
        match action {
            Action::CreateNetwork(network) => self.network = Some(network.config.clone()),
            Action::UpdateNetwork { config, .. } => merge(self.network.as_mut().unwrap(), config),
            Action::CreateContainer(wanted) => {
                let (config, devices) = (wanted.config.clone(), wanted.devices.clone());
                let fresh = Container { config, devices, ..Container::default() };
                if self.containers.insert(wanted.name.clone(), fresh).is_some() {
                    return Err("it is there".into());
                }
            }
            Action::UpdateContainer { container, config, devices, remove } => {
                let seen = self.containers.get_mut(container).ok_or("there is none")?;
                merge(&mut seen.config, config);
                seen.devices.extend(devices.clone());
                seen.devices.retain(|name, _| !remove.contains(name));
            }
            Action::StartContainer { container } => {
                self.containers.get_mut(container).ok_or("there is none")?.running = true;
                let enabled = self.containers[container].enabled.clone();
                for unit in enabled.into_iter().filter(|unit| unit.starts_with("mongod-")) {
                    self.start_unit(container, &unit)?;
                }
            }
            Action::StopContainer { container } => {
                let guest = self.running(container)?;
                guest.running = false;
                guest.processes.clear();
            }
            Action::RenameContainer { from, to } => {
                let renamed = self.containers.remove(from).filter(|one| !one.running).ok_or("none that is stopped")?;
                if self.containers.insert(to.clone(), renamed).is_some() {
                    return Err("it is there".into());
                }
            }
            Action::WriteFiles { container, directories, files, remove, .. } => {
                let guest = self.running(container)?;
                guest.folders.extend(directories.iter().map(|directory| directory.path.clone()));
                for (path, file) in files {
                    let content = match &file.content {
                        Content::Bytes(bytes) => bytes.clone(),
                        Content::Secret(name) => secrets.get(name).ok_or("a secret is missing")?.clone(),
                        other => hashed(other),
                    };
                    guest.files.insert(path.clone(), content);
                }
                guest.files.retain(|path, _| !remove.contains(path));
            }
            Action::PushFile { container, to, .. } => {
                let guest = self.containers.get_mut(container).ok_or("there is none")?;
                let file = desired.containers[container].files.get(to).map(|file| match &file.content {
                    Content::Bytes(bytes) => bytes.clone(),
                    other => hashed(other),
                });
                guest.files.insert(to.clone(), file.unwrap_or_default());
            }
            Action::ChangeUnits { container, start, restart, stop, .. } => {
                let guest = self.running(container)?;
                for unit in stop.iter().chain(restart) {
                    guest.processes.remove(unit);
                }
                for unit in stop {
                    guest.enabled.remove(unit);
                }
                guest.enabled.extend(start.iter().filter(|unit| is_timer(unit)).cloned());
                for unit in start.iter().chain(restart).filter(|unit| unit.starts_with("mongod-")) {
                    self.running(container)?.enabled.insert(unit.clone());
                    if !self.running(container)?.processes.contains_key(unit) {
                        self.start_unit(container, unit)?;
                    }
                }
            }
            Action::WaitContainer { container, .. } => drop(self.running(container)?),
            Action::WaitMongod(mongod) => drop(self.find(&mongod.host).ok_or("it does not run")?),
            Action::InitiateReplicaSet { first, config, admin } => self.initiate(first, config, admin.is_some())?,
            Action::EnsureUsers { through, set, access, .. } => {
                let (name, _) = self.find(&through.host).ok_or("it does not run")?;
                let passwords = access.users.iter().map(|user| {
                    let path = &user.credential.password_file;
                    let password = self.containers[&name].files.get(path).cloned();
                    Ok((user.credential.user.clone(), password.ok_or_else(|| format!("{name} has no {path}"))?))
                });
                let passwords: BTreeMap<_, _> = passwords.collect::<Result<_, Wrong>>()?;
                let host = match set {
                    None => through.host.clone(),
                    Some(set) => self.leader_of(&set.name, &set.hosts)?,
                };
                self.store_of(&host).ok_or("the primary is gone")?.users = passwords;
            }
            Action::ReconfigureReplicaSet { set, config, .. } => self.reconfigure(&set.name, &set.hosts, config)?,
            Action::StepDown { set, host, .. } => {
                let leader = self.leader_of(&set.name, &set.hosts)?;
                if leader == *host {
                    let number = self.number_of(&leader)?;
                    self.sets.get_mut(&number).unwrap().away = Some(leader);
                }
            }
            Action::HandBack { set, host, .. } => {
                let number = self.number_of(host)?;
                let away = &mut self.sets.get_mut(&number).unwrap().away;
                *away = away.take().filter(|away| away != host);
                let _ = set;
            }
            Action::WaitReplicaSet { set, members, .. } => {
                let leader = self.leader_of(&set.name, &set.hosts)?;
                let up = self.up(self.number_of(&leader)?);
                if let Some(missing) = members.iter().find(|member| !up.contains(member)) {
                    return Err(format!("{missing} is waited for in vain"));
                }
            }
            other => return Err(format!("the model does not know {other}")),
        }
        Ok(())
    }

    fn number_of(&self, host: &str) -> Result<usize, Wrong> {
        let (name, process) = self.find(host).ok_or_else(|| format!("{host} does not run"))?;
        let member_of = self.containers[&name].stores.get(&process.folder).and_then(|store| store.member_of);
        member_of.ok_or_else(|| format!("{host} is in no set"))
    }

    fn leader_of(&self, set: &str, hosts: &[String]) -> Result<String, Wrong> {
        let reached = hosts.iter().filter_map(|host| self.sets.get(&self.number_of(host).ok()?));
        let leader = reached.filter(|known| known.config.name == set).find_map(|known| known.leader.clone());
        leader.ok_or_else(|| format!("{set} has no primary that can be reached"))
    }

    fn initiate(&mut self, first: &desired::Mongod, config: &SetConfig, as_admin: bool) -> Result<(), Wrong> {
        let number = self.sets.len() + 1;
        let store = self.store_of(&first.host).ok_or("its first member does not run")?;
        if !store.users.is_empty() && !as_admin {
            return Err("its first member has users".into());
        }
        for member in &config.members {
            let (_, process) = self.find(&member.host).ok_or_else(|| format!("{} does not run", member.host))?;
            if process.set.as_ref() != Some(&config.name) {
                return Err(format!("{} was started for {:?}", member.host, process.set));
            }
            let store = self.store_of(&member.host).unwrap();
            if store.member_of.is_some() {
                return Err(format!("{} is in a set already", member.host));
            }
            store.member_of = Some(number);
            if member.host != first.host {
                store.documents.clear();
            }
        }
        self.sets.insert(number, Set { config: config.clone(), leader: Some(first.host.clone()), away: None });
        Ok(())
    }

    fn reconfigure(&mut self, set: &str, hosts: &[String], config: &SetConfig) -> Result<(), Wrong> {
        let leader = self.leader_of(set, hosts)?;
        let number = self.number_of(&leader)?;
        let before = self.sets[&number].config.clone();
        let voters = |config: &SetConfig| -> BTreeSet<String> {
            config.members.iter().filter(|member| member.votes > 0).map(|member| member.host.clone()).collect()
        };
        let (old, new) = (voters(&before), voters(config));
        if old.symmetric_difference(&new).count() > 1 {
            return Err("more than one vote changes".into());
        }
        if new.len() > 7 {
            return Err(format!("it has {} voters", new.len()));
        }
        if !config.members.iter().any(|member| member.host == leader && member.priority > 0.0) {
            return Err(format!("the primary {leader} would not be electable"));
        }
        for member in config.members.iter().filter(|one| !before.members.iter().any(|known| known.host == one.host)) {
            let (_, process) = self.find(&member.host).ok_or_else(|| format!("{} does not run", member.host))?;
            let store = self.store_of(&member.host).unwrap();
            if process.set.as_deref() != Some(set) || store.member_of.is_some_and(|of| of != number) {
                return Err(format!("{} belongs to another set", member.host));
            }
            // The initial sync.
            *store = Store { member_of: Some(number), ..Store::default() };
        }
        let known = self.sets.get_mut(&number).unwrap();
        known.config = SetConfig { version: before.version + 1, ..config.clone() };
        // Time enough has passed since somebody stepped down, unless he is about to go.
        known.away = known.away.take().filter(|away| config.members.iter().all(|member| member.host != *away));
        Ok(())
    }

    fn start_unit(&mut self, name: &str, unit: &str) -> Result<(), Wrong> {
        let container = self.containers.get_mut(name).unwrap();
        let read = |path: &str| container.files.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let text = read(&format!("/etc/systemd/system/{unit}")).ok_or_else(|| format!("{name} has no unit {unit}"))?;
        let conf = text.lines().find_map(|line| line.strip_prefix("ExecStart=")?.split_once("--config "));
        let (_, conf) = conf.ok_or_else(|| format!("{unit} names no configuration"))?;
        let conf = read(conf.trim()).ok_or_else(|| format!("{name} has no {conf}"))?;
        let field = |name: &str| conf.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
        let folder = field("dbPath:").unwrap().to_owned();
        let port: u16 = field("port:").unwrap().parse().unwrap();
        if let Some(other) = container.processes.values().find(|one| one.folder == folder || one.port == port) {
            return Err(format!("{unit} can't have {folder} and {port}: a mongod on {} has", other.port));
        }
        if !container.folders.contains(&folder) {
            return Err(format!("{name} has no folder {folder}"));
        }
        let revision = text.lines().find_map(|line| line.strip_prefix("Environment=DISTCTL_REVISION="));
        let process = Process {
            port,
            set: field("replSetName:").map(str::to_owned),
            keyfile: field("keyFile:").and_then(|path| container.files.get(path).cloned()),
            revision: revision.map(str::to_owned),
            folder: folder.clone(),
        };
        container.stores.entry(folder).or_default();
        container.processes.insert(unit.to_owned(), process);
        Ok(())
    }
}

/// What files begin with of which only the hash counts.
const HASH: &str = "sha256:";

fn hashed(content: &Content) -> Vec<u8> {
    match content {
        Content::Agent { sha256 } | Content::Artifact { sha256, .. } => format!("{HASH}{sha256}").into_bytes(),
        other => panic!("{other:?} is no content of these systems"),
    }
}

trait Join {
    fn join(&self) -> String;
}

impl Join for Vec<String> {
    fn join(&self) -> String {
        self.as_slice().join(", ")
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

fn is_timer(unit: &str) -> bool {
    unit.ends_with(".timer")
}
