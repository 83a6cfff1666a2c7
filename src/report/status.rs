//! How a system is: containers, replica sets, standalones, services, and what is amiss.

use protocol::Inspection;
use serde::Serialize;

use crate::desired::{Container, Desired, INTERFACE, IncusUi, Mongod, Release, ReplicaSet};
use crate::observed::{self, Observed, Part};
use crate::plan::{Finding, Plan};

/// A whole system at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The topology's name.
    pub topology: String,
    /// Whether all is as declared and works.
    pub healthy: bool,
    /// Containers in the order of their names.
    pub containers: Vec<ContainerStatus>,
    /// mongods: members of sets, then standalones.
    pub mongods: Vec<MongodStatus>,
    /// Services, container by container.
    pub services: Vec<ServiceStatus>,
    /// Incus's own web interface, where it is declared.
    pub incus_ui: Option<UiStatus>,
    /// How many steps `up` would take.
    pub pending_steps: usize,
    /// What can't be seen, or can't be mended by `up`.
    pub findings: Vec<Finding>,
    /// What is worth knowing and neither amiss nor in the way.
    pub notes: Vec<Finding>,
}

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Good,
    /// It works in part, or is on its way.
    Degraded,
    /// It doesn't work.
    Down,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// `running`, `stopped`, `absent`, ...
    pub state: String,
    /// The addresses seen inside, without prefix lengths.
    pub address: String,
    /// Units that are active, of all that are declared: `3/3`.
    pub units: String,
    /// Free space for data in bytes, where it was seen.
    pub disk_free: Option<u64>,
    /// How well it is.
    pub health: Health,
}

/// One mongod.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MongodStatus {
    /// The replica set or standalone that it is.
    pub part_of: String,
    /// The container.
    pub container: String,
    /// `address:port`.
    pub host: String,
    /// `PRIMARY`, `SECONDARY`, `standalone`, `down`, ...
    pub state: String,
    /// Seconds behind the primary.
    pub lag_s: Option<f64>,
    /// By how many seconds it is to be behind, as the topology declares; 0 for most.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_s: u64,
    /// Its version.
    pub version: Option<String>,
    /// How often systemd restarted it by itself.
    pub restarts: Option<u32>,
    /// How well it is.
    pub health: Health,
}

/// A service in one container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub service: String,
    /// The container.
    pub container: String,
    /// `address:port`, where it is asked for its health.
    pub address: Option<String>,
    /// `works`, `up` (nobody asks it), `fails: ...`, `silent: ...`, or what its unit is.
    pub state: String,
    /// The version that it says it is.
    pub version: Option<String>,
    /// How often systemd restarted it by itself.
    pub restarts: Option<u32>,
    /// How well it is.
    pub health: Health,
}

/// Incus's own web interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UiStatus {
    /// Its address for a browser on the server.
    pub url: String,
    /// Where the server listens for HTTPS, as somebody wrote it.
    pub listens_at: Option<String>,
    /// Whether the server has the interface; `None` where that could not be seen.
    pub installed: Option<bool>,
    /// Whether the server trusts the certificate of this user's browser.
    pub browser_trusted: bool,
}

/// Puts together how a system is.
pub fn status(desired: &Desired, observed: &Observed, plan: &Plan) -> Status {
    let containers =
        desired.containers.values().map(|wanted| container(wanted, observed.containers.get(&wanted.name))).collect();
    let members = desired.replica_sets.values().flat_map(|set| members(set, observed));
    let singles = desired.standalones.values().map(|one| single(&one.name, &one.mongod, observed));
    let mut findings = plan.refusals.clone();
    findings.extend(plan.findings.iter().cloned());
    Status {
        topology: desired.name.clone(),
        healthy: plan.is_clean(),
        containers,
        mongods: members.chain(singles).collect(),
        services: services(desired, observed),
        incus_ui: desired.incus_ui.map(|wanted| ui(wanted, observed)),
        pending_steps: plan.steps.len(),
        findings,
        notes: plan.notes.clone(),
    }
}

fn ui(wanted: IncusUi, observed: &Observed) -> UiStatus {
    let seen = observed.incus_ui.seen();
    let browser = |seen: &observed::IncusUi| seen.certificates.contains_key(seen.browser.as_deref()?).then_some(());
    UiStatus {
        url: wanted.url(),
        listens_at: seen.and_then(|seen| seen.address.clone()),
        installed: seen.map(|seen| seen.installed),
        browser_trusted: seen.and_then(browser).is_some(),
    }
}

fn container(wanted: &Container, part: Option<&Part<observed::Container>>) -> ContainerStatus {
    let mut status = ContainerStatus {
        name: wanted.name.clone(),
        state: "absent".into(),
        address: String::new(),
        units: String::new(),
        disk_free: None,
        health: Health::Down,
    };
    match part {
        None | Some(Part::Absent) => {}
        Some(Part::Unreachable(why)) => status.state = format!("unknown: {why}"),
        Some(Part::Present(seen)) => {
            status.state = seen.status.to_string();
            match &seen.guest {
                Part::Present(guest) => look_inside(&mut status, wanted, guest),
                Part::Unreachable(why) => status.state = format!("{}, but {why}", seen.status),
                Part::Absent => {}
            }
        }
    }
    status
}

fn look_inside(status: &mut ContainerStatus, wanted: &Container, guest: &Inspection) {
    let addresses = guest.addresses.get(INTERFACE).cloned().unwrap_or_default();
    let plain: Vec<&str> = addresses.iter().filter_map(|address| address.split('/').next()).collect();
    let right = plain.iter().any(|address| *address == wanted.ipv4.to_string());
    let units: Vec<&String> = wanted.all_units().collect();
    let active = |unit: &&&String| guest.units.get(**unit).is_some_and(|seen| seen.active == "active");
    let active = units.iter().filter(active).count();
    status.address = plain.join(", ");
    status.units = if units.is_empty() { String::new() } else { format!("{active}/{}", units.len()) };
    status.disk_free = Some(guest.disk_free);
    status.health = if right && active == units.len() { Health::Good } else { Health::Degraded };
}

fn services(desired: &Desired, observed: &Observed) -> Vec<ServiceStatus> {
    let places =
        desired.services.values().flat_map(|service| service.containers.iter().map(move |host| (service, host)));
    places
        .filter_map(|(service, host)| {
            let release = desired.containers.get(host)?.releases.get(&service.name)?;
            Some(one_service(host, release, observed.guest(host)))
        })
        .collect()
}

fn one_service(container: &str, release: &Release, guest: Option<&Inspection>) -> ServiceStatus {
    let unit = guest.and_then(|guest| guest.units.get(&release.unit));
    let said = guest.and_then(|guest| guest.services.get(&release.service));
    let (state, health) = match (unit.map(|unit| unit.active.as_str()), said) {
        (None, _) => ("unknown".to_owned(), Health::Down),
        (Some("active"), Some(protocol::Health::Working { .. })) => ("works".to_owned(), Health::Good),
        (Some("active"), Some(protocol::Health::Failing(said))) => (format!("fails: {said}"), Health::Degraded),
        (Some("active"), Some(protocol::Health::Silent(why))) => (format!("silent: {why}"), Health::Down),
        (Some("active"), None) => ("up".to_owned(), Health::Good),
        (Some(_), _) if unit.is_some_and(|unit| unit.load == "not-found") => ("absent".to_owned(), Health::Down),
        (Some(other), _) => (other.to_owned(), Health::Down),
    };
    ServiceStatus {
        service: release.service.clone(),
        container: container.to_owned(),
        address: release.health.as_ref().map(|check| check.host.clone()),
        state,
        version: said.and_then(|said| match said {
            protocol::Health::Working { version } => version.clone(),
            _ => None,
        }),
        restarts: unit.map(|unit| unit.restarts),
        health,
    }
}

fn mongod<'a>(observed: &'a Observed, mongod: &Mongod) -> Option<&'a protocol::Mongod> {
    observed.guest(&mongod.container)?.mongods.get(&mongod.port)?.as_ref().ok()
}

fn members(set: &ReplicaSet, observed: &Observed) -> Vec<MongodStatus> {
    let seen: Vec<Option<&protocol::Mongod>> = set.members.iter().map(|member| mongod(observed, member)).collect();
    // The primary knows the others best; without one, anybody's view serves.
    let view = seen.iter().flatten().find(|mongod| mongod.writable).or_else(|| seen.iter().flatten().next());
    // Each is asked for its own time: the primary hears of it only with a heartbeat. One that has just started has none: 0.
    let optime = |host: &str, mongod: &protocol::Mongod| {
        mongod.members.iter().find(|member| member.host == host)?.optime_ms.filter(|at| *at > 0)
    };
    let newest = view.and_then(|view| view.members.iter().filter_map(|member| member.optime_ms).max());
    set.members
        .iter()
        .zip(&seen)
        .map(|(member, seen)| {
            let known = view.and_then(|view| view.members.iter().find(|known| known.host == member.host));
            let state = match (seen, known) {
                (None, _) => "down".to_string(),
                (Some(mongod), _) if mongod.writable => "PRIMARY".to_string(),
                (Some(mongod), _) if mongod.secondary => "SECONDARY".to_string(),
                (Some(_), Some(known)) => known.state.clone(),
                (Some(_), None) => "not in the set".to_string(),
            };
            let own = seen.and_then(|mongod| optime(&member.host, mongod));
            let lag = newest.zip(own).map(|(newest, own)| (newest - own).max(0) as f64 / 1000.0);
            let declared = set.config.members.iter().find(|declared| declared.host == member.host);
            let delay_s = declared.map_or(0, |declared| u64::try_from(declared.secondary_delay_secs).unwrap_or(0));
            MongodStatus { delay_s, ..row(&set.name, member, state, lag, *seen, observed) }
        })
        .collect()
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn single(name: &str, wanted: &Mongod, observed: &Observed) -> MongodStatus {
    let seen = mongod(observed, wanted);
    let state = if seen.is_some() { "standalone" } else { "down" };
    row(name, wanted, state.to_string(), None, seen, observed)
}

fn row(
    part_of: &str,
    wanted: &Mongod,
    state: String,
    lag_s: Option<f64>,
    seen: Option<&protocol::Mongod>,
    observed: &Observed,
) -> MongodStatus {
    let unit = observed.guest(&wanted.container).and_then(|guest| guest.units.get(&wanted.unit));
    let health = match state.as_str() {
        "PRIMARY" | "SECONDARY" | "standalone" => Health::Good,
        "down" => Health::Down,
        _ => Health::Degraded,
    };
    MongodStatus {
        part_of: part_of.to_string(),
        container: wanted.container.clone(),
        host: wanted.host.clone(),
        state,
        lag_s,
        delay_s: 0,
        version: seen.map(|mongod| mongod.version.clone()),
        restarts: unit.map(|unit| unit.restarts),
        health,
    }
}
