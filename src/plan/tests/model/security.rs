//! Who asks for passwords: every mongod as its configuration said when it was started.

use std::collections::BTreeMap;

use protocol::{Access, Security};

use crate::desired::{Content, Desired, File, Mongod};
use crate::observed::Part;
use crate::plan::Plan;

use super::World;

/// Texts on disk, and what runs.
#[derive(Debug, Clone, Default)]
pub struct Securities {
    /// Texts by container and path.
    disk: BTreeMap<(String, String), String>,
    /// By container and unit.
    runs: BTreeMap<(String, String), Security>,
}

impl World {
    /// Notes texts that are written.
    pub(super) fn note_texts(&mut self, container: &str, files: &BTreeMap<String, File>) {
        for (path, file) in files {
            if let Content::Bytes(bytes) = &file.content {
                let text = String::from_utf8(bytes.clone()).unwrap();
                self.securities.disk.insert((container.into(), path.clone()), text);
            }
        }
    }

    /// Starts units with what is on disk.
    pub fn take_up(&mut self, container: &str, units: &[String]) {
        for unit in units {
            if let Some(security) = self.on_disk(container, unit) {
                self.securities.runs.insert((container.into(), unit.clone()), security);
            }
            let text = self.text(container, &format!("/etc/systemd/system/{unit}"));
            let line = |text: &str| Some(text.split_once("DISTCTL_REVISION=")?.1.lines().next()?.to_owned());
            if let (Some(revision), Some(known)) = (text.and_then(line), self.guest(container).units.get_mut(unit)) {
                known.revision = Some(revision);
            }
        }
    }

    /// Restarts a mongod as somebody does who has changed its configuration by hand.
    pub fn restart_as(&mut self, mongod: &Mongod, security: Security, desired: &Desired) {
        self.securities.runs.insert((mongod.container.clone(), mongod.unit.clone()), security);
        self.refresh(desired);
    }

    fn text(&self, container: &str, path: &str) -> Option<&str> {
        self.securities.disk.get(&(container.to_owned(), path.to_owned())).map(String::as_str)
    }

    /// What the next start of a mongod will ask for; `None` where its configuration is not known as a text.
    fn on_disk(&self, container: &str, unit: &str) -> Option<Security> {
        let conf = self.text(container, &format!("/etc/distctl/{}.conf", unit.strip_suffix(".service")?))?;
        Some(match conf {
            text if text.contains("transitionToAuth: true") => Security::Transition,
            text if text.contains("authorization: enabled") => Security::Enforced,
            _ => Security::Open,
        })
    }

    /// What a running mongod asks for.
    pub fn security(&self, mongod: &Mongod) -> Option<Security> {
        self.securities.runs.get(&(mongod.container.clone(), mongod.unit.clone())).copied()
    }

    /// Lets every mongod answer as it was started, and be understood or not.
    pub(super) fn refresh_security(&mut self, desired: &Desired) {
        let sets = desired.replica_sets.values().map(|set| set.members.iter().collect::<Vec<_>>());
        let singles = desired.standalones.values().map(|single| vec![&single.mongod]);
        for members in sets.chain(singles) {
            let kinds: Vec<_> = members.iter().map(|member| self.security(member)).collect();
            let split = kinds.contains(&Some(Security::Open)) && kinds.contains(&Some(Security::Enforced));
            for (member, kind) in members.iter().zip(&kinds) {
                let Some(kind) = *kind else { continue };
                let apart = split && kind != Security::Transition && Some(kind) != kinds[0];
                self.answer_as(member, kind, apart);
            }
        }
    }

    fn answer_as(&mut self, member: &Mongod, kind: Security, apart: bool) {
        let Some(Part::Present(container)) = self.seen.containers.get_mut(&member.container) else { return };
        let Part::Present(guest) = &mut container.guest else { return };
        let Some(Ok(seen)) = guest.mongods.get_mut(&member.port) else { return };
        let has_users = seen.users.as_ref().is_some_and(|users| !users.is_empty());
        seen.security = Some(kind);
        seen.knows_us = has_users;
        match kind {
            Security::Enforced if !has_users => (seen.access, seen.users) = (Access::NoUsers, None),
            _ => _ = seen.users.get_or_insert_default(),
        }
        if kind != Security::Enforced {
            seen.access = Access::Granted;
        }
        if apart {
            (seen.writable, seen.secondary, seen.primary) = (false, true, None);
        }
    }

    /// Carries out the first steps of a plan, and asserts after each that no member and no service is locked out.
    pub fn carry_out_changing(&mut self, count: usize, plan: &Plan, desired: &Desired, keyed: &Desired) {
        for step in plan.steps.iter().take(count) {
            self.perform(&step.action, desired);
            self.refresh(desired);
            self.assert_understood(desired);
            self.assert_served(desired, keyed);
        }
    }

    /// Asserts that services have passwords where they are asked for them, and only where their users are known.
    fn assert_served(&self, desired: &Desired, keyed: &Desired) {
        let members = desired.replica_sets.values().flat_map(|set| &set.members);
        let mongods = || members.clone().chain(desired.standalones.values().map(|single| &single.mongod));
        let asked = mongods().any(|mongod| self.security(mongod) == Some(Security::Enforced));
        let knows_nobody = |mongod: &Mongod| {
            let guest = self.seen.guest(&mongod.container);
            let seen = guest.and_then(|guest| guest.mongods.get(&mongod.port)?.as_ref().ok());
            seen.is_some_and(|seen| seen.users.as_ref().is_none_or(|users| users.is_empty()))
        };
        let nobody = mongods().any(knows_nobody);
        for (name, container) in &keyed.containers {
            for release in container.releases.values() {
                let Some(unit) = self.seen.guest(name).and_then(|guest| guest.units.get(&release.unit)) else {
                    continue;
                };
                let has_password = unit.revision.as_ref() == Some(&release.revision);
                assert!(has_password || !asked, "{} is asked for a password and has none", release.service);
                assert!(!has_password || !nobody, "{} has a password that nobody knows", release.service);
            }
        }
    }

    /// Asserts that all members of a set understand each other now, and that each will if it is started again.
    pub fn assert_understood(&self, desired: &Desired) {
        let apart = |one: Security, other: Security| one != other && ![one, other].contains(&Security::Transition);
        for set in desired.replica_sets.values() {
            for (at, one) in set.members.iter().enumerate() {
                for other in set.members.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, other)| other) {
                    let (Some(runs), Some(others)) = (self.security(one), self.security(other)) else { continue };
                    assert!(!apart(runs, others), "{} and {} don't understand each other", one.host, other.host);
                    let next = self.on_disk(&one.container, &one.unit).unwrap();
                    assert!(!apart(next, others), "{} would come back as {next:?} among {others:?}", one.host);
                }
            }
        }
    }
}
