//! Incus's own web interface: its listener, which may be somebody else's, and the browser's certificate.

use std::net::{IpAddr, SocketAddr};

use super::order::Draft;
use super::{Action, Cause, Change, Effect};
use crate::desired::incus_ui::SHARED;
use crate::observed::{Holder, IncusUi, Part};

mod action;

pub use action::UiAction;

/// The port of a listener whose address names none.
const PORT: u16 = 8443;

/// What a finding or refusal is about.
const OBJECT: &str = "incus_ui";

/// Plans to turn it on where it is declared, and off where it no more is.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let nothing = IncusUi::default();
    let seen = match &draft.observed.incus_ui {
        Part::Present(seen) => seen,
        Part::Absent => &nothing,
        Part::Unreachable(why) => {
            let hint = "run this as somebody who may administer Incus, or take `incus_ui` out of the topology";
            return draft.find(OBJECT, format!("can't be looked at: {why}"), hint);
        }
    };
    match draft.desired.incus_ui {
        Some(wanted) => turn_on(draft, seen, wanted.listen),
        None => turn_off(draft, seen, &Cause::Undeclared),
    }
}

/// Plans to undo what was done for the topology, be it declared or not.
pub(super) fn remove(draft: &mut Draft<'_>) {
    if let Part::Present(seen) = &draft.observed.incus_ui {
        turn_off(draft, seen, &Cause::Asked);
    }
}

fn turn_on(draft: &mut Draft<'_>, seen: &IncusUi, listen: SocketAddr) {
    let topology = draft.desired.name.clone();
    match &seen.address {
        None => _ = draft.chain(Action::Ui(UiAction::TurnOn { topology, listen }), Cause::Missing),
        Some(address) if is_ours(seen) => {
            if *address != listen.to_string() {
                move_listener(draft, seen, address, listen);
            }
        }
        Some(address) if serves(address, listen) => {
            if seen.noted.as_deref() != Some(SHARED) {
                let address = address.clone();
                draft.chain(Action::Ui(UiAction::Share { topology, address }), Cause::Missing);
            }
        }
        Some(address) => {
            return draft.refuse(
                OBJECT,
                format!("Incus listens at {address}, which distctl did not set, and not at {listen}"),
                format!("write `listen: \"{address}\"`, or free it: `incus config unset core.https_address`"),
            );
        }
    }
    trust(draft, seen);
}

fn move_listener(draft: &mut Draft<'_>, seen: &IncusUi, address: &str, listen: SocketAddr) {
    if seen.is_way_in {
        return find_way_in(draft, address);
    }
    let (from, to) = (address.to_owned(), listen.to_string());
    let change = Change { field: "incus_ui.listen".into(), from, to, effect: Effect::Live };
    let (topology, address) = (draft.desired.name.clone(), address.to_owned());
    let off = UiAction::TurnOff { topology: topology.clone(), address };
    draft.chain(Action::Ui(off), Cause::Changed(vec![change]));
    draft.chain(Action::Ui(UiAction::TurnOn { topology, listen }), Cause::Follows);
}

/// Lets this user's browser in. A certificate whose file was lost here is of no use to anybody and goes.
fn trust(draft: &mut Draft<'_>, seen: &IncusUi) {
    let topology = draft.desired.name.clone();
    let browser = seen.browser.as_ref();
    if browser.is_none_or(|fingerprint| !seen.certificates.contains_key(fingerprint)) {
        draft.chain(Action::Ui(UiAction::Trust { topology }), Cause::Missing);
    }
    for (fingerprint, holder) in &seen.certificates {
        if *holder == Holder::Here && browser != Some(fingerprint) {
            distrust(draft, fingerprint, Cause::State("its file is gone".into()));
        }
    }
}

/// The note goes last: as long as it is there, this is planned again.
fn turn_off(draft: &mut Draft<'_>, seen: &IncusUi, cause: &Cause) {
    if seen.noted.is_none() {
        return;
    }
    for fingerprint in seen.certificates.keys() {
        distrust(draft, fingerprint, cause.clone());
    }
    let topology = draft.desired.name.clone();
    match &seen.address {
        Some(address) if is_ours(seen) && seen.is_way_in => find_way_in(draft, address),
        Some(address) if is_ours(seen) => {
            let address = address.clone();
            draft.chain(Action::Ui(UiAction::TurnOff { topology, address }), cause.clone());
        }
        address => {
            let address = address.clone();
            draft.chain(Action::Ui(UiAction::Leave { topology, address }), cause.clone());
        }
    }
}

fn distrust(draft: &mut Draft<'_>, fingerprint: &str, cause: Cause) {
    let (topology, fingerprint) = (draft.desired.name.clone(), fingerprint.to_owned());
    draft.chain(Action::Ui(UiAction::Distrust { topology, fingerprint }), cause);
}

fn find_way_in(draft: &mut Draft<'_>, address: &str) {
    let message = format!("Incus's listener at {address} can't be turned off by a run that comes in through it");
    draft.find(OBJECT, message, "run distctl on the server itself, without `--remote`");
}

/// Whether the address is the one that distctl set.
fn is_ours(seen: &IncusUi) -> bool {
    seen.address.is_some() && seen.address == seen.noted
}

/// Whether a listener at an address, written in any of the ways that Incus takes, can be reached where it is wanted.
fn serves(address: &str, wanted: SocketAddr) -> bool {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
        _ => (address, Some(PORT)),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let everywhere = host.is_empty() || host == "::" || (host == "0.0.0.0" && wanted.is_ipv4());
    port == Some(wanted.port()) && (everywhere || host.parse::<IpAddr>().is_ok_and(|ip| ip == wanted.ip()))
}

#[cfg(test)]
mod tests {
    use super::serves;

    #[test]
    fn an_address_serves_in_every_way_to_write_it() {
        let here = "127.0.0.1:8443".parse().unwrap();
        for address in ["127.0.0.1:8443", "127.0.0.1", ":8443", "[::]:8443", "[::]", "::", "0.0.0.0:8443", "0.0.0.0"] {
            assert!(serves(address, here), "{address}");
        }
        for address in ["127.0.0.1:8444", "10.0.0.1:8443", ":9443", "[::1]:8443", "::1", "lab.example", "x:y", ""] {
            assert_eq!(serves(address, here), address.is_empty(), "{address}");
        }
        let six = "[::1]:8443".parse().unwrap();
        assert!(serves("[::1]:8443", six) && serves("::1", six) && serves("[::]:8443", six));
        assert!(!serves("0.0.0.0:8443", six) && !serves("127.0.0.1:8443", six));
    }
}
