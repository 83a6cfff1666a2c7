//! Addresses: which of a network are left for DHCP.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The largest run of addresses of a network that nobody has, as Incus takes it for `ipv4.dhcp.ranges`.
///
/// dnsmasq may otherwise lend a static address to a container that is no part of the topology. Of runs of the same
/// length the first is taken; `None` if no address is free.
pub fn free_range(network: Ipv4Net, taken: impl Iterator<Item = Ipv4Addr>) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let first = u32::from(network.network());
    let last = u32::from(network.broadcast());
    let mut taken: Vec<u32> = taken.map(u32::from).filter(|one| (first..=last).contains(one)).collect();
    taken.extend([first, u32::from(network.addr()), last]);
    taken.sort_unstable();
    let gaps = taken.windows(2).filter(|pair| pair[1] - pair[0] > 1).map(|pair| (pair[0] + 1, pair[1] - 1));
    let largest = gaps.max_by_key(|(from, to)| (to - from, u32::MAX - from));
    largest.map(|(from, to)| (from.into(), to.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(network: &str, taken: &[&str]) -> Option<String> {
        let taken = taken.iter().map(|one| one.parse().unwrap());
        free_range(network.parse().unwrap(), taken).map(|(from, to)| format!("{from}-{to}"))
    }

    #[test]
    fn takes_the_largest_gap() {
        assert_eq!(free("10.1.0.1/24", &["10.1.0.11", "10.1.0.12"]).unwrap(), "10.1.0.13-10.1.0.254");
        assert_eq!(free("10.1.0.1/24", &["10.1.0.250"]).unwrap(), "10.1.0.2-10.1.0.249");
        assert_eq!(free("10.1.0.1/29", &["10.1.0.4"]).unwrap(), "10.1.0.2-10.1.0.3");
        assert_eq!(free("10.1.0.1/30", &["10.1.0.2"]), None);
    }
}
