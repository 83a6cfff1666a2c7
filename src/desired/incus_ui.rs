//! Incus's own web interface: where it is, and the names under which distctl keeps what it did for it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::topology::Topology;

/// What stands in the [marker](marker_key) of a topology that uses a listener which others turned on.
pub const SHARED: &str = "shared";

/// Incus's own web interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncusUi {
    /// Where the server listens for HTTPS.
    pub listen: SocketAddr,
}

impl IncusUi {
    /// What a topology says of it.
    pub fn of(topology: &Topology) -> Option<Self> {
        // What is no address was found when the topology was checked.
        topology.incus_ui.as_ref().and_then(|ui| ui.listen.parse().ok()).map(|listen| Self { listen })
    }

    /// Its address for a browser on the server itself.
    pub fn url(&self) -> String {
        let mut address = self.listen;
        match address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("https://{address}/ui/")
    }
}

/// The key of the server's configuration that says what distctl did for a topology: the address that it set, or
/// [`SHARED`]. It is written together with the address, so no crash comes between them.
pub fn marker_key(project: &str, topology: &str) -> String {
    format!("user.distctl.ui.{project}.{topology}")
}

/// The name of a topology's browser certificates in Incus.
pub fn certificate_name(topology: &str) -> String {
    format!("distctl-ui-{topology}")
}
