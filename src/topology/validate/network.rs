//! The network and the addresses in it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::span::Span;
use super::super::{At, Notes, Topology};

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    let bridge = &topology.network.ipv4;
    if bridge.known().is_some() && subnet(bridge, notes) {
        let taken: Vec<Ipv4Addr> = topology.containers.iter().map(|(_, one)| one.ipv4.value).collect();
        for (_, container) in topology.containers.iter() {
            address(&container.ipv4, bridge, &taken, notes);
        }
    }
    duplicates(topology, notes);
    limits(topology, notes);
    for image in &topology.image {
        let alias = image.split_once(':').map_or(image.as_str(), |(_, alias)| alias);
        if alias.is_empty() || image.starts_with(':') || image.contains(char::is_whitespace) {
            notes
                .error(image.span, format!("`{}` is no image", image.value))
                .instead("write an alias on the server (`debian/12`) or `remote:alias` (`images:debian/12`)");
        }
    }
    if topology.image.is_empty() {
        notes.error(None, "`image` names no image").instead("leave `image` out, or write `image: debian/12`");
    }
}

/// Whether the bridge's own address leaves room for others and is none of the two that nobody may have.
fn subnet(bridge: &At<Ipv4Net>, notes: &mut Notes) -> bool {
    let length = bridge.prefix_len();
    if !(8..=30).contains(&length) {
        notes
            .error(bridge.span, format!("a prefix length of {length} makes no usable network"))
            .instead(format!("choose 8 to 30; `{}/24` has room for 253 containers", bridge.addr()));
        return false;
    }
    let first = bridge.hosts().next().unwrap_or(bridge.addr());
    let what = if bridge.addr() == bridge.network() {
        "the network's own address"
    } else if bridge.addr() == bridge.broadcast() {
        "the broadcast address of the network"
    } else {
        return true;
    };
    notes
        .error(bridge.span, format!("{} is {what}, not one that the bridge can have", bridge.addr()))
        .instead(format!("write `{first}/{length}`"));
    true
}

fn address(address: &At<Ipv4Addr>, bridge: &At<Ipv4Net>, taken: &[Ipv4Addr], notes: &mut Notes) {
    let ip = address.value;
    let message = if !bridge.contains(&ip) {
        format!("{ip} is outside the network {}", bridge.trunc())
    } else if ip == bridge.network() {
        format!("{ip} is the network's own address")
    } else if ip == bridge.broadcast() {
        format!("{ip} is the broadcast address of the network")
    } else if ip == bridge.addr() {
        format!("{ip} is the address of the bridge itself")
    } else {
        return;
    };
    let free = bridge.hosts().find(|host| *host != bridge.addr() && !taken.contains(host));
    let finding = notes.error(address.span, message);
    if let Some(free) = free {
        finding.instead(format!("write an address of the network that is free, `{free}` for instance"));
    }
    finding.also(bridge.span, "the network");
}

fn duplicates(topology: &Topology, notes: &mut Notes) {
    let mut containers: Vec<_> = topology.containers.iter().collect();
    containers.sort_by_key(|(_, container)| container.ipv4.span);
    let mut seen: BTreeMap<Ipv4Addr, (&str, Span)> = BTreeMap::new();
    for (name, container) in containers {
        let ip = container.ipv4.value;
        if let Some((first, span)) = seen.get(&ip) {
            notes
                .error(container.ipv4.span, format!("{ip} is the address of `{first}` already"))
                .instead("give each container an address of its own")
                .also(*span, format!("`{first}` has it"));
        } else {
            seen.insert(ip, (name, container.ipv4.span));
        }
    }
}

fn limits(topology: &Topology, notes: &mut Notes) {
    for (_, container) in topology.containers.iter() {
        if let (Some(disk), None) = (&container.limits.disk, &topology.storage) {
            notes
                .error(disk.span, "a limit of the disk needs to know the pool that the disk is in")
                .instead("add `storage: { pool: NAME }`; `incus storage list` shows the names");
        }
        if let Some(memory) = container.limits.memory.filter(|memory| memory.bytes() < 64 << 20) {
            notes
                .error(memory.span, format!("Debian does not start in {}", memory.value))
                .instead("give it at least `64MiB`");
        }
    }
}
