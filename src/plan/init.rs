//! What a service needs once: run where that was not done, forgotten where it went into a database that is gone.

use std::collections::BTreeMap;

use protocol::Inspection;

use super::order::Draft;
use super::service::{Before, behind, chain, mongods};
use super::{Action, Cause, homes};
use crate::desired::{Container, Init, Mongod, Release, Scope, Service};

/// Plans what is run once: where that was not done, was another command, or went into a database that is made anew.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    container: &Container,
    release: &Release,
    before: &Before,
    ran: Option<usize>,
) {
    let Some(init) = &release.init else { return };
    let cause = match draft.guest(&container.name) {
        Some(guest) if init.was_run(guest) && !before.anew => return,
        Some(guest) if guest.paths.contains_key(&init.marker) && !before.anew => {
            Cause::State("another command was run".into())
        }
        _ => Cause::Missing,
    };
    let after = match ran {
        Some(step) => vec![step],
        None => behind(draft, &container.name, release, before),
    };
    let (container, release) = (container.name.clone(), Box::new(release.clone()));
    chain(draft, Action::InitService { container, init: init.clone(), release }, cause, after);
}

/// Forgets what was run once where it went into a database that is made anew. That comes before the database: a run that
/// is killed in between leaves nobody who believes that it is there.
pub(super) fn forget(draft: &mut Draft<'_>, scope: &Scope) {
    let desired = draft.desired;
    for container in desired.containers.values().filter(|container| scope.has_container(&container.name)) {
        for release in container.releases.values() {
            let marked = release.init.as_ref().filter(|init| is_marked(draft, &container.name, init));
            let Some((init, service)) = marked.zip(desired.services.get(&release.service)) else { continue };
            let lost = lost_mongods(draft, service);
            if lost.is_empty() {
                continue;
            }
            let action = Action::WriteFiles {
                container: container.name.clone(),
                system_users: Vec::new(),
                directories: Vec::new(),
                files: BTreeMap::new(),
                remove: vec![init.marker.clone()],
            };
            let before: Vec<usize> = lost.iter().filter_map(|mongod| draft.tail(&mongod.container)).collect();
            let forgotten = draft.add(action, Cause::State("its database is made anew".into()), before);
            lost.iter().for_each(|mongod| draft.wait_for(&mongod.container, forgotten));
        }
    }
}

fn is_marked(draft: &Draft<'_>, container: &str, init: &Init) -> bool {
    draft.guest(container).is_some_and(|guest| guest.paths.contains_key(&init.marker))
}

/// The mongods of databases that a service depends on and of which nothing is left.
pub(super) fn lost_mongods<'a>(draft: &Draft<'a>, service: &Service) -> Vec<&'a Mongod> {
    let is_lost = |mongod: &&Mongod| {
        let missing = |guest: &Inspection| !guest.paths.contains_key(&mongod.data);
        draft.is_absent(&mongod.container) || draft.guest(&mongod.container).is_some_and(missing)
    };
    // A set that has one member left has all data; one may be where it is not declared any more.
    let gone = service.depends_on.iter().filter(|name| !homes::has_data(draft, name));
    let databases = gone.map(|name| mongods(draft, name));
    databases.filter(|mongods| mongods.iter().all(&is_lost)).flatten().collect()
}
