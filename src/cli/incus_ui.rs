//! What a person must know to use Incus's own web interface.

use crate::browser::Place;
use crate::desired::Desired;
use crate::observed::{IncusUi, Observed, Part};
use crate::plan::{Action, Plan, UiAction};

/// Whether a plan opens the interface to this user's browser, or moves it.
pub(super) fn is_opened_by(plan: &Plan) -> bool {
    let opens = |action: &Action| {
        matches!(action, Action::Ui(UiAction::TurnOn { .. } | UiAction::Share { .. } | UiAction::Trust { .. }))
    };
    plan.steps.iter().any(|step| opens(&step.action))
}

/// Where it is, whether it is installed, and how a browser gets in; `None` where it is not on.
pub(super) fn how_to(desired: &Desired, observed: &Observed) -> Option<String> {
    let (Some(wanted), Part::Present(seen)) = (desired.incus_ui, &observed.incus_ui) else { return None };
    let place = Place::of(&desired.name).ok()?;
    let place_of_server = if seen.is_way_in { " on the server" } else { "" };
    Some(format!(
        "\nIncus's own web interface{place_of_server}: {}\n{}a browser is let in by the certificate {}\nwhich the password in {} opens; who has both governs this Incus\n  \
         Firefox:  Settings, \"View Certificates\", \"Your Certificates\", \"Import\"\n  \
         Chromium: chrome://certificate-manager/clientcerts, \"Import\"\n\
         the browser then warns of the server's own certificate, which must have this SHA-256:\n  {}",
        wanted.url(),
        missing(seen),
        place.file().display(),
        place.password_file().display(),
        pairs(&seen.server),
    ))
}

fn missing(seen: &IncusUi) -> &'static str {
    if seen.installed {
        return "";
    }
    "it is not installed there: Incus serves it once the package incus-ui-canonical is (Zabbly's packages of Incus have \
     it; elsewhere set INCUS_UI for the daemon to the folder of its files)\n"
}

/// A fingerprint as browsers show it: `1A:2B:...`.
fn pairs(hex: &str) -> String {
    let hex = hex.to_uppercase();
    let pairs: Vec<&str> = (0..hex.len() / 2).filter_map(|at| hex.get(2 * at..2 * at + 2)).collect();
    pairs.join(":")
}
