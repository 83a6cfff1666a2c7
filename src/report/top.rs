//! What containers, units and mongods use at one moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::Inspection;
use serde::Serialize;

use super::status::{MongodStatus, status};
use crate::desired::{Container, Desired};
use crate::observed::{Observed, Part};
use crate::plan::{Options, diff};

/// A whole system at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Top {
    /// The topology's name.
    pub topology: String,
    /// Containers in the order of their names.
    pub containers: Vec<ContainerLoad>,
    /// Declared units in the order of containers and names.
    pub units: Vec<UnitLoad>,
    /// mongods: members of sets, then standalones.
    pub mongods: Vec<MongodStatus>,
}

/// What a container uses. Numbers that nobody counts are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerLoad {
    /// Its name.
    pub name: String,
    /// `running`, `stopped`, `absent`, ...
    pub state: String,
    /// Percent of one processor since the last look.
    pub cpu_percent: Option<f64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of disk.
    pub disk: Option<u64>,
    /// Bytes free for data.
    pub disk_free: Option<u64>,
}

/// What a unit uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitLoad {
    /// The container.
    pub container: String,
    /// The unit.
    pub unit: String,
    /// `active`, `failed`, `unknown`, ...
    pub state: String,
    /// Percent of one processor since the last look.
    pub cpu_percent: Option<f64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// How often systemd restarted it by itself.
    pub restarts: Option<u32>,
}

/// What the daemon counts of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processor time in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Disk space in bytes.
    pub disk: Option<u64>,
}

/// One look at a system.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When it ended.
    pub taken: Instant,
    /// What was seen.
    pub observed: Observed,
    /// What the daemon counts, by container.
    pub counts: BTreeMap<String, Counts>,
}

/// Puts together what a system uses; percents need the look before this one.
pub fn top(desired: &Desired, before: Option<&Sample>, now: &Sample) -> Top {
    let plan = diff(desired, &now.observed, &Options::default());
    let units = desired.containers.values().flat_map(|wanted| wanted.all_units().map(move |unit| (wanted, unit)));
    Top {
        topology: desired.name.clone(),
        containers: desired.containers.values().map(|wanted| container(wanted, before, now)).collect(),
        units: units.map(|(wanted, name)| unit(wanted, name, before, now)).collect(),
        mongods: status(desired, &now.observed, &plan).mongods,
    }
}

fn container(wanted: &Container, before: Option<&Sample>, now: &Sample) -> ContainerLoad {
    let state = match now.observed.containers.get(&wanted.name) {
        None | Some(Part::Absent) => "absent".to_string(),
        Some(Part::Unreachable(_)) => "unknown".to_string(),
        Some(Part::Present(seen)) => seen.status.to_string(),
    };
    let counts = now.counts.get(&wanted.name).copied().unwrap_or_default();
    let guest = now.guest(&wanted.name);
    ContainerLoad {
        name: wanted.name.clone(),
        state,
        cpu_percent: percent_since(before, now, |sample| sample.container_cpu(wanted)),
        memory: counts.memory.or_else(|| sum(wanted, guest?, |unit| unit.memory)),
        disk: counts.disk,
        disk_free: guest.map(|guest| guest.disk_free),
    }
}

fn unit(wanted: &Container, name: &str, before: Option<&Sample>, now: &Sample) -> UnitLoad {
    let seen = now.guest(&wanted.name).and_then(|guest| guest.units.get(name));
    UnitLoad {
        container: wanted.name.clone(),
        unit: name.to_string(),
        state: seen.map_or("unknown", |unit| &unit.active).to_string(),
        cpu_percent: percent_since(before, now, |sample| sample.guest(&wanted.name)?.units.get(name)?.cpu_ns),
        memory: seen.and_then(|unit| unit.memory),
        restarts: seen.map(|unit| unit.restarts),
    }
}

impl Sample {
    fn guest(&self, container: &str) -> Option<&Inspection> {
        self.observed.guest(container)
    }

    /// What the daemon counts, or what systemd counts of the declared units.
    fn container_cpu(&self, wanted: &Container) -> Option<u64> {
        let counted = self.counts.get(&wanted.name).and_then(|counts| counts.cpu_ns);
        counted.or_else(|| sum(wanted, self.guest(&wanted.name)?, |unit| unit.cpu_ns))
    }
}

/// Adds up what is known of the declared units; `None` where nothing is.
fn sum(wanted: &Container, guest: &Inspection, of: impl Fn(&protocol::UnitState) -> Option<u64>) -> Option<u64> {
    let known = wanted.all_units().filter_map(|name| of(guest.units.get(name)?));
    known.reduce(|one, other| one.saturating_add(other))
}

fn percent_since(before: Option<&Sample>, now: &Sample, of: impl Fn(&Sample) -> Option<u64>) -> Option<f64> {
    let before = before?;
    percent(of(before)?, of(now)?, now.taken.saturating_duration_since(before.taken))
}

/// Processor time of a span as percent of one processor. A counter that went back belongs to something that was
/// started anew: nothing is known then.
fn percent(before_ns: u64, now_ns: u64, span: Duration) -> Option<f64> {
    let used = now_ns.checked_sub(before_ns)?;
    (!span.is_zero()).then(|| 100.0 * Duration::from_nanos(used).as_secs_f64() / span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn percent_is_of_one_processor() {
        assert_eq!(percent(1_000_000_000, 1_500_000_000, SECOND), Some(50.0));
        assert_eq!(percent(0, 3_000_000_000, 2 * SECOND), Some(150.0));
        assert_eq!(percent(7, 7, SECOND), Some(0.0));
    }

    #[test]
    fn nothing_is_known_after_a_restart_or_in_no_time() {
        assert_eq!(percent(10, 5, SECOND), None);
        assert_eq!(percent(5, 10, Duration::ZERO), None);
    }

    fn wanted(units: &[&str]) -> Container {
        let unit = desired_unit();
        Container {
            name: "db1".into(),
            ipv4: [10, 0, 0, 2].into(),
            images: Vec::new(),
            config: BTreeMap::new(),
            devices: BTreeMap::new(),
            packages: Vec::new(),
            system_users: Vec::new(),
            directories: Vec::new(),
            files: BTreeMap::new(),
            units: units.iter().map(|name| (name.to_string(), unit.clone())).collect(),
            releases: BTreeMap::new(),
            transitions: BTreeMap::new(),
        }
    }

    fn desired_unit() -> crate::desired::Unit {
        crate::desired::Unit { revision: None, reads: Vec::new(), log: None }
    }

    fn sample(taken: Instant, counted: Option<u64>, units: &[(&str, Option<u64>)]) -> Sample {
        let unit = |cpu_ns| protocol::UnitState { active: "active".into(), cpu_ns, ..Default::default() };
        let units = units.iter().map(|(name, cpu_ns)| (name.to_string(), unit(*cpu_ns))).collect();
        let container = crate::observed::Container {
            status: crate::observed::Status::Running,
            config: BTreeMap::new(),
            devices: BTreeMap::new(),
            guest: Part::Present(Box::new(Inspection { units, ..Inspection::default() })),
            ..crate::observed::Container::default()
        };
        let observed = Observed {
            network: Part::Absent,
            containers: [("db1".to_string(), Part::Present(container))].into(),
            taken: BTreeMap::new(),
            incus_ui: Part::Absent,
            ..Observed::default()
        };
        let counts = Counts { cpu_ns: counted, ..Counts::default() };
        Sample { taken, observed, counts: [("db1".to_string(), counts)].into() }
    }

    #[test]
    fn units_stand_in_where_the_daemon_counts_nothing() {
        let wanted = wanted(&["a.service", "b.service", "c.service"]);
        let begun = Instant::now();
        let half = Some(500_000_000);
        let before = sample(begun, None, &[("a.service", Some(0)), ("b.service", Some(0)), ("c.service", None)]);
        let now = sample(begun + SECOND, None, &[("a.service", half), ("b.service", half), ("c.service", None)]);
        assert_eq!(container(&wanted, Some(&before), &now).cpu_percent, Some(100.0));
        assert_eq!(unit(&wanted, "a.service", Some(&before), &now).cpu_percent, Some(50.0));
        assert_eq!(unit(&wanted, "c.service", Some(&before), &now).cpu_percent, None);
    }

    #[test]
    fn the_daemon_counts_more_than_units_do() {
        let wanted = wanted(&["a.service"]);
        let begun = Instant::now();
        let before = sample(begun, Some(0), &[("a.service", Some(0))]);
        let now = sample(begun + SECOND, Some(250_000_000), &[("a.service", Some(1))]);
        assert_eq!(container(&wanted, Some(&before), &now).cpu_percent, Some(25.0));
        assert_eq!(container(&wanted, None, &now).cpu_percent, None);
    }
}
