//! Waiting until a guest can be worked in.

use std::path::Path;

use protocol::{Failure, WaitReadyRequest};

use crate::deadline::{Deadline, SOON};
use crate::inspect::{network, units};

/// Where systemd listens for root's orders as soon as it takes them.
const PRIVATE_SOCKET: &str = "/run/systemd/private";

/// How long a look waits for systemd, in milliseconds. Seen: less than one second from the start of a container.
const BOOT_MS: u64 = 10_000;

/// What is still missing.
enum Pending {
    /// PID 1 is something else.
    NotSystemd,
    /// systemd says this of itself.
    Systemd(String),
    /// The interface has these addresses.
    Address(Option<Vec<String>>),
}

/// Waits until systemd takes orders and the address is on its interface.
pub async fn wait(request: &WaitReadyRequest) -> Result<(), Failure> {
    let deadline = Deadline::after_ms(request.timeout_ms);
    loop {
        let Some(pending) = pending(request).await? else {
            return Ok(());
        };
        if !deadline.pause(SOON).await {
            return Err(explain(request, pending));
        }
    }
}

/// Waits a little while systemd comes up, so that a guest that has just been started can be looked at. A guest whose
/// PID 1 is something else is not waited for.
pub async fn settle() {
    let deadline = Deadline::after_ms(BOOT_MS);
    while is_booting() && deadline.pause(SOON).await {}
}

/// Whether PID 1 is still on its way to systemd, or is systemd and takes no orders yet. LXC's own first process, which
/// becomes the guest's init, carries LXC's name for a moment.
fn is_booting() -> bool {
    let comm = std::fs::read_to_string("/proc/1/comm").unwrap_or_default();
    matches!(comm.trim(), "systemd" | "init" | "lxc-start" | "incusd") && !Path::new(PRIVATE_SOCKET).exists()
}

async fn pending(request: &WaitReadyRequest) -> Result<Option<Pending>, Failure> {
    if !units::is_systemd() {
        return Ok(Some(Pending::NotSystemd));
    }
    if !Path::new(PRIVATE_SOCKET).exists() {
        return Ok(Some(Pending::Systemd("initializing".into())));
    }
    let addresses = network::addresses()?.remove(&request.interface);
    if !addresses.as_ref().is_some_and(|addresses| addresses.contains(&request.address)) {
        // Link-local addresses are always there and explain nothing.
        let others = |all: Vec<String>| all.into_iter().filter(|other| !other.starts_with("fe80:")).collect();
        return Ok(Some(Pending::Address(addresses.map(others))));
    }
    // `starting` is enough: units can be started, and this one's address is there.
    match units::systemd().await.as_deref() {
        Some("running" | "degraded" | "starting" | "maintenance") => Ok(None),
        Some(other) => Ok(Some(Pending::Systemd(other.to_owned()))),
        None => Ok(Some(Pending::NotSystemd)),
    }
}

fn explain(request: &WaitReadyRequest, pending: Pending) -> Failure {
    let WaitReadyRequest { interface, address, timeout_ms } = request;
    match pending {
        Pending::NotSystemd => Failure::new("systemd of the guest", "is not there: PID 1 is something else")
            .with_hint("use an image with systemd, debian/12 for instance"),
        Pending::Systemd(state) => {
            Failure::new("systemd of the guest", format!("takes no orders after {timeout_ms} ms: it is {state}"))
                .with_hint("look with `systemctl list-jobs` in the container at what holds it up")
        }
        Pending::Address(None) => Failure::new(interface, "is not among the guest's interfaces")
            .with_hint("check the container's network device"),
        Pending::Address(Some(none)) if none.is_empty() => {
            Failure::new(interface, format!("has no address after {timeout_ms} ms; {address} was expected"))
                .with_hint("check with `networkctl` in the container that its network is configured")
        }
        Pending::Address(Some(others)) => {
            let others = others.join(", ");
            Failure::new(interface, format!("has {others} instead of {address} after {timeout_ms} ms"))
                .with_hint("an old DHCP lease or a network file in the image gives it another: restart the container")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_is_named() {
        let request = WaitReadyRequest { interface: "eth0".into(), address: "10.0.0.2/24".into(), timeout_ms: 10 };
        let failure = explain(&request, Pending::Address(Some(vec!["10.0.0.77/24".into()])));
        assert_eq!(failure.to_string(), "eth0: has 10.0.0.77/24 instead of 10.0.0.2/24 after 10 ms");
    }
}
