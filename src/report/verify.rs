//! One answer about a whole system: whether all of it works, is where it belongs, and is as declared.

use serde::Serialize;

use super::status::{Health, MongodStatus, Status};
use crate::verdict::Verdict;

/// How far a secondary may be behind, in seconds: twice the 10 s after which the primary slows writers down for it
/// (`flowControlTargetLagSeconds`) is far from healthy.
const LAG_S: f64 = 10.0;

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The topology's name.
    pub topology: String,
    /// The worst of all checks.
    pub verdict: Verdict,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What it is: `containers`, `rsA`, `fragments of products`.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What was seen, in one line.
    pub seen: String,
}

impl Check {
    /// Makes one.
    pub fn new(name: impl Into<String>, verdict: Verdict, seen: impl Into<String>) -> Self {
        Self { name: name.into(), verdict, seen: seen.into() }
    }

    /// Everything that is amiss fails it; what can't be seen leaves it open.
    fn of(name: impl Into<String>, good: String, amiss: Vec<String>, unseen: Vec<String>) -> Self {
        match (amiss.is_empty(), unseen.is_empty()) {
            (true, true) => Self::new(name, Verdict::Pass, good),
            (true, false) => Self::new(name, Verdict::Unknown, unseen.join("; ")),
            (false, _) => Self::new(name, Verdict::Fail, [amiss, unseen].concat().join("; ")),
        }
    }
}

/// Puts the answer together: from how the system is, what tests have left in which container, and what was found in
/// fragments.
pub fn verify(status: &Status, faults: &[String], fragments: Vec<Check>) -> Verification {
    let mut checks = vec![containers(status)];
    let mut sets: Vec<&str> = status.mongods.iter().map(|one| one.part_of.as_str()).collect();
    sets.dedup();
    checks.extend(sets.into_iter().map(|set| mongods(status, set)));
    let mut services: Vec<&str> = status.services.iter().map(|one| one.service.as_str()).collect();
    services.dedup();
    checks.extend(services.into_iter().map(|service| self::service(status, service)));
    checks.extend(fragments);
    checks.push(left(faults));
    checks.push(plan(status));
    let verdict = checks.iter().map(|check| check.verdict).max().unwrap_or_default();
    Verification { topology: status.topology.clone(), verdict, checks }
}

fn containers(status: &Status) -> Check {
    let amiss = status.containers.iter().filter(|one| one.health != Health::Good);
    let amiss = amiss.map(|one| match one.state.as_str() {
        "running" => format!("{} has {} units up and the address {}", one.name, one.units, or_none(&one.address)),
        state => format!("{} is {state}", one.name),
    });
    let good = format!("{} run, with their addresses and units", status.containers.len());
    Check::of("containers", good, amiss.collect(), Vec::new())
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn mongods(status: &Status, set: &str) -> Check {
    let members: Vec<_> = status.mongods.iter().filter(|one| one.part_of == set).collect();
    let sick = members.iter().filter(|one| one.health != Health::Good);
    let mut amiss: Vec<String> = sick.map(|one| format!("{} is {}", one.host, one.state)).collect();
    let late = members.iter().filter(|one| beyond(one) > LAG_S);
    amiss.extend(late.map(|one| format!("{} is {:.0} s behind", one.host, one.lag_s.unwrap_or_default())));
    let is_set = members.iter().any(|one| one.state != "standalone");
    if is_set && amiss.is_empty() && members.iter().all(|one| one.state != "PRIMARY") {
        amiss.push("no member is primary".to_owned());
    }
    let lag = members.iter().map(|one| beyond(one)).fold(0.0, f64::max);
    let good = match is_set {
        true => format!("{} members serve, one leads, lag {lag:.1} s at most", members.len()),
        false => "it serves".to_owned(),
    };
    Check::of(set, good, amiss, Vec::new())
}

/// By how many seconds a member is behind what is declared.
fn beyond(member: &MongodStatus) -> f64 {
    member.lag_s.map_or(0.0, |lag| (lag - member.delay_s as f64).max(0.0))
}

fn service(status: &Status, service: &str) -> Check {
    let places: Vec<_> = status.services.iter().filter(|one| one.service == service).collect();
    let sick = places.iter().filter(|one| one.health != Health::Good);
    let amiss = sick.map(|one| format!("in {}: {}", one.container, one.state)).collect();
    let asked = places.iter().filter(|one| one.state == "works").count();
    let good = match asked {
        0 => "its unit is up; nothing asks whether it works".to_owned(),
        _ => format!("it works in {}", places.iter().map(|one| one.container.as_str()).collect::<Vec<_>>().join(", ")),
    };
    Check::of(service, good, amiss, Vec::new())
}

fn left(faults: &[String]) -> Check {
    let amiss = faults.iter().map(|left| format!("{left}: run `distctl heal`")).collect();
    Check::of("faults", "none is left of a test".to_owned(), amiss, Vec::new())
}

fn plan(status: &Status) -> Check {
    let steps =
        (status.pending_steps > 0).then(|| format!("{} steps are to do: see `distctl plan`", status.pending_steps));
    let unseen = status.findings.iter().map(ToString::to_string).collect();
    Check::of("plan", "nothing is to do".to_owned(), steps.into_iter().collect(), unseen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::status::ContainerStatus;

    fn member(port: u16, state: &str, lag_s: f64) -> MongodStatus {
        MongodStatus {
            part_of: "rsA".into(),
            container: "db1".into(),
            host: format!("10.1.1.2:{port}"),
            state: state.into(),
            lag_s: Some(lag_s),
            delay_s: 0,
            version: None,
            restarts: Some(0),
            health: Health::Good,
        }
    }

    fn healthy() -> Status {
        Status {
            topology: "products".into(),
            healthy: true,
            containers: vec![ContainerStatus {
                name: "db1".into(),
                state: "running".into(),
                address: "10.1.1.2".into(),
                units: "3/3".into(),
                disk_free: None,
                health: Health::Good,
            }],
            mongods: vec![member(1, "PRIMARY", 0.0), member(2, "SECONDARY", 0.2), member(3, "SECONDARY", 0.0)],
            services: Vec::new(),
            incus_ui: None,
            pending_steps: 0,
            findings: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn verdicts(status: &Status, faults: &[String], fragments: Vec<Check>) -> (Verdict, Vec<String>) {
        let answer = verify(status, faults, fragments);
        let lines = answer.checks.iter().filter(|check| check.verdict != Verdict::Pass);
        (answer.verdict, lines.map(|check| format!("{}: {}", check.name, check.seen)).collect())
    }

    #[test]
    fn a_healthy_system_passes() {
        assert_eq!(verdicts(&healthy(), &[], Vec::new()), (Verdict::Pass, Vec::new()));
    }

    #[test]
    fn a_member_that_is_behind_fails() {
        let mut status = healthy();
        status.mongods[2].lag_s = Some(31.0);
        assert_eq!(verdicts(&status, &[], Vec::new()), (Verdict::Fail, vec!["rsA: 10.1.1.2:3 is 31 s behind".into()]));
    }

    #[test]
    fn a_member_with_a_delay_is_behind_only_beyond_that() {
        let mut status = healthy();
        (status.mongods[2].lag_s, status.mongods[2].delay_s) = (Some(36.0), 30);
        assert_eq!(verdicts(&status, &[], Vec::new()).0, Verdict::Pass);
        status.mongods[2].lag_s = Some(45.0);
        assert_eq!(verdicts(&status, &[], Vec::new()).0, Verdict::Fail);
    }

    #[test]
    fn a_set_without_a_primary_fails() {
        let mut status = healthy();
        status.mongods[0].state = "SECONDARY".into();
        assert_eq!(verdicts(&status, &[], Vec::new()), (Verdict::Fail, vec!["rsA: no member is primary".into()]));
    }

    #[test]
    fn what_is_to_do_or_left_fails() {
        let status = Status { pending_steps: 2, ..healthy() };
        let (verdict, lines) = verdicts(&status, &["db1 carries a fault".into()], Vec::new());
        assert_eq!(verdict, Verdict::Fail);
        assert_eq!(
            lines,
            ["faults: db1 carries a fault: run `distctl heal`", "plan: 2 steps are to do: see `distctl plan`"]
        );
    }

    #[test]
    fn a_fragment_that_is_away_leaves_it_open() {
        let away = Check::new("fragments of products", Verdict::Unknown, "rsB can't be read");
        assert_eq!(verdicts(&healthy(), &[], vec![away]).0, Verdict::Unknown);
    }
}
