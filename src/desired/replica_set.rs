//! Replica sets and single mongods: their hosts and configuration.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use protocol::{SetAddress, SetConfig, SetMember, SetSettings};

use super::{Mongod, ReplicaSet, SecretName, Standalone, access};
use crate::topology::{self, Member, Topology};

impl ReplicaSet {
    /// `address:port` of all members.
    pub fn hosts(&self) -> Vec<String> {
        self.members.iter().map(|member| member.host.clone()).collect()
    }

    /// The member that takes over from any other as soon as it can.
    pub fn favourite(&self) -> Option<&Mongod> {
        let priorities = || self.config.members.iter().map(|member| member.priority);
        let highest = priorities().fold(0.0, f64::max);
        let mut leading = self.members.iter().zip(priorities()).filter(|(_, priority)| *priority >= highest);
        let first = leading.next().map(|(member, _)| member);
        first.filter(|_| leading.next().is_none())
    }

    /// Where its members have their keyfile; `None` without authentication.
    pub fn keyfile(&self) -> Option<String> {
        self.access.as_ref().map(|_| SecretName::keyfile(&self.name).use_path())
    }

    /// How to speak to it as its administrator.
    pub fn address(&self) -> SetAddress {
        let credential = self.access.as_ref().map(|access| access.admin.clone());
        SetAddress { name: self.name.clone(), hosts: self.hosts(), credential }
    }
}

pub(super) fn replica_set(name: &str, declared: &topology::ReplicaSet, topology: &Topology) -> ReplicaSet {
    let members: Vec<_> =
        declared.members.iter().map(|member| mongod(&member.container, member.port.value, topology)).collect();
    let configured = members.iter().zip(&declared.members).zip(0..);
    let config = SetConfig {
        name: name.to_owned(),
        version: 1,
        members: configured.map(|((mongod, declared), id)| set_member(id, &mongod.host, declared)).collect(),
        settings: settings(&topology.mongodb.settings),
        other: BTreeMap::new(),
    };
    ReplicaSet { name: name.to_owned(), members, config, access: access::access(name, topology) }
}

pub(super) fn standalone(name: &str, declared: &topology::Standalone, topology: &Topology) -> Standalone {
    let mongod = mongod(&declared.container, declared.port.value, topology);
    Standalone { name: name.to_owned(), mongod, access: access::access(name, topology) }
}

fn mongod(container: &str, port: u16, topology: &Topology) -> Mongod {
    let address = topology.containers.get(container).map_or(Ipv4Addr::UNSPECIFIED, |one| one.ipv4.value);
    // Where data lies is decided for all mongods of a container at once.
    Mongod::new(container, address, port, String::new())
}

impl Mongod {
    /// A mongod on a port of a container, with its data in a folder.
    pub fn new(container: &str, address: Ipv4Addr, port: u16, data: String) -> Self {
        Self {
            container: container.to_owned(),
            port,
            host: format!("{address}:{port}"),
            unit: format!("mongod-{port}.service"),
            data,
            log: format!("/var/log/mongodb/mongod-{port}.log"),
        }
    }
}

fn set_member(id: i64, host: &str, declared: &Member) -> SetMember {
    SetMember {
        id,
        host: host.to_owned(),
        priority: declared.priority(),
        votes: declared.votes().into(),
        hidden: declared.hidden(),
        arbiter_only: false,
        build_indexes: true,
        secondary_delay_secs: declared.delay.map_or(0, |delay| delay.millis() / 1000),
        tags: declared.tags.iter().map(|(key, value)| (key.to_owned(), value.value.clone())).collect(),
    }
}

/// How many heartbeats there are at least in an election timeout, unless the topology says how often.
const HEARTBEATS: i64 = 4;

/// What the topology says, else MongoDB's own defaults.
fn settings(declared: &topology::Settings) -> SetSettings {
    let mut settings = SetSettings::default();
    let times = [
        (&mut settings.election_timeout_millis, declared.election_timeout, 1),
        (&mut settings.heartbeat_interval_millis, declared.heartbeat_interval, 1),
        (&mut settings.heartbeat_timeout_secs, declared.heartbeat_timeout, 1000),
        (&mut settings.catch_up_timeout_millis, declared.catch_up_timeout, 1),
    ];
    for (setting, time, unit) in times {
        *setting = time.map_or(*setting, |time| time.millis() / unit);
    }
    if declared.heartbeat_interval.is_none() {
        let often = (settings.election_timeout_millis / HEARTBEATS).max(1);
        settings.heartbeat_interval_millis = settings.heartbeat_interval_millis.min(often);
    }
    settings.chaining_allowed = declared.chaining_allowed.map_or(settings.chaining_allowed, |chaining| chaining.value);
    settings
}
