//! Secrets that nothing in a container needs any more: removed, unless they are the only copy.

use protocol::Inspection;

use super::order::Draft;
use super::{Action, Cause, homes};
use crate::desired::{Container, Ledger, Scope, SecretKind};

/// Removes copies of keyfiles and passwords from containers in which no mongod or service needs them any more.
pub(super) fn remove_secrets(draft: &mut Draft<'_>, scope: &Scope) {
    if !draft.plan.refusals.is_empty() {
        return;
    }
    let ours: Vec<_> = homes::ours(draft).collect();
    for (container, seen) in ours.into_iter().filter(|(container, _)| scope.has_container(container)) {
        let wanted = draft.desired.containers.get(container);
        let (Some(wanted), Some(guest), Some(ledger)) = (wanted, seen.guest.seen(), homes::ledger(seen)) else {
            continue;
        };
        let remove = unneeded(draft, wanted, guest, &ledger);
        if remove.is_empty() {
            continue;
        }
        let action = Action::WriteFiles {
            container: container.to_owned(),
            system_users: Vec::new(),
            directories: Vec::new(),
            files: Default::default(),
            remove,
        };
        let after = draft.tail(container);
        draft.add(action, Cause::Undeclared, after);
    }
}

fn unneeded(draft: &Draft<'_>, wanted: &Container, guest: &Inspection, ledger: &Ledger) -> Vec<String> {
    let mut remove = Vec::new();
    for (name, places) in &draft.secret_places {
        // A mongod that is about to leave its set still needs what its set has.
        let is_used = ledger.of(&name.owner).any(crate::desired::Lodging::is_live);
        if name.kind == SecretKind::Named || is_used {
            continue;
        }
        for path in [name.store_path(), name.use_path()] {
            let Some(copy) = guest.paths.get(&path).and_then(|seen| seen.sha256.as_ref()) else { continue };
            let is_kept = places.iter().filter(|(container, _)| *container != wanted.name).any(|(container, path)| {
                let seen = draft.guest(container).and_then(|guest| guest.paths.get(*path)?.sha256.as_ref());
                seen == Some(copy)
            });
            if is_kept && !wanted.all_files().any(|(declared, _)| *declared == path) {
                remove.push(path);
            }
        }
    }
    remove
}
