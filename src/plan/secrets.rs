//! Which copy of a secret is the true one.

use std::collections::{BTreeMap, BTreeSet};

use super::order::Draft;
use super::{SecretSource, homes};
use crate::desired::{Content, Desired, SecretKind, SecretName};

/// Containers and paths by secret.
pub(super) type Places<'a> = BTreeMap<&'a SecretName, Vec<(&'a str, &'a str)>>;

/// The hash that every copy of a secret must have, or `None` where nobody has it; notes where it comes from.
pub(super) fn truth(draft: &mut Draft<'_>, name: &SecretName) -> Option<String> {
    let mut copies: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (container, path) in draft.secret_places.get(name).into_iter().flatten() {
        let Some(guest) = draft.guest(container) else { continue };
        if let Some(sha256) = guest.paths.get(*path).and_then(|seen| seen.sha256.clone()) {
            copies.entry(sha256).or_default().push((container.to_string(), path.to_string()));
        }
    }
    // All that have it may be declared elsewhere by now.
    if copies.is_empty() {
        for (container, seen) in draft.observed.containers.iter().filter_map(|(name, part)| Some((name, part.seen()?)))
        {
            let Some(guest) = seen.guest.seen() else { continue };
            for path in [name.store_path(), name.use_path()] {
                if let Some(sha256) = guest.paths.get(&path).and_then(|seen| seen.sha256.clone()) {
                    copies.entry(sha256).or_default().push((container.clone(), path));
                }
            }
        }
    }
    if copies.is_empty() {
        refuse_unseen(draft, name);
    }
    // The copy that most places have; where that is a tie, the one in a store, which nothing but distctl touches.
    let best = copies.into_iter().max_by_key(|(sha256, places)| {
        let stored = places.iter().any(|(_, path)| path.starts_with(crate::desired::SECRET_STORE));
        (places.len(), stored, std::cmp::Reverse(sha256.clone()))
    });
    let (sha256, source) = match best {
        None => (None, SecretSource::Generate),
        Some((sha256, mut places)) => {
            let (container, path) = places.swap_remove(0);
            (Some(sha256), SecretSource::Guest { container, path })
        }
    };
    draft.plan.secrets.insert(name.clone(), source);
    sha256
}

/// A secret of a database whose data is where nobody can look is never made anew: there is one already.
fn refuse_unseen(draft: &mut Draft<'_>, name: &SecretName) {
    let homes = homes::of(draft, &name.owner);
    let hidden = homes.iter().find(|home| home.lodging.is_live() && home.used.is_none());
    let Some(container) = hidden.map(|home| home.container.to_owned()).filter(|_| name.kind != SecretKind::Named)
    else {
        return;
    };
    let object = format!("database {}", name.owner);
    if !draft.plan.refusals.iter().any(|refusal| refusal.object == object) {
        draft.refuse(
            object,
            format!("has its secrets and data in {container}, which can't be looked into"),
            format!("look why with `distctl doctor`, bring {container} back, then run the command again"),
        );
    }
}

/// Where each secret is declared, as container and path: looking for one must not cost a walk through all files.
pub(super) fn places(desired: &Desired) -> Places<'_> {
    let mut places = Places::new();
    for (container, wanted) in &desired.containers {
        for (path, file) in &wanted.files {
            if let Content::Secret(name) = &file.content {
                places.entry(name).or_default().push((container, path));
            }
        }
    }
    places
}

/// Forgets sources of secrets that no step writes.
pub(super) fn keep_used(draft: &mut Draft<'_>) {
    let used: BTreeSet<SecretName> = draft
        .plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            super::Action::WriteFiles { files, .. } => Some(files.values()),
            _ => None,
        })
        .flatten()
        .filter_map(|file| match &file.content {
            Content::Secret(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    draft.plan.secrets.retain(|name, _| used.contains(name));
}
