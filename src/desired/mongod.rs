//! mongods: their configuration, unit and directories.

use std::collections::BTreeMap;

use tera::Context;

use super::access::add_directory;
use super::artifact::Binary;
use super::container::root_file;
use super::expand::Work;
use super::secret::{AGENT_USER, STORE};
use super::template::{HANDOVER_SERVICE, MONGOD_CONF, MONGOD_SERVICE};
use super::{
    Access, Container, Content, DATA, DATA_KEY, Desired, File, Holds, Mongod, Places, ReplicaSet, SecretName,
    Transition, Unit, rotation, sha256_hex,
};
use crate::topology::{MIN_CACHE, OVERHEAD};

impl Mongod {
    /// The files that are this mongod's alone.
    pub fn own_files(&self) -> [String; 3] {
        let unit = |name: &str| format!("/etc/systemd/system/{name}");
        [conf_path(self.port), unit(&self.unit), unit(&handover_unit(self.port))]
    }
}

/// A mongod and whose it is.
struct Owned<'d> {
    mongod: &'d Mongod,
    owner: &'d str,
    /// `address:port` of all members, the one that should lead first; empty for a single mongod.
    hosts: Vec<&'d str>,
    auth: Auth,
}

/// Whether a mongod asks for passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    None,
    /// It asks nobody and logs in to members that ask.
    Transition,
    Enforced,
}

impl Auth {
    fn of(access: Option<&Access>) -> Self {
        if access.is_some() { Self::Enforced } else { Self::None }
    }
}

/// Gives every mongod its data folder, and writes down in each container what its folders hold.
pub(super) fn house_all(desired: &mut Desired, places: &Places) {
    let mut assignment = places.assign();
    let sets =
        desired.replica_sets.values_mut().map(|set| (&set.name, Holds::Member, set.members.iter_mut().collect()));
    let singles = desired.standalones.values_mut().map(|one| (&one.name, Holds::Standalone, vec![&mut one.mongod]));
    for (owner, holds, mut mongods) in sets.chain(singles) {
        let mut ports: BTreeMap<String, Vec<u16>> = BTreeMap::new();
        for mongod in &mongods {
            ports.entry(mongod.container.clone()).or_default().push(mongod.port);
        }
        for (container, ports) in ports {
            let folders = assignment.give(&container, owner, holds, &ports);
            for mongod in mongods.iter_mut().filter(|mongod| mongod.container == container) {
                mongod.data = format!("{DATA}/{}", folders[&mongod.port]);
            }
        }
    }
    for container in desired.containers.values_mut() {
        container.config.insert(DATA_KEY.to_owned(), assignment.ledger(&container.name).to_string());
    }
}

/// Adds all mongods to their containers.
pub(super) fn add_all(desired: &mut Desired, work: &Work<'_>) -> Result<(), String> {
    let Some(binary) = &work.binary else { return Ok(()) };
    let members = desired.replica_sets.values().flat_map(|set| {
        set.members.iter().map(move |mongod| Owned {
            mongod,
            owner: &set.name,
            hosts: in_order(set),
            auth: Auth::of(set.access.as_ref()),
        })
    });
    let singles = desired.standalones.values().map(|single| Owned {
        mongod: &single.mongod,
        owner: &single.name,
        hosts: Vec::new(),
        auth: Auth::of(single.access.as_ref()),
    });
    let all: Vec<Owned<'_>> = members.chain(singles).collect();
    let mut count: BTreeMap<&str, u64> = BTreeMap::new();
    for one in &all {
        *count.entry(&one.mongod.container).or_default() += 1;
    }
    for one in &all {
        let many = count[one.mongod.container.as_str()];
        if let Some(container) = desired.containers.get_mut(&one.mongod.container) {
            one.add_to(container, binary, cache(&one.mongod.container, many, work), work)?;
        }
    }
    desired.containers.values_mut().try_for_each(|container| rotation::add(container, work))
}

/// The cache of each of `count` mongods of a container, in bytes: half of what its memory limit leaves each after
/// [`OVERHEAD`], since the system's own file cache serves mongod with the other half. Without a limit, the smallest.
fn cache(container: &str, count: u64, work: &Work<'_>) -> u64 {
    let limit = work.topology.containers.get(container).and_then(|container| container.limits.memory);
    match (work.topology.mongodb.cache, limit) {
        (Some(given), _) => given.bytes(),
        (None, Some(limit)) => (limit.bytes().saturating_sub(count * OVERHEAD) / (2 * count)).max(MIN_CACHE),
        (None, None) => MIN_CACHE,
    }
}

/// Bytes as mongod's `cacheSizeGB` takes them (its GB are GiB), rounded down to the MiB.
fn gigabytes(bytes: u64) -> String {
    let thousandths = (bytes >> 20) * 1000 / 1024;
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Owned<'_> {
    fn add_to(&self, container: &mut Container, binary: &Binary, cache: u64, work: &Work<'_>) -> Result<(), String> {
        let Mongod { port, unit, log, .. } = self.mongod;
        self.add_places(container);
        container.files.extend(binary.file.clone().map(|file| (binary.path.clone(), file)));
        let (mut files, revision) = self.files(binary, cache, work)?;
        container.files.extend(files.clone());
        if !self.hosts.is_empty() {
            let changing = Self { auth: Auth::Transition, hosts: self.hosts.clone(), ..*self };
            files = changing.files(binary, cache, work)?.0;
        }
        let keyfile = SecretName::keyfile(self.owner).use_path();
        container.transitions.insert(unit.clone(), Transition { files, keyfile });
        let started = Unit { revision: Some(revision), reads: vec![conf_path(*port)], log: Some(log.clone()) };
        container.units.insert(unit.clone(), started);
        Ok(())
    }

    /// Its configuration and units by path, and their revision.
    fn files(&self, binary: &Binary, cache: u64, work: &Work<'_>) -> Result<(BTreeMap<String, File>, String), String> {
        let Mongod { port, unit, .. } = self.mongod;
        let conf = work.templates.render(MONGOD_CONF, &self.conf(cache))?;
        let rendered = |revision: &str| work.templates.render(MONGOD_SERVICE, &self.unit(revision, binary, work));
        let revision = revision(&conf, binary.identity(), &rendered("")?);
        let text = rendered(&revision)?;
        let mut file = root_file(0o640, Content::Bytes(conf.into_bytes()));
        file.group = "mongodb".to_owned();
        let mut files = BTreeMap::from([(conf_path(*port), file), unit_file(unit, text)]);
        if self.hands_over(work) {
            let text = work.templates.render(HANDOVER_SERVICE, &self.unit("", binary, work))?;
            files.extend([unit_file(&handover_unit(*port), text)]);
        }
        Ok((files, revision))
    }

    fn add_places(&self, container: &mut Container) {
        if container.system_users.is_empty() {
            container.system_users.push("mongodb".to_owned());
        }
        let data = &self.mongod.data;
        for (path, mode, owner) in [
            ("/etc/distctl", 0o755, "root"),
            ("/var/lib/distctl", 0o711, "root"),
            (STORE, 0o700, "root"),
            (DATA, 0o755, "mongodb"),
            (data, 0o700, "mongodb"),
            ("/var/log/mongodb", 0o755, "mongodb"),
        ] {
            add_directory(container, path, mode, owner);
        }
    }

    fn conf(&self, cache: u64) -> Context {
        let address = self.mongod.host.split(':').next().unwrap_or_default();
        let mut context = Context::new();
        context.insert("port", &self.mongod.port);
        context.insert("address", address);
        context.insert("db_path", &self.mongod.data);
        context.insert("log", &self.mongod.log);
        context.insert("cache_gb", &gigabytes(cache));
        context.insert("auth", &(self.auth != Auth::None));
        context.insert("transition", &(self.auth == Auth::Transition));
        context.insert("set", &(!self.hosts.is_empty()).then_some(self.owner));
        context.insert("keyfile", &SecretName::keyfile(self.owner).use_path());
        context
    }

    fn unit(&self, revision: &str, binary: &Binary, work: &Work<'_>) -> Context {
        let handover = self.hands_over(work).then(|| self.handover());
        let mut context = Context::new();
        context.insert("name", self.owner);
        context.insert("port", &self.mongod.port);
        context.insert("revision", revision);
        context.insert("binary", &binary.path);
        context.insert("conf", &conf_path(self.mongod.port));
        context.insert("agent", &work.agent.installed_path());
        context.insert("handover", &handover);
        context.insert("handover_unit", &handover_unit(self.mongod.port));
        context.insert("mongod", &self.mongod.unit);
        context
    }

    fn hands_over(&self, work: &Work<'_>) -> bool {
        work.topology.mongodb.settings.fast_handover && self.hosts.len() > 1
    }

    /// What the agent is told when the units run it.
    fn handover(&self) -> String {
        let mut arguments =
            format!("--set {} --self {} --hosts {}", self.owner, self.mongod.host, self.hosts.join(","));
        if self.auth != Auth::None {
            let password = SecretName::password(self.owner, AGENT_USER).use_path();
            arguments += &format!(" --user {AGENT_USER} --password-file {password}");
        }
        arguments
    }
}

/// The members of a set by priority, then as the topology names them.
fn in_order(set: &ReplicaSet) -> Vec<&str> {
    let mut members: Vec<_> = set.members.iter().zip(&set.config.members).collect();
    members.sort_by(|(_, one), (_, other)| other.priority.total_cmp(&one.priority));
    members.into_iter().map(|(member, _)| member.host.as_str()).collect()
}

fn handover_unit(port: u16) -> String {
    format!("handover-{port}.service")
}

fn unit_file(unit: &str, text: String) -> (String, File) {
    (format!("/etc/systemd/system/{unit}"), root_file(0o644, Content::Bytes(text.into_bytes())))
}

fn conf_path(port: u16) -> String {
    format!("/etc/distctl/mongod-{port}.conf")
}

/// The hash of all that a running mongod does not take up by itself: its configuration, its binary, and the lines of
/// `[Service]` that hold from the start of a process. How it is stopped and restarted systemd reads anew each time, so
/// a new agent restarts nothing.
fn revision(conf: &str, binary: &str, unit: &str) -> String {
    let from_the_start = |line: &&str| {
        !["#", "ExecStop", "Restart=", "RestartSec=", "TimeoutStop"].iter().any(|start| line.starts_with(start))
    };
    let service = unit.lines().skip_while(|line| *line != "[Service]");
    let service =
        service.take_while(|line| *line != "[Install]").filter(from_the_start).filter(|line| !line.is_empty());
    let all = format!("{conf}\n{binary}\n{}", service.collect::<Vec<_>>().join("\n"));
    sha256_hex(all.as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::gigabytes;

    #[test]
    fn caches_as_mongod_takes_them() {
        assert_eq!(gigabytes(256 << 20), "0.25");
        assert_eq!(gigabytes(1 << 30), "1");
        assert_eq!(gigabytes((1 << 30) + (700 << 20)), "1.683");
    }
}
