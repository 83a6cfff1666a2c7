//! What a world shows to whoever looks at it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Access, Inspection, MemberStatus, Mongod, MongodAbsence, PathState, Security, UnitState};

use super::{Container, HASH, Set, Store, World, is_timer};
use crate::desired::secret::AGENT_USER;
use crate::desired::{self, DATA_KEY, Desired, INTERFACE, Ledger, OWNER_KEY, sha256_hex};
use crate::observed::{self, Network, Observed, Part, Status};

impl World {
    pub fn observe(&self, desired: &Desired) -> Observed {
        let network = match &self.network {
            Some(config) => Part::Present(Network { managed: true, config: config.clone(), ..Network::default() }),
            None => Part::Absent,
        };
        let relevant = self.containers.iter().filter(|(name, container)| {
            desired.containers.contains_key(*name) || container.config.get(OWNER_KEY) == Some(&desired.name)
        });
        let containers = relevant.map(|(name, container)| {
            let guest = match container.running {
                true => Part::Present(Box::new(self.inspect(name, container, desired))),
                false => Part::Absent,
            };
            let status = if container.running { Status::Running } else { Status::Stopped };
            let (config, devices) = (container.config.clone(), container.devices.clone());
            (
                name.clone(),
                Part::Present(observed::Container { status, config, devices, guest, ..observed::Container::default() }),
            )
        });
        Observed { network, containers: containers.collect(), ..Observed::default() }
    }

    fn inspect(&self, name: &str, container: &Container, desired: &Desired) -> Inspection {
        let wanted = desired.containers.get(name);
        let mut paths: BTreeMap<String, PathState> = BTreeMap::new();
        for (path, content) in &container.files {
            let file = wanted.and_then(|wanted| wanted.files.get(path));
            let (mode, owner) = file.map_or((0o644, "root".into()), |file| (file.mode, file.owner.clone()));
            let group = file.map_or("root".into(), |file| file.group.clone());
            let sha256 = Some(
                String::from_utf8_lossy(content).strip_prefix(HASH).map_or_else(|| sha256_hex(content), str::to_owned),
            );
            paths.insert(path.clone(), PathState { sha256, mode, owner, group, size: 1, changed_ms: 0 });
        }
        for path in container.folders.iter().chain(container.stores.keys()) {
            let known = wanted.and_then(|wanted| wanted.directories.iter().find(|one| one.path == *path));
            let (mode, owner) = known.map_or((0o700, "mongodb".into()), |one| (one.mode, one.owner.clone()));
            let state = PathState { sha256: None, mode, group: owner.clone(), owner, size: 1, changed_ms: 0 };
            paths.insert(path.clone(), state);
        }
        for path in container.stores.keys() {
            paths.insert(format!("{path}/WiredTiger"), paths[path].clone());
        }
        let ledger = container.config.get(DATA_KEY).map(|text| Ledger::parse(text)).unwrap_or_default();
        let mut asked: BTreeSet<u16> = ledger.0.iter().filter(|one| one.is_live()).map(|one| one.port).collect();
        asked.extend(processes_of(desired).filter(|one| one.container == name).map(|one| one.port));
        let mongods = asked.into_iter().map(|port| (port, self.answer(container, port)));
        let units = container.files.keys().filter_map(|path| path.strip_prefix("/etc/systemd/system/"));
        let unit_files = units.filter(|unit| unit.starts_with("mongod-")).map(str::to_owned).collect();
        let states = wanted.into_iter().flat_map(|wanted| wanted.units.keys()).map(|unit| {
            let process = container.processes.get(unit);
            let state = UnitState {
                load: "loaded".into(),
                // A timer has no process; it is active from when it is enabled.
                active: if process.is_some() || is_timer(unit) && container.enabled.contains(unit) {
                    "active"
                } else {
                    "inactive"
                }
                .into(),
                enabled: if container.enabled.contains(unit) { "enabled" } else { "" }.into(),
                revision: process.and_then(|process| process.revision.clone()),
                ..UnitState::default()
            };
            (unit.clone(), state)
        });
        let address = format!("{}/24", Self::address(container).unwrap_or_default());
        Inspection {
            protocol: protocol::VERSION,
            systemd: Some("running".into()),
            addresses: [(INTERFACE.to_owned(), vec![address])].into(),
            avx: true,
            paths,
            units: states.collect(),
            unit_files,
            mongods: mongods.collect(),
            ..Inspection::default()
        }
    }

    fn answer(&self, container: &Container, port: u16) -> Result<Mongod, MongodAbsence> {
        let process = container.processes.values().find(|process| process.port == port);
        let process = process.filter(|_| !self.late).ok_or(MongodAbsence::NotListening)?;
        let store = &container.stores[&process.folder];
        let host = Self::host(container, port);
        let set = store.member_of.map(|number| (number, &self.sets[&number]));
        let set = set.filter(|(_, set)| process.set.as_deref() == Some(&set.config.name));
        let is_in = |set: &Set| set.config.members.iter().any(|member| member.host == host);
        let set_now = set.filter(|(_, set)| is_in(set));
        let up = set_now.map(|(number, _)| self.up(number)).unwrap_or_default();
        let leader = set_now.and_then(|(_, set)| set.leader.clone()).filter(|_| up.contains(&host));
        let asks = process.keyfile.is_some() || container_asks(container, port);
        let access = match (asks, store.users.is_empty()) {
            (false, _) => Access::Granted,
            (true, true) => Access::NoUsers,
            (true, false) => self.log_in(container, store),
        };
        let members = set_now.into_iter().flat_map(|(_, set)| &set.config.members).map(|member| MemberStatus {
            host: member.host.clone(),
            state: match (Some(&member.host) == leader.as_ref(), up.contains(&member.host)) {
                (true, _) => "PRIMARY".into(),
                (_, true) => "SECONDARY".into(),
                _ => "(not reachable/healthy)".into(),
            },
            healthy: up.contains(&member.host),
            optime_ms: Some(1),
        });
        let granted = access == Access::Granted;
        // One that waits for its set tells nothing of what it has.
        let tells = process.set.is_none() || set_now.is_some();
        let roles = |user: &String| (format!("admin.{user}"), user.clone());
        Ok(Mongod {
            version: "6.0.5".into(),
            set_name: set.map(|(_, set)| set.config.name.clone()),
            writable: leader.as_ref() == Some(&host) || process.set.is_none(),
            secondary: set_now.is_some() && leader.as_ref() != Some(&host),
            primary: leader.clone(),
            access,
            config: set.filter(|_| granted).map(|(_, set)| set.config.clone()),
            members: members.collect(),
            users: (granted && tells)
                .then(|| store.users.keys().map(roles).map(|(name, user)| (name, roles_of(&user))).collect()),
            databases: Vec::new(),
            too_stale: false,
            logins: BTreeMap::new(),
            security: Some(if asks { Security::Enforced } else { Security::Open }),
            knows_us: !store.users.is_empty() && self.log_in(container, store) == Access::Granted,
        })
    }

    /// The agent logs in with the password that it has in this guest.
    fn log_in(&self, container: &Container, store: &Store) -> Access {
        let mut known = container.files.iter().filter(|(path, _)| path.ends_with(&format!(".{AGENT_USER}")));
        match known.any(|(_, password)| store.users.get(AGENT_USER) == Some(password)) {
            true => Access::Granted,
            false => Access::Refused("Authentication failed".into()),
        }
    }
}

/// Whether the configuration on a port asks for passwords.
fn container_asks(container: &Container, port: u16) -> bool {
    let conf = container.files.get(&format!("/etc/distctl/mongod-{port}.conf"));
    conf.is_some_and(|conf| String::from_utf8_lossy(conf).contains("authorization: enabled"))
}

fn roles_of(user: &str) -> Vec<protocol::Role> {
    let role = if user == AGENT_USER { protocol::AGENT_ROLE } else { "root" };
    vec![protocol::Role { role: role.into(), db: "admin".into() }]
}

fn processes_of(desired: &Desired) -> impl Iterator<Item = &desired::Mongod> {
    let members = desired.replica_sets.values().flat_map(|set| &set.members);
    members.chain(desired.standalones.values().map(|one| &one.mongod))
}
