//! Who asks: the client's address, also behind a proxy.

use std::net::{AddrParseError, IpAddr, Ipv6Addr};
use std::str::FromStr;

use axum::http::HeaderMap;

/// The header in which a proxy names who asked it. The last entry is the proxy's own; those before are hearsay.
const FORWARDED: &str = "x-forwarded-for";

/// The proxies that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpAddr>);

impl FromStr for Proxies {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let addresses = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        addresses
            .map(|part| part.parse().map(|address: IpAddr| address.to_canonical()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Proxies {
    /// The address of who asks: the peer's own, or the one that it names if it is a proxy.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.0.contains(&peer) {
            return peer;
        }
        let last = headers.get_all(FORWARDED).iter().next_back().and_then(|value| value.to_str().ok());
        let named = last.and_then(|value| value.rsplit(',').next()).and_then(|entry| entry.trim().parse().ok());
        named.map_or(peer, |address: IpAddr| address.to_canonical())
    }
}

/// What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets.
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies: Proxies = "10.10.10.11, ::1".parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn believes_the_last_entry_of_a_proxy_only() {
        assert_eq!(client("10.10.10.11", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("10.10.10.11", &["198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("10.10.10.11", &["198.51.100.1", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("::ffff:10.10.10.11", &["::ffff:192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("10.10.10.11", &["nonsense"]), "10.10.10.11");
        assert_eq!(client("10.10.10.11", &[]), "10.10.10.11");
    }

    #[test]
    fn believes_nobody_else() {
        assert_eq!(client("10.10.10.12", &["192.0.2.7"]), "10.10.10.12");
        assert!("10.10.10.11, web-server".parse::<Proxies>().is_err());
    }

    #[test]
    fn takes_an_ipv6_network_for_one_client() {
        assert_eq!(household("2001:db8:1:2:3::4".parse().unwrap()).to_string(), "2001:db8:1:2::");
        assert_eq!(household("192.0.2.7".parse().unwrap()).to_string(), "192.0.2.7");
    }
}
