//! What guests make of services.

use std::collections::BTreeMap;

use protocol::{Health, PathState, Piece};

use super::{World, path, running, written};
use crate::desired::{Content, Desired, Init, Release, sha256_hex};
use crate::observed::Part;
use crate::plan::Action;

impl World {
    /// Carries out an action of services, and tells whether it was one.
    pub(super) fn perform_service(&mut self, action: &Action, desired: &Desired) -> bool {
        match action {
            Action::DeployService { container, release } => self.deploy(container, release, desired),
            Action::WaitService { container, release } => {
                let guest = self.guest(container);
                assert_eq!(guest.units[&release.unit].active, "active", "{} is waited for in vain", release.service);
                guest.services.insert(release.service.clone(), Health::Working { version: None });
            }
            Action::InitService { container, release, init } => self.init(container, release, init, desired),
            Action::RemoveService { container, service } => {
                let guest = self.guest(container);
                guest.deployed.retain(|known| known != service);
                guest.units.remove(&format!("{service}.service"));
                guest.services.remove(service);
                guest.service_files.remove(service);
                let (unit, environment) =
                    (format!("/etc/systemd/system/{service}.service"), format!("/etc/distctl/{service}.env"));
                let known = format!("/var/lib/distctl/services/{service}/");
                guest.paths.retain(|path, _| *path != unit && *path != environment && !path.starts_with(&known));
            }
            _ => return false,
        }
        true
    }

    fn deploy(&mut self, container: &str, release: &Release, desired: &Desired) {
        self.assert_works_before(&release.service, desired);
        let missing = desired.containers[container].packages.iter().find(|name| {
            let guest = self.seen.containers[container].seen().and_then(|seen| seen.guest.seen());
            !guest.is_some_and(|guest| guest.packages.contains_key(*name))
        });
        assert_eq!(missing, None, "{} is deployed without a package", release.service);
        for (place, file) in &release.files {
            if let Content::Artifact { sha256, .. } = &file.content {
                let staged = self.staged.remove(&(container.to_string(), sha256.clone()));
                let in_place = self.guest(container).paths.get(place).and_then(|seen| seen.sha256.clone());
                assert!(staged || in_place.as_ref() == Some(sha256), "{place} was not pushed to {container}");
            }
            let guest = self.guest(container);
            let state = written(file, &guest.paths);
            guest.paths.insert(place.clone(), state);
        }
        self.on_disk.insert((container.to_string(), release.unit.clone()), release.revision.clone());
        let guest = self.guest(container);
        guest.deployed.retain(|known| *known != release.service);
        guest.deployed.push(release.service.clone());
        let now: Vec<String> = release.files.keys().cloned().collect();
        let before = guest.service_files.insert(release.service.clone(), now).unwrap_or_default();
        for gone in before.iter().filter(|path| !release.files.contains_key(*path)) {
            guest.paths.remove(gone);
        }
        guest.units.insert(release.unit.clone(), running(Some(release.revision.clone())));
        guest.services.insert(release.service.clone(), Health::Working { version: None });
    }

    fn init(&mut self, container: &str, release: &Release, init: &Init, desired: &Desired) {
        self.assert_works_before(&release.service, desired);
        let guest = self.guest(container);
        assert_eq!(guest.units[&release.unit].active, "active", "{} runs something before it runs", release.service);
        let marker = path(Some(sha256_hex(init.marked.as_bytes())), 0o644, "root", "root");
        guest.paths.insert(init.marker.clone(), marker);
        self.initialized.insert(release.service.clone());
    }

    /// Asserts that all that a service depends on is there and works.
    fn assert_works_before(&self, service: &str, desired: &Desired) {
        let guest = |name: &String| self.seen.containers.get(name).and_then(Part::seen)?.guest.seen();
        for name in &desired.services[service].depends_on {
            let mongod = desired.replica_sets.get(name).map(|set| (&set.members[0], &set.access));
            let mongod = mongod.or_else(|| desired.standalones.get(name).map(|one| (&one.mongod, &one.access)));
            if let Some((mongod, access)) = mongod {
                self.assert_up(&mongod.host);
                let seen = guest(&mongod.container).and_then(|guest| guest.mongods[&mongod.port].as_ref().ok());
                let users = seen.is_some_and(|seen| seen.users.is_some());
                assert!(users || access.is_none(), "{service} is begun before the users of {name}");
            }
            for other in desired.services.get(name).into_iter().flat_map(|other| &other.containers) {
                let health = guest(other).and_then(|guest| guest.services.get(name));
                assert!(
                    matches!(health, Some(Health::Working { .. })),
                    "{service} is begun before {name} works in {other}"
                );
            }
        }
    }

    /// Starts units of services anew, from the unit files as they are.
    pub(super) fn restart_services(&mut self, container: &str, restart: &[String], desired: &Desired) {
        let releases = desired.containers[container].releases.values();
        for release in releases.filter(|release| restart.contains(&release.unit)) {
            let revision = self.on_disk.get(&(container.to_string(), release.unit.clone())).cloned();
            let guest = self.guest(container);
            guest.units.insert(release.unit.clone(), running(revision));
            guest.services.insert(release.service.clone(), Health::Working { version: None });
        }
    }

    /// Forgets what a container that is made anew had.
    pub(super) fn lose(&mut self, container: &str, desired: &Desired) {
        self.staged.retain(|(owner, _)| owner != container);
        self.on_disk.retain(|(owner, _), _| owner != container);
        self.disks.remove(container);
        let members = desired.replica_sets.values().flat_map(|set| set.members.iter().map(|one| (&set.name, one)));
        let singles = desired.standalones.values().map(|one| (&one.name, &one.mongod));
        for (database, mongod) in members.chain(singles).filter(|(_, mongod)| mongod.container == container) {
            self.asleep.remove(&mongod.host);
            let depend = |service: &String| !desired.services[service].depends_on.contains(database);
            self.initialized.retain(depend);
        }
    }

    /// Asserts that what is put into databases once is in them.
    pub(super) fn assert_initialized(&self, desired: &Desired) {
        let releases = desired.containers.values().flat_map(|container| container.releases.values());
        for release in releases.filter(|release| release.init.is_some()) {
            let service = &release.service;
            assert!(self.initialized.contains(service), "what {service} needs once is not in its database");
        }
    }

    /// Lets every service answer as its unit is, and guests fill in what they have.
    pub(super) fn refresh_services(&mut self, desired: &Desired) {
        for (name, wanted) in &desired.containers {
            let Some(Part::Present(container)) = self.seen.containers.get_mut(name) else { continue };
            let Part::Present(guest) = &mut container.guest else { continue };
            for release in wanted.releases.values() {
                let up = guest.units.get(&release.unit).is_some_and(|unit| unit.active == "active");
                if release.health.is_some() && !up {
                    guest.services.insert(release.service.clone(), Health::Silent("connection refused".into()));
                } else if release.health.is_some() {
                    guest.services.entry(release.service.clone()).or_insert(Health::Working { version: None });
                }
            }
            let filled = wanted.all_files().filter_map(|(path, file)| match &file.content {
                Content::Filled(pieces) => Some((path.clone(), filled_hash(pieces, &guest.paths)?)),
                _ => None,
            });
            guest.filled = filled.collect();
        }
    }
}

/// What a text hashes to where all its secrets are there.
pub(super) fn filled_hash(pieces: &[Piece], paths: &BTreeMap<String, PathState>) -> Option<String> {
    let parts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Some(text.clone()),
        Piece::Secret { file, .. } => paths.get(file)?.sha256.clone(),
    });
    Some(sha256_hex(parts.collect::<Option<String>>()?.as_bytes()))
}
