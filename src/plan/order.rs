//! A plan in the making: steps are only ever added behind what they wait for, so its order is one to follow.

use std::collections::{BTreeMap, BTreeSet};

use super::secrets::{self, Places};
use super::{Action, Cause, Finding, Plan, Step};
use crate::desired::{Desired, File, Scope};
use crate::observed::{Observed, Part};

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub desired: &'a Desired,
    pub observed: &'a Observed,
    pub plan: Plan,
    /// The last step of each lane that later steps of the lane wait for.
    tails: BTreeMap<String, usize>,
    /// Units whose running process was started with something older than what is declared, by container.
    pub outdated: BTreeSet<(String, String)>,
    /// Files that are written later than all others, by container and path: with them, what is written instead where
    /// there is nothing yet.
    pub instead: BTreeMap<(String, String), File>,
    /// The last steps of databases that begin or cease to ask for passwords: every service waits for them.
    pub changing: Vec<usize>,
    /// Whether a database should begin or cease to ask for passwords and can't yet: new releases of services wait.
    pub unready: bool,
    /// The part that is planned.
    pub scope: Scope,
    /// Units that this plan starts, by container.
    pub started: BTreeSet<(String, String)>,
    /// Units whose port another set still counts on, by container: nothing of them is planned yet.
    pub held: BTreeSet<(String, String)>,
    /// Data folders whose member is gone, by container: they are kept, and never used again.
    pub left: BTreeSet<(String, String)>,
    /// Declared units that this plan has stopped since something else ran by that name, by container.
    pub stopped: BTreeSet<(String, String)>,
    /// Units that are not declared and that this plan stops already, by container.
    pub departed: BTreeSet<(String, String)>,
    /// Members that this plan takes out of their sets, by host, and the step that does.
    pub leaving: BTreeMap<String, usize>,
    /// Services that are planned only at the next look.
    pub put_off: BTreeSet<String>,
    /// Where secrets are declared.
    pub secret_places: Places<'a>,
}

impl<'a> Draft<'a> {
    pub fn new(desired: &'a Desired, observed: &'a Observed) -> Self {
        let plan = Plan { topology: desired.name.clone(), ..Plan::default() };
        Self {
            desired,
            observed,
            plan,
            tails: BTreeMap::new(),
            outdated: BTreeSet::new(),
            instead: BTreeMap::new(),
            changing: Vec::new(),
            unready: false,
            scope: Scope::default(),
            started: BTreeSet::new(),
            held: BTreeSet::new(),
            left: BTreeSet::new(),
            stopped: BTreeSet::new(),
            departed: BTreeSet::new(),
            leaving: BTreeMap::new(),
            put_off: BTreeSet::new(),
            secret_places: secrets::places(desired),
        }
    }

    /// Adds a step behind others and gives its index.
    pub fn add(&mut self, action: Action, cause: Cause, after: impl IntoIterator<Item = usize>) -> usize {
        let after: BTreeSet<usize> = after.into_iter().collect();
        self.plan.steps.push(Step { action, cause, after: after.into_iter().collect() });
        self.plan.steps.len() - 1
    }

    /// Adds a step at the end of its own lane and gives its index.
    pub fn chain(&mut self, action: Action, cause: Cause) -> usize {
        let lane = action.lane().to_string();
        let after = self.tail(&lane);
        let index = self.add(action, cause, after);
        self.tails.insert(lane, index);
        index
    }

    /// Lets the next step of a lane wait for another one.
    pub fn wait_for(&mut self, lane: &str, step: usize) {
        self.tails.insert(lane.to_string(), step);
    }

    /// The last step of a lane, if it has one.
    pub fn tail(&self, lane: &str) -> Option<usize> {
        self.tails.get(lane).copied()
    }

    /// Whether the plan writes a file of a container so far.
    pub fn writes(&self, name: &str, path: &str) -> bool {
        let writes = |action: &Action| matches!(action, Action::WriteFiles { container, files, .. } if container == name && files.contains_key(path));
        self.plan.steps.iter().any(|step| writes(&step.action))
    }

    /// What is written of a declared file now, to a place where it is or isn't; `None` where that must wait.
    pub fn for_now<'f>(&'f self, container: &str, path: &str, file: &'f File, is_there: bool) -> Option<&'f File> {
        match self.instead.get(&(container.to_owned(), path.to_owned())) {
            Some(_) if is_there => None,
            Some(instead) => Some(instead),
            None => Some(file),
        }
    }

    /// Whether the file of a unit is written later.
    pub fn is_for_later(&self, container: &str, unit: &str) -> bool {
        self.instead.contains_key(&(container.to_owned(), format!("/etc/systemd/system/{unit}")))
    }

    /// Notes what a plan can't mend.
    pub fn find(&mut self, object: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.plan.findings.push(Finding { object: object.into(), message: message.into(), hint: hint.into() });
    }

    /// Notes what is worth knowing and changes nothing.
    pub fn note(&mut self, object: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.plan.notes.push(Finding { object: object.into(), message: message.into(), hint: hint.into() });
    }

    /// Notes what keeps the whole plan from being carried out.
    pub fn refuse(&mut self, object: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.plan.refusals.push(Finding { object: object.into(), message: message.into(), hint: hint.into() });
    }

    /// What was seen inside a container.
    pub fn guest(&self, container: &str) -> Option<&'a protocol::Inspection> {
        self.observed.guest(container)
    }

    /// Whether a container is neither there nor hidden.
    pub fn is_absent(&self, container: &str) -> bool {
        matches!(self.observed.containers.get(container), None | Some(Part::Absent))
    }
}
