//! What there is of Incus's own web interface.

use std::collections::BTreeMap;

/// Incus's own web interface, as far as it is the topology's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncusUi {
    /// What distctl noted when it turned it on for the topology: the address, or that it is shared.
    pub noted: Option<String>,
    /// Where the server listens for HTTPS, as somebody wrote it.
    pub address: Option<String>,
    /// Whether this run reaches the server over HTTPS, so that it would cut itself off.
    pub is_way_in: bool,
    /// Whether the server has the interface.
    pub installed: bool,
    /// The hex SHA-256 of the certificate that the server shows.
    pub server: String,
    /// The topology's certificates that the server trusts, by their hex SHA-256.
    pub certificates: BTreeMap<String, Holder>,
    /// The one that this user has on this machine.
    pub browser: Option<String>,
}

/// Whose a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// It was made by this user on this machine.
    Here,
    /// It was made elsewhere.
    Elsewhere,
}
