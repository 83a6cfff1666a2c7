//! Addresses of the guest's interfaces.

use std::collections::BTreeMap;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;
use protocol::Failure;

/// Addresses with their prefix lengths by interface, without loopback.
pub fn addresses() -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut by_interface = BTreeMap::<String, Vec<String>>::new();
    let all = getifaddrs().map_err(|error| Failure::new("addresses of the guest", error.desc()))?;
    for interface in all.filter(|interface| !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)) {
        let addresses = by_interface.entry(interface.interface_name).or_default();
        if let (Some(address), mask) = (ip(interface.address.as_ref()), ip(interface.netmask.as_ref())) {
            addresses.push(format!("{address}/{}", mask.map_or(0, prefix_length)));
        }
    }
    Ok(by_interface)
}

/// Whether an address is one of the guest's own, loopback included.
pub fn is_own(address: IpAddr) -> bool {
    address.is_loopback()
        || getifaddrs().is_ok_and(|mut all| all.any(|interface| ip(interface.address.as_ref()) == Some(address)))
}

fn ip(address: Option<&SockaddrStorage>) -> Option<IpAddr> {
    let address = address?;
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

fn prefix_length(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    }
}
