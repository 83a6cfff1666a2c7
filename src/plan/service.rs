//! Services: deployed behind what they depend on, one container after the other.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Health, Inspection, UnitState};

use super::auth;
use super::mongod::{self, State};
use super::order::Draft;
use super::{Action, Cause, Change, Effect, guest, homes, init};
use crate::desired::{Container, Mongod, Release, Scope, Service};

/// Plans all services. Containers and databases are planned before.
pub(super) fn plan_all(draft: &mut Draft<'_>, scope: &Scope) {
    let desired = draft.desired;
    let mut done = BTreeSet::new();
    for service in desired.services.values() {
        plan_behind_others(draft, service, scope, &mut done);
    }
    for container in desired.containers.values().filter(|container| scope.has_container(&container.name)) {
        remove_undeclared(draft, container);
    }
}

/// Plans a service behind those that it depends on. A circle was refused when the topology was checked.
fn plan_behind_others<'a>(draft: &mut Draft<'a>, service: &'a Service, scope: &Scope, done: &mut BTreeSet<&'a str>) {
    if !done.insert(&service.name) {
        return;
    }
    let desired = draft.desired;
    for other in service.depends_on.iter().filter_map(|name| desired.services.get(name)) {
        plan_behind_others(draft, other, scope, done);
    }
    let before = Before::of(draft, service);
    let put_off = service.depends_on.iter().any(|name| draft.put_off.contains(name));
    if put_off || auth::must_wait(draft, service) || !before.steps.is_empty() && comes_later(draft, service) {
        draft.put_off.insert(service.name.clone());
        draft.plan.look_again = true;
        return;
    }
    for container in service.containers.iter().filter_map(|name| desired.containers.get(name)) {
        if let Some(release) = container.releases.get(&service.name).filter(|_| scope.has_container(&container.name)) {
            plan_one(draft, container, release, &before);
        }
    }
}

/// Whether something that a service depends on comes into sight only when this plan is done.
fn comes_later(draft: &Draft<'_>, service: &Service) -> bool {
    service.depends_on.iter().any(|name| {
        let states: Vec<State<'_>> = mongods(draft, name).iter().map(|mongod| mongod::state(draft, mongod)).collect();
        // What has no data yet is made by this plan; otherwise it must be seen at work.
        let is_fresh = |state: &State<'_>| match state {
            State::New => true,
            State::Up(seen) => seen.set_name.is_none(),
            _ => false,
        };
        let works = states.iter().any(|state| matches!(state, State::Up(seen) if seen.writable));
        let started = |container: &String| {
            !draft.is_absent(container) && draft.guest(container).is_none() && draft.tail(container).is_some()
        };
        let other = draft.desired.services.get(name);
        !(works || states.iter().all(is_fresh) && !homes::has_data(draft, name))
            || other.is_some_and(|other| other.containers.iter().any(started))
    })
}

/// What must be done before a service starts.
pub(super) struct Before {
    /// The last steps of all that it depends on.
    steps: Vec<usize>,
    /// Whether a database that it depends on is made anew, so that what was put into it once is not there.
    pub anew: bool,
}

impl Before {
    fn of(draft: &Draft<'_>, service: &Service) -> Self {
        let names: BTreeSet<&str> = service.depends_on.iter().map(String::as_str).collect();
        let desired = draft.desired;
        let hosts: BTreeSet<&str> =
            names.iter().flat_map(|name| mongods(draft, name)).map(|one| one.container.as_str()).collect();
        let others = names.iter().filter_map(|name| desired.services.get(*name)).flat_map(|other| &other.containers);
        let containers = hosts.iter().copied().chain(others.map(String::as_str)).filter_map(|host| draft.tail(host));
        let about = |action: &Action| match action {
            Action::WaitMongod(mongod) => hosts.contains(mongod.container.as_str()),
            Action::ChangeUnits { container, .. } => hosts.contains(container.as_str()),
            other => names.contains(other.lane()),
        };
        let steps = draft.plan.steps.iter().enumerate().filter(|(_, step)| about(&step.action)).map(|(index, _)| index);
        let changing = draft.changing.iter().copied();
        Self {
            steps: last(draft, steps.chain(containers).chain(changing).collect()),
            anew: !init::lost_mongods(draft, service).is_empty(),
        }
    }
}

pub(super) fn mongods<'a>(draft: &Draft<'a>, name: &str) -> Vec<&'a Mongod> {
    let desired = draft.desired;
    let members = desired.replica_sets.get(name).map(|set| set.members.iter().collect());
    members.or_else(|| desired.standalones.get(name).map(|one| vec![&one.mongod])).unwrap_or_default()
}

/// Those of some steps that no other of them waits for, directly or not.
fn last(draft: &Draft<'_>, steps: BTreeSet<usize>) -> Vec<usize> {
    let mut waited_for = BTreeSet::new();
    let mut open: Vec<usize> = steps.iter().flat_map(|step| draft.plan.steps[*step].after.clone()).collect();
    while let Some(step) = open.pop() {
        if waited_for.insert(step) {
            open.extend(&draft.plan.steps[step].after);
        }
    }
    steps.difference(&waited_for).copied().collect()
}

fn plan_one(draft: &mut Draft<'_>, container: &Container, release: &Release, before: &Before) {
    let lane_before = draft.tail(&release.service);
    match (draft.is_absent(&container.name), draft.guest(&container.name)) {
        (true, _) => deploy(draft, container, release, Cause::Missing, before),
        // It shows when the container has been started; the plan says already that it looks again, or why it can't.
        (false, None) => return,
        (false, Some(guest)) => compare(draft, container, release, guest, before),
    }
    let ran = draft.tail(&release.service).filter(|step| Some(*step) != lane_before);
    init::plan(draft, container, release, before, ran);
}

fn compare(draft: &mut Draft<'_>, container: &Container, release: &Release, guest: &Inspection, before: &Before) {
    let mut changes: Vec<Change> = Vec::new();
    for (path, file) in &release.files {
        changes.extend(guest::compare_file(draft, path, file, guest));
    }
    // The agent removes what only the release before had, once the new one works.
    let old = guest.service_files.get(&release.service).into_iter().flatten();
    let gone = old.filter(|path| !release.files.contains_key(*path)).map(|path| Change {
        field: path.clone(),
        from: "of the release before".into(),
        to: "removed".into(),
        effect: Effect::Restart,
    });
    changes.extend(gone);
    changes.iter_mut().for_each(|change| change.effect = Effect::Restart);
    let unit = guest.units.get(&release.unit).cloned().unwrap_or_default();
    if let Some(cause) = cause(guest, release, changes, &unit) {
        return deploy(draft, container, release, cause, before);
    }
    let health = release.health.as_ref().and_then(|_| guest.services.get(&release.service));
    let (container, boxed) = (container.name.clone(), Box::new(release.clone()));
    match health {
        None | Some(Health::Working { .. }) => {}
        Some(Health::Failing(said)) => {
            let after = behind(draft, &container, release, before);
            chain(draft, Action::WaitService { container, release: boxed }, Cause::State(said.clone()), after);
        }
        Some(Health::Silent(why)) => {
            let after = behind(draft, &container, release, before);
            let cause = Cause::State(format!("does not answer: {why}"));
            let restarted = chain(draft, restart_unit(&container, release), cause, after);
            chain(draft, Action::WaitService { container, release: boxed }, Cause::Follows, vec![restarted]);
        }
    }
}

/// Why a release must be deployed, if it must.
fn cause(guest: &Inspection, release: &Release, changes: Vec<Change>, unit: &UnitState) -> Option<Cause> {
    if !guest.deployed.contains(&release.service) {
        return Some(Cause::Missing);
    }
    if !changes.is_empty() {
        return Some(Cause::Changed(changes));
    }
    if let Some(state) = guest::amiss(unit) {
        return Some(Cause::State(state));
    }
    let older = unit.revision.as_ref() != Some(&release.revision);
    older.then(|| Cause::State("runs an older release".into()))
}

/// The steps that a step of a service waits for: those of its container and of what it depends on, and those of the
/// same service in the container before.
pub(super) fn behind(draft: &Draft<'_>, container: &str, release: &Release, before: &Before) -> Vec<usize> {
    let own = draft.tail(container).into_iter().chain(draft.tail(&release.service));
    last(draft, before.steps.iter().copied().chain(own).collect())
}

/// Adds a step at the end of its service's lane. The container's own lane may have the same name.
pub(super) fn chain(draft: &mut Draft<'_>, action: Action, cause: Cause, after: Vec<usize>) -> usize {
    let lane = action.lane().to_string();
    let step = draft.add(action, cause, after);
    draft.wait_for(&lane, step);
    step
}

fn deploy(draft: &mut Draft<'_>, container: &Container, release: &Release, cause: Cause, before: &Before) {
    guest::stage_artifacts(draft, container, &release.files);
    let after = behind(draft, &container.name, release, before);
    let action = Action::DeployService { container: container.name.clone(), release: Box::new(release.clone()) };
    chain(draft, action, cause, after);
}

/// Restarts the unit of a service.
fn restart_unit(container: &str, release: &Release) -> Action {
    Action::ChangeUnits {
        container: container.to_string(),
        reload: false,
        start: Vec::new(),
        restart: vec![release.unit.clone()],
        stop: Vec::new(),
        logs: BTreeMap::new(),
    }
}

/// Plans the restart of a service, one container after the other, behind all that is restarted before.
pub(super) fn roll(draft: &mut Draft<'_>, service: &Service) {
    let desired = draft.desired;
    let mut after = last(draft, (0..draft.plan.steps.len()).collect());
    for container in service.containers.iter().filter_map(|name| desired.containers.get(name)) {
        let Some(release) = container.releases.get(&service.name) else { continue };
        if draft.guest(&container.name).is_none() {
            draft.refuse(
                format!("service {}", service.name),
                format!("is in {}, which does not run or can't be looked into", container.name),
                "run `distctl up` to bring it back",
            );
        }
        let restarted = draft.add(restart_unit(&container.name, release), Cause::Asked, after);
        after = vec![wait(draft, &container.name, release, vec![restarted])];
    }
}

/// Waits until a service works.
pub(super) fn wait(draft: &mut Draft<'_>, container: &str, release: &Release, after: Vec<usize>) -> usize {
    let action = Action::WaitService { container: container.to_string(), release: Box::new(release.clone()) };
    draft.add(action, Cause::Follows, after)
}

/// Removes services that were deployed and are not declared any more.
fn remove_undeclared(draft: &mut Draft<'_>, container: &Container) {
    let Some(guest) = draft.guest(&container.name) else { return };
    for service in guest.deployed.iter().filter(|name| !container.releases.contains_key(*name)) {
        // One that moves works in its new place first.
        let after: Vec<usize> = draft.tail(&container.name).into_iter().chain(draft.tail(service)).collect();
        let action = Action::RemoveService { container: container.name.clone(), service: service.clone() };
        draft.add(action, Cause::Undeclared, after);
    }
}
