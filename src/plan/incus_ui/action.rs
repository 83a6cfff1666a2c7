//! What can be done about Incus's own web interface.

use std::net::SocketAddr;

use crate::desired::incus_ui::certificate_name;

/// One thing that the engine can do about Incus's own web interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UiAction {
    /// Turns on Incus's HTTPS listener, and notes that it was distctl.
    TurnOn {
        /// The topology that it is for.
        topology: String,
        /// Where it listens.
        listen: SocketAddr,
    },
    /// Notes that a topology uses the listener that others turned on.
    Share {
        /// The topology.
        topology: String,
        /// Where it listens, as those wrote it.
        address: String,
    },
    /// Turns the listener off and removes the note.
    TurnOff {
        /// The topology that it was for.
        topology: String,
        /// Where it listens.
        address: String,
    },
    /// Removes the note; the listener, if there is one, stays as it is.
    Leave {
        /// The topology.
        topology: String,
        /// Where it listens.
        address: Option<String>,
    },
    /// Makes a certificate for this user's browser, unless there is one, and lets Incus trust it.
    Trust {
        /// The topology that it is named after.
        topology: String,
    },
    /// Lets Incus trust a certificate no more; removes its file if that is this user's.
    Distrust {
        /// The topology that it is named after.
        topology: String,
        /// Its hex SHA-256.
        fingerprint: String,
    },
}

impl UiAction {
    /// The action's name in JSON.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::TurnOn { .. } => "turn_on_incus_ui",
            Self::Share { .. } => "share_incus_ui",
            Self::TurnOff { .. } => "turn_off_incus_ui",
            Self::Leave { .. } => "leave_incus_ui",
            Self::Trust { .. } => "trust_browser",
            Self::Distrust { .. } => "distrust_browser",
        }
    }
}

impl std::fmt::Display for UiAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TurnOn { listen, .. } => write!(f, "turn on Incus's HTTPS listener at {listen}"),
            Self::Share { address, .. } => write!(f, "use Incus's HTTPS listener at {address}"),
            Self::TurnOff { address, .. } => write!(f, "turn off Incus's HTTPS listener at {address}"),
            Self::Leave { address: Some(_), .. } => write!(f, "leave Incus's HTTPS listener to others"),
            Self::Leave { address: None, .. } => write!(f, "forget Incus's HTTPS listener, which is off"),
            Self::Trust { topology } => write!(f, "trust browser certificate {}", certificate_name(topology)),
            Self::Distrust { topology, fingerprint } => {
                let short = fingerprint.get(..12).unwrap_or(fingerprint);
                write!(f, "remove browser certificate {} ({short})", certificate_name(topology))
            }
        }
    }
}
