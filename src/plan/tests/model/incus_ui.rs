//! What becomes of Incus's own web interface.

use super::World;
use crate::desired::incus_ui::SHARED;
use crate::observed::{Holder, IncusUi, Part};
use crate::plan::UiAction;

impl World {
    pub(super) fn perform_ui(&mut self, action: &UiAction) {
        if self.seen.incus_ui == Part::Absent {
            self.seen.incus_ui = Part::Present(IncusUi::default());
        }
        let Part::Present(seen) = &mut self.seen.incus_ui else { panic!("the interface can't be seen") };
        match action {
            UiAction::TurnOn { listen, .. } => {
                assert_eq!(seen.address, None, "it is turned on over another");
                (seen.address, seen.noted) = (Some(listen.to_string()), Some(listen.to_string()));
            }
            UiAction::Share { address, .. } => {
                assert_eq!(seen.address.as_ref(), Some(address));
                seen.noted = Some(SHARED.into());
            }
            UiAction::TurnOff { address, .. } => {
                assert_eq!((seen.address.as_ref(), seen.noted.as_ref()), (Some(address), Some(address)));
                (seen.address, seen.noted) = (None, None);
            }
            UiAction::Leave { address, .. } => {
                assert_eq!(seen.address, *address);
                seen.noted = None;
            }
            UiAction::Trust { .. } => {
                let number = seen.certificates.len();
                let browser = seen.browser.get_or_insert_with(|| format!("{number:x}").repeat(64));
                seen.certificates.insert(browser.clone(), Holder::Here);
            }
            UiAction::Distrust { fingerprint, .. } => {
                assert!(seen.certificates.remove(fingerprint).is_some(), "{fingerprint} is not trusted");
                seen.browser.take_if(|browser| browser == fingerprint);
            }
        }
    }
}
