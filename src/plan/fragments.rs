//! Fragmented collections: documents are moved when the rule that they were last brought in order for is another.
//!
//! Nothing is looked through to find that out: a file in a guest tells for which rule it was done.

use super::mongod::{self, State};
use super::order::Draft;
use super::{Action, Cause};
use crate::desired::{Fragmented, Scope};

/// Plans what must be moved. Everything else is planned before: services route by the new rule first, so that nothing
/// is put into an old place behind the back of whoever looks there for what has to go.
pub(super) fn plan(draft: &mut Draft<'_>, scope: &Scope) {
    let desired = draft.desired;
    for fragmented in desired.fragmented.values().filter(|_| scope.is_whole()) {
        let (container, path) = &fragmented.marker;
        let marked =
            draft.guest(container).and_then(|guest| guest.paths.get(path)).and_then(|seen| seen.sha256.clone());
        match marked {
            Some(sha256) if sha256 == fragmented.marked_sha256() => {}
            _ if is_new(draft, fragmented) => mark(draft, fragmented),
            marked => move_documents(draft, fragmented, marked.is_some()),
        }
    }
}

/// Whether this plan makes all its databases, so that there is nothing to move.
fn is_new(draft: &Draft<'_>, fragmented: &Fragmented) -> bool {
    let mut mongods = fragmented.homes.values().flat_map(|home| &home.mongods);
    mongods.all(|one| matches!(mongod::state(draft, one), State::New))
}

/// Writes the marker along with the container's other files.
fn mark(draft: &mut Draft<'_>, fragmented: &Fragmented) {
    let (name, path) = fragmented.marker.clone();
    let file = fragmented.marker_file();
    let written = draft.plan.steps.iter_mut().find_map(|step| match &mut step.action {
        Action::WriteFiles { container, files, .. } if *container == name && !files.is_empty() => Some(files),
        _ => None,
    });
    if let Some(files) = written {
        files.insert(path, file);
        return;
    }
    let after = draft.tail(&name);
    let action = Action::WriteFiles {
        container: name,
        system_users: Vec::new(),
        directories: Vec::new(),
        files: [(path, file)].into(),
        remove: Vec::new(),
    };
    draft.add(action, Cause::Missing, after);
}

fn move_documents(draft: &mut Draft<'_>, fragmented: &Fragmented, marked: bool) {
    let writable = |one| matches!(mongod::state(draft, one), State::Up(seen) if seen.writable);
    let away = fragmented.homes.iter().find(|(_, home)| !home.mongods.iter().any(writable)).map(|(on, _)| on.clone());
    if away.is_none() && draft.put_off.is_empty() {
        let cause = match marked {
            true => "its ranges have changed",
            false => "they were not looked through yet",
        };
        let after = 0..draft.plan.steps.len();
        draft.add(Action::MoveDocuments(Box::new(fragmented.clone())), Cause::State(cause.into()), after);
        return;
    }
    // What this plan starts is seen at the next look.
    if draft.plan.steps.is_empty() {
        draft.find(
            format!("fragmentation {}", fragmented.name),
            format!("its documents can't be brought in order: {} takes no writes", away.unwrap_or_default()),
            "look with `distctl status` which mongods are down; then run `distctl up` again",
        );
    } else {
        draft.plan.look_again = true;
    }
}
