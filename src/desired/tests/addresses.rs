//! A property: nothing has the address of another.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use proptest::prelude::*;

use super::tried;

/// A topology of containers with addresses in and around a small network, each with a mongod or two.
fn topology_text(hosts: &[(u8, u8)]) -> String {
    let mut text = "name: any\nnetwork: { name: br0, ipv4: 10.1.0.1/28 }\ncontainers:\n".to_owned();
    for (at, (host, _)) in hosts.iter().enumerate() {
        writeln!(text, "  c{at}: {{ ipv4: 10.1.0.{host} }}").unwrap();
    }
    text += "mongodb:\n  binary: /usr/bin/mongod\n  standalone:\n";
    for (at, (_, port)) in hosts.iter().enumerate() {
        writeln!(text, "    m{at}: {{ container: c{}, port: {} }}", at / 2, 27_017 + u16::from(*port)).unwrap();
    }
    text
}

proptest! {
    #[test]
    fn no_two_owners_have_one_address(hosts in prop::collection::vec((0u8..18, 0u8..3), 1..6)) {
        let text = topology_text(&hosts);
        let addresses: BTreeSet<u8> = hosts.iter().map(|(host, _)| *host).collect();
        let distinct = addresses.len() == hosts.len() && addresses.iter().all(|host| (2..15).contains(host));
        let expanded = tried(&text, Path::new("/nowhere"));
        if !distinct {
            prop_assert!(expanded.is_err());
        }
        let Ok(desired) = expanded else { return Ok(()) };
        let mut seen: BTreeSet<Ipv4Addr> = BTreeSet::from([desired.network.ipv4.addr()]);
        for container in desired.containers.values() {
            prop_assert!(desired.network.ipv4.contains(&container.ipv4));
            prop_assert!(seen.insert(container.ipv4), "{} is given twice", container.ipv4);
        }
        let (from, to) = desired.network.config["ipv4.dhcp.ranges"].split_once('-').unwrap();
        let lent = from.parse::<Ipv4Addr>().unwrap()..=to.parse().unwrap();
        prop_assert!(seen.iter().all(|address| !lent.contains(address)));
        let mut mongods = BTreeSet::new();
        prop_assert!(desired.standalones.values().all(|single| mongods.insert(&single.mongod.host)));
        prop_assert_eq!(tried(&text, Path::new("/nowhere")).unwrap(), desired);
    }
}
