//! Ports: no two may listen on one, in a container or on the host.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::super::span::Span;
use super::super::{Notes, Topology};
use super::suggest;

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    containers(topology, notes);
    exposed(topology, notes);
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
        match exposed.listen.parse::<SocketAddr>().ok().filter(|address| address.port() > 0) {
            None => {
                notes
                    .error(exposed.listen.span, format!("`{}` is no address and port", exposed.listen.value))
                    .instead("write `127.0.0.1:3000`, or `0.0.0.0:3000` for every address of the host");
            }
            Some(address) => {
                if let Some((first, span)) = seen.get(&address) {
                    notes
                        .error(exposed.listen.span, format!("{address} is taken by `{first}`"))
                        .instead("choose another port")
                        .also(*span, format!("`{first}` has it"));
                } else {
                    seen.insert(address, (name, exposed.listen.span));
                }
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
