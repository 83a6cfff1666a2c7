//! Collections that are spread over several databases: where their parts are, who routes by the rule.

use std::collections::{BTreeMap, BTreeSet};

use fragmentation::Fragmentation;
use protocol::{Credential, FragmentPlace};

use super::{Access, Desired, File, Mongod, SecretName, container, filled, service, sha256_hex};
use crate::desired::Content;
use crate::topology::{Reference, Topology, references};

/// A collection that is spread over several databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragmented {
    /// Its name in the topology.
    pub name: String,
    /// Which collection, and how it is spread.
    pub rule: Fragmentation,
    /// Its parts, by the replica set or single mongod that they are on.
    pub homes: BTreeMap<String, FragmentHome>,
    /// Services that route by the rule.
    pub routers: Vec<Router>,
    /// The container and the path of the file that tells for which rule all documents were last brought in order.
    pub marker: (String, String),
}

/// One replica set or single mongod with a part of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentHome {
    /// How to reach it from inside.
    pub place: FragmentPlace,
    /// Containers whose agents can ask it, in the order in which they are tried.
    pub containers: Vec<String>,
    /// Its mongods.
    pub mongods: Vec<Mongod>,
}

/// A service in one container that routes by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// The service.
    pub service: String,
    /// The container that it runs in.
    pub container: String,
    /// `address:port`, if it has a port that is asked for its health.
    pub host: Option<String>,
    /// Who can log in to ask it, if that can be told.
    pub login: Option<ProbeLogin>,
}

/// Somebody who can log in, and where the password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeLogin {
    /// The container that keeps the password.
    pub container: String,
    /// The user and the file.
    pub credential: Credential,
}

impl Fragmented {
    /// What the marker holds when all documents are where this rule wants them.
    pub fn marked(&self) -> String {
        serde_json::to_string(&self.rule).unwrap_or_default() + "\n"
    }

    /// The hex SHA-256 of [`Self::marked`].
    pub fn marked_sha256(&self) -> String {
        sha256_hex(self.marked().as_bytes())
    }

    /// The marker as a file.
    pub fn marker_file(&self) -> File {
        container::root_file(0o644, Content::Bytes(self.marked().into_bytes()))
    }

    /// The letters of a place: `A-C, N-Z`; `default` where it takes the rest, too.
    pub fn ranges(&self, on: &str) -> String {
        let here = self.rule.fragments.iter().filter(|fragment| fragment.on == on);
        let ranges: Vec<String> = here.clone().filter_map(|one| one.range.map(|range| range.to_string())).collect();
        match here.clone().any(|fragment| fragment.default) {
            true if ranges.is_empty() => "default".to_owned(),
            true => format!("{}, default", ranges.join(", ")),
            false => ranges.join(", "),
        }
    }
}

impl Desired {
    /// Where a replica set or single mongod is, and who can ask it.
    pub fn home(&self, on: &str) -> Option<FragmentHome> {
        let set = self.replica_sets.get(on).map(|set| (set.members.clone(), &set.access, true));
        let single = || self.standalones.get(on).map(|one| (vec![one.mongod.clone()], &one.access, false));
        let (mongods, access, is_set) = set.or_else(single)?;
        let credential = access.as_ref().map(|access: &Access| access.admin.clone());
        let hosts = mongods.iter().map(|mongod| mongod.host.clone()).collect();
        let mut containers: Vec<String> = Vec::new();
        for mongod in &mongods {
            if !containers.contains(&mongod.container) {
                containers.push(mongod.container.clone());
            }
        }
        let place = FragmentPlace { on: on.to_owned(), is_set, hosts, credential };
        Some(FragmentHome { place, containers, mongods })
    }

    /// The names of all replica sets and single mongods.
    pub fn databases(&self) -> impl Iterator<Item = &String> {
        self.replica_sets.keys().chain(self.standalones.keys())
    }
}

/// Adds all fragmented collections. Services are added before.
pub(super) fn add_all(desired: &mut Desired, topology: &Topology) {
    for (name, declared) in topology.fragmentation.iter() {
        let rule = filled::rule(declared);
        let on: BTreeSet<&String> = rule.fragments.iter().map(|fragment| &fragment.on).collect();
        let homes: BTreeMap<String, FragmentHome> =
            on.into_iter().filter_map(|on| Some((on.clone(), desired.home(on)?))).collect();
        let first = rule.fragments.first().and_then(|fragment| homes.get(&fragment.on)?.containers.first());
        let marker = (first.cloned().unwrap_or_default(), format!("/var/lib/distctl/fragments/{name}.json"));
        let routers = routers(desired, topology, name);
        let fragmented = Fragmented { name: name.to_owned(), rule, homes, routers, marker };
        desired.fragmented.insert(name.to_owned(), fragmented);
    }
}

fn routers(desired: &Desired, topology: &Topology, rule: &str) -> Vec<Router> {
    let mut routers = Vec::new();
    for (name, declared) in topology.services.iter() {
        let routes = |reference: &Reference| matches!(reference, Reference::Fragmentation(named) if named == rule);
        if !service::references_of(declared).iter().any(routes) {
            continue;
        }
        let login = login(topology, name);
        for container in declared.container.iter().map(|container| &container.value) {
            let release = desired.containers.get(container).and_then(|one| one.releases.get(name));
            let host = release.and_then(|release| release.health.as_ref()).map(|check| check.host.clone());
            let (service, container) = (name.to_owned(), container.clone());
            routers.push(Router { service, container, host, login: login.clone() });
        }
    }
    routers
}

/// The user that a service is told once, or one that it depends on: its name is the last word of the command, its
/// password the one secret that the command reads.
fn login(topology: &Topology, service: &str) -> Option<ProbeLogin> {
    let (mut known, mut open) = (BTreeSet::new(), vec![service]);
    while let Some(name) = open.pop() {
        let Some(declared) = topology.services.get(name).filter(|_| known.insert(name)) else { continue };
        open.extend(declared.depends_on.iter().map(|one| one.value.as_str()));
        let Some(init) = &declared.init else { continue };
        let stdin = init.stdin.as_ref().map(|text| text.value.trim()).unwrap_or_default();
        let user = init.command.words().pop();
        if let (Some(Ok((range, Reference::Secret(secret)))), Some(user)) = (references(stdin).into_iter().next(), user)
            && range == (0..stdin.len())
            && let Some(container) = declared.container.first()
        {
            let password_file = SecretName::named(&secret).store_path();
            let credential = Credential { user: user.to_owned(), password_file };
            return Some(ProbeLogin { container: container.value.clone(), credential });
        }
    }
    None
}
