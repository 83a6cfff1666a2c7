//! Containers that stand under another name than the one that is declared: renamed in the file, or by hand.

use std::net::Ipv4Addr;

/// A container of the topology that is not declared.
#[derive(Debug, Clone, Copy)]
pub struct Other<'a> {
    /// Its name in Incus.
    pub name: &'a str,
    /// The name that it was made under ([`CONTAINER_KEY`](super::CONTAINER_KEY)), if it says so.
    pub made_as: Option<&'a str>,
    /// Its address.
    pub address: Option<Ipv4Addr>,
}

impl Other<'_> {
    /// Whether it may be a declared container that is not there itself. One that was made under another name is a copy of
    /// that, or is it; any other is known by its address, which no two can have.
    pub fn may_be(&self, name: &str, address: Ipv4Addr, is_there: impl Fn(&str) -> bool) -> bool {
        match self.made_as.filter(|made_as| *made_as != self.name) {
            Some(made_as) if made_as == name => true,
            Some(made_as) if is_there(made_as) => false,
            _ => self.address == Some(address),
        }
    }
}
