//! The network, and what every container has.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;
use tera::Context;

use super::address::free_range;
use super::expand::Work;
use super::template::{ETH0_NETWORK, HOSTS, Templates};
use super::{CONTAINER_KEY, Container, Content, EXPOSED, File, INTERFACE, Image, Network, OWNER_KEY};
use crate::topology::{self, Topology};

type Keys = BTreeMap<String, String>;

fn keys<const N: usize>(pairs: [(&str, String); N]) -> Keys {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

pub(super) fn network(topology: &Topology) -> Network {
    let network = &topology.network;
    let ipv4 = network.ipv4.value;
    let mut config = keys([
        (OWNER_KEY, topology.name.value.clone()),
        ("ipv4.address", ipv4.to_string()),
        ("ipv4.nat", network.nat.to_string()),
        ("ipv6.address", "none".to_owned()),
    ]);
    if let Some((from, to)) = free_range(ipv4, topology.containers.iter().map(|(_, one)| one.ipv4.value)) {
        config.insert("ipv4.dhcp.ranges".to_owned(), format!("{from}-{to}"));
    }
    Network { name: network.name.value.clone(), ipv4, config }
}

/// A container with what all have: its address, the names of the others, the agent.
pub(super) fn container(name: &str, declared: &topology::Container, work: &Work<'_>) -> Result<Container, String> {
    let topology = work.topology;
    let address = declared.ipv4.value;
    let mut files = BTreeMap::new();
    let mut network = root_file(0o644, Content::Bytes(eth0(address, work)?));
    network.restarts = Some("systemd-networkd.service".to_owned());
    files.insert("/etc/systemd/network/05-distctl-eth0.network".to_owned(), network);
    files.insert("/etc/hosts".to_owned(), root_file(0o644, Content::Bytes(work.hosts.clone())));
    let agent = Content::Agent { sha256: work.agent.sha256.clone() };
    files.insert(work.agent.installed_path(), root_file(0o755, agent));
    let mut packages: Vec<_> = declared.packages.iter().map(|package| package.value.clone()).collect();
    packages.sort();
    packages.dedup();
    Ok(Container {
        name: name.to_owned(),
        ipv4: address,
        images: topology.image.iter().map(|image| self::image(image)).collect(),
        config: config(&topology.name, name, &declared.limits),
        devices: devices(name, declared, topology),
        packages,
        system_users: Vec::new(),
        directories: Vec::new(),
        files,
        units: BTreeMap::new(),
        releases: BTreeMap::new(),
        transitions: BTreeMap::new(),
    })
}

/// A file of root's.
pub(super) fn root_file(mode: u32, content: Content) -> File {
    File { mode, owner: "root".to_owned(), group: "root".to_owned(), content, restarts: None }
}

fn image(text: &str) -> Image {
    match text.split_once(':') {
        Some((remote, alias)) => Image::Remote { remote: remote.to_owned(), alias: alias.to_owned() },
        None => Image::Alias(text.to_owned()),
    }
}

fn config(owner: &str, name: &str, limits: &topology::Limits) -> Keys {
    let mut config =
        keys([(OWNER_KEY, owner.to_owned()), (CONTAINER_KEY, name.to_owned()), ("boot.autostart", "true".to_owned())]);
    let limits = [
        ("limits.memory", limits.memory.map(|memory| memory.to_string())),
        ("limits.cpu", limits.cpu.map(|cpu| cpu.to_string())),
        ("limits.processes", limits.processes.map(|processes| processes.to_string())),
    ];
    config.extend(limits.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    config
}

fn devices(name: &str, declared: &topology::Container, topology: &Topology) -> BTreeMap<String, Keys> {
    let nic = keys([
        ("type", "nic".to_owned()),
        ("network", topology.network.name.value.clone()),
        ("name", INTERFACE.to_owned()),
        ("ipv4.address", declared.ipv4.to_string()),
    ]);
    let mut devices = BTreeMap::from([(INTERFACE.to_owned(), nic)]);
    if let Some(storage) = &topology.storage {
        let mut root =
            keys([("type", "disk".to_owned()), ("path", "/".to_owned()), ("pool", storage.pool.value.clone())]);
        root.extend(declared.limits.disk.map(|disk| ("size".to_owned(), disk.to_string())));
        devices.insert("root".to_owned(), root);
    }
    for (exposed, one) in topology.expose.iter() {
        if let Some((_, port)) = one.to.rsplit_once(':').filter(|(container, _)| *container == name) {
            let proxy = keys([
                ("type", "proxy".to_owned()),
                ("listen", format!("tcp:{}", one.listen.value)),
                ("connect", format!("tcp:{}:{port}", declared.ipv4.value)),
            ]);
            devices.insert(format!("{EXPOSED}{exposed}"), proxy);
        }
    }
    devices
}

fn eth0(address: Ipv4Addr, work: &Work<'_>) -> Result<Vec<u8>, String> {
    let bridge = work.topology.network.ipv4.value;
    let mut context = Context::new();
    context.insert("interface", INTERFACE);
    context.insert("address", &address);
    context.insert("prefix", &bridge.prefix_len());
    context.insert("gateway", &bridge.addr());
    work.templates.render(ETH0_NETWORK, &context).map(String::into_bytes)
}

#[derive(Serialize)]
struct Host<'a> {
    name: &'a str,
    address: Ipv4Addr,
}

/// The same in every container, sorted by name: names resolve without a server.
pub(super) fn hosts(topology: &Topology, templates: &Templates) -> Result<Vec<u8>, String> {
    let hosts = topology.containers.iter().map(|(name, one)| Host { name, address: one.ipv4.value });
    let mut context = Context::new();
    context.insert("hosts", &hosts.collect::<Vec<_>>());
    templates.render(HOSTS, &context).map(String::into_bytes)
}
