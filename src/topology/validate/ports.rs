//! Ports: no two may listen on one, in a container or on the host.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::super::span::Span;
use super::super::{At, Notes, Topology};
use super::suggest;

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    containers(topology, notes);
    exposed(topology, notes);
    incus_ui(topology, notes);
}

/// Members, single mongods and services that would listen on the same port of one container.
fn containers(topology: &Topology, notes: &mut Notes) {
    let mongods = topology.mongodb.mongods();
    let services = topology.services.iter().flat_map(|(name, service)| {
        service.container.iter().flat_map(move |container| service.port.as_ref().map(|port| (name, container, port)))
    });
    let mut all: Vec<_> = mongods.chain(services).collect();
    all.sort_by_key(|(_, _, port)| port.span);
    let mut seen: BTreeMap<(&str, u16), (&str, Span)> = BTreeMap::new();
    for (name, container, port) in all {
        if let Some((first, span)) = seen.get(&(container.as_str(), port.value)) {
            notes
                .error(port.span, format!("port {} of `{}` is taken by `{first}`", port.value, container.value))
                .instead("give each its own port, or its own container")
                .also(*span, format!("`{first}` has it"));
        } else {
            seen.insert((container, port.value), (name, port.span));
        }
    }
}

fn exposed(topology: &Topology, notes: &mut Notes) {
    let mut seen: BTreeMap<SocketAddr, (&str, Span)> = BTreeMap::new();
    for (name, exposed) in topology.expose.iter() {
        if let Some(address) = host_address(&exposed.listen, 3000, notes) {
            if let Some((first, span)) = seen.get(&address) {
                taken(&exposed.listen, (first, *span), notes);
            } else {
                seen.insert(address, (name, exposed.listen.span));
            }
        }
        let target = exposed.to.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
        match target {
            None => {
                notes
                    .error(exposed.to.span, format!("`{}` is no container and port", exposed.to.value))
                    .instead("write `web-server:3000`");
            }
            Some((container, _)) if !topology.containers.declares(container) => {
                let finding = notes.error(exposed.to.span, format!("there is no container `{container}`"));
                suggest(finding, container, topology.containers.declared().map(|(name, _)| name));
            }
            Some(_) => {}
        }
    }
}

fn incus_ui(topology: &Topology, notes: &mut Notes) {
    let Some(ui) = &topology.incus_ui else { return };
    let Some(address) = host_address(&ui.listen, 8443, notes) else { return };
    let other = topology.expose.iter().find(|(_, exposed)| exposed.listen.parse().is_ok_and(|one| meet(one, address)));
    if let Some((name, exposed)) = other {
        taken(&ui.listen, (name, exposed.listen.span), notes);
    }
}

/// Reads an address and port of the host; the example's port is for the advice.
fn host_address(listen: &At<String>, example: u16, notes: &mut Notes) -> Option<SocketAddr> {
    let address = listen.parse::<SocketAddr>().ok().filter(|address| address.port() > 0);
    if address.is_none() {
        notes
            .error(listen.span, format!("`{}` is no address and port", listen.value))
            .instead(format!("write `127.0.0.1:{example}`, or `0.0.0.0:{example}` for every address of the host"));
    }
    address
}

fn taken(listen: &At<String>, (first, span): (&str, Span), notes: &mut Notes) {
    notes
        .error(listen.span, format!("{} is taken by `{first}`", listen.value))
        .instead("choose another port")
        .also(span, format!("`{first}` has it"));
}

/// Whether two can't be listened on at once.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (everywhere || one.ip() == other.ip())
}
