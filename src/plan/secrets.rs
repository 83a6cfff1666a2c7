//! Which copy of a secret is the true one.

use std::collections::BTreeMap;

use super::SecretSource;
use super::order::Draft;
use crate::desired::{Content, SecretName};

/// The hash that every copy of a secret must have, or `None` where nobody has it; notes where it comes from.
pub(super) fn truth(draft: &mut Draft<'_>, name: &SecretName) -> Option<String> {
    let mut copies: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (container, wanted) in &draft.desired.containers {
        let Some(guest) = draft.guest(container) else { continue };
        let paths = wanted.files.iter().filter(|(_, file)| file.content == Content::Secret(name.clone()));
        for (path, _) in paths {
            if let Some(sha256) = guest.paths.get(path).and_then(|seen| seen.sha256.clone()) {
                copies.entry(sha256).or_default().push((container.clone(), path.clone()));
            }
        }
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

/// Forgets sources of secrets that no step writes.
pub(super) fn keep_used(draft: &mut Draft<'_>) {
    let used: Vec<SecretName> = draft
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
