//! Checks of what a system stands on, each with what to do about it.

use protocol::Inspection;
use serde::Serialize;

use crate::desired::{Container, Desired};
use crate::observed::{Observed, Part, Status};

mod storage;

/// How far a guest's clock may be from this host's, in milliseconds. Logs and leases get hard to read beyond that.
const CLOCK_SKEW: i64 = 2_000;

/// Less than this much free space, in bytes, is worth a warning: mongod stops when it can't write.
const LITTLE_SPACE: u64 = 1 << 30;

/// So little free space, in bytes, that files can't be pushed any more.
const NO_SPACE: u64 = 200 << 20;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `daemon`, `image`, `db1`.
    pub about: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Fine.
    Ok,
    /// It works, but not as one would wish.
    Warning,
    /// It keeps something from working.
    Failure,
}

impl Check {
    /// Something that is fine.
    pub fn ok(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), verdict: Verdict::Ok, text: text.into(), hint: None }
    }

    /// Something worth a look.
    pub fn warning(about: impl Into<String>, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, hint: Some(hint.into()), ..Self::ok(about, text) }
    }

    /// Something that keeps the system from working.
    pub fn failure(about: impl Into<String>, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failure, ..Self::warning(about, text, hint) }
    }
}

/// The worst of all verdicts.
pub fn worst(checks: &[Check]) -> Verdict {
    checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok)
}

/// Checks every declared container from inside. `clock_ms` is between what this host's clock said before and after
/// the guests were asked.
pub fn guests(desired: &Desired, observed: &Observed, clock_ms: (i64, i64)) -> Vec<Check> {
    let part = |wanted: &Container| observed.containers.get(&wanted.name).cloned().unwrap_or(Part::Absent);
    desired.containers.values().flat_map(|wanted| container(desired, wanted, part(wanted), clock_ms)).collect()
}

fn container(
    desired: &Desired,
    wanted: &Container,
    part: Part<crate::observed::Container>,
    clock_ms: (i64, i64),
) -> Vec<Check> {
    let name = &wanted.name;
    let up = format!("run `distctl up --only {name}`");
    let seen = match part {
        Part::Present(seen) => seen,
        Part::Absent => return vec![Check::warning(name, "it is not there", up)],
        Part::Unreachable(why) => return vec![Check::failure(name, why, "see `distctl status`")],
    };
    match seen.guest {
        Part::Present(guest) => guest_checks(desired, name, &guest, clock_ms),
        Part::Unreachable(why) => {
            let hint = format!("look at `distctl logs {name}`; `distctl restart {name}` may bring it back");
            vec![Check::failure(name, format!("its agent does not answer: {why}"), hint)]
        }
        Part::Absent if seen.status == Status::Running => vec![Check::failure(name, "it can't be asked", up)],
        Part::Absent => vec![Check::warning(name, format!("it is {}", seen.status), up)],
    }
}

fn guest_checks(desired: &Desired, name: &str, guest: &Inspection, clock_ms: (i64, i64)) -> Vec<Check> {
    let mut checks: Vec<Check> =
        [systemd(name, guest), avx(desired, name, guest), clock(name, guest, clock_ms), disk(name, guest)]
            .into_iter()
            .flatten()
            .collect();
    checks.extend(storage::checks(name, guest));
    if checks.is_empty() {
        let free = guest.disk_free as f64 / f64::from(1_u32 << 30);
        checks.push(Check::ok(name, format!("its agent answers; systemd is running, {free:.1} GiB free")));
    }
    checks
}

fn systemd(name: &str, guest: &Inspection) -> Option<Check> {
    match guest.systemd.as_deref() {
        Some("running") => None,
        Some(state) => Some(Check::warning(
            name,
            format!("systemd is {state}"),
            format!("see what failed: `distctl exec {name} -- systemctl list-units --failed`"),
        )),
        None => Some(Check::failure(name, "it does not run systemd", "use an image of a whole system, `debian/12`")),
    }
}

/// mongod 5.0 and later dies by an illegal instruction without AVX.
fn avx(desired: &Desired, name: &str, guest: &Inspection) -> Option<Check> {
    let members = desired.replica_sets.values().flat_map(|set| &set.members);
    let mut mongods = members.chain(desired.standalones.values().map(|one| &one.mongod));
    let has_mongod = mongods.any(|mongod| mongod.container == name);
    (has_mongod && !guest.avx).then(|| {
        Check::failure(
            name,
            "its processor has no AVX, which mongod 5.0 and later need",
            "run it on a newer machine, let a virtual machine pass its processor through, or use mongod 4.4",
        )
    })
}

fn clock(name: &str, guest: &Inspection, (before, after): (i64, i64)) -> Option<Check> {
    let ahead = (guest.clock_ms - after).max(0) - (before - guest.clock_ms).max(0);
    (ahead.abs() > CLOCK_SKEW).then(|| {
        let word = if ahead > 0 { "ahead of" } else { "behind" };
        let seconds = ahead.abs() as f64 / 1000.0;
        let text = format!("its clock is {seconds:.1} s {word} this host's");
        Check::warning(name, text, "let both hosts keep their time by NTP: see `timedatectl`")
    })
}

fn disk(name: &str, guest: &Inspection) -> Option<Check> {
    let text = format!("{} MiB of {} MiB are free", guest.disk_free >> 20, guest.disk_total >> 20);
    let hint = "free space in the storage pool, or make it larger: `incus storage info POOL`";
    match guest.disk_free {
        ..NO_SPACE => Some(Check::failure(name, text, hint)),
        NO_SPACE..LITTLE_SPACE => Some(Check::warning(name, text, hint)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Mongod, Standalone};

    fn healthy() -> Inspection {
        Inspection {
            systemd: Some("running".into()),
            clock_ms: 5_000,
            avx: true,
            disk_free: 8 << 30,
            disk_total: 10 << 30,
            ..Inspection::default()
        }
    }

    fn shop() -> Desired {
        let network = crate::desired::Network {
            name: "shop0".into(),
            ipv4: "10.9.0.1/24".parse().unwrap(),
            config: Default::default(),
        };
        Desired {
            name: "shop".into(),
            network,
            containers: Default::default(),
            replica_sets: Default::default(),
            standalones: Default::default(),
            services: Default::default(),
            fragmented: Default::default(),
            incus_ui: None,
        }
    }

    fn single(container: &str) -> (String, Standalone) {
        let mongod = Mongod {
            container: container.into(),
            port: 27017,
            host: "10.9.0.11:27017".into(),
            unit: "mongod-27017.service".into(),
            data: "/var/lib/mongodb/27017".into(),
            log: "/var/log/mongodb/mongod-27017.log".into(),
        };
        ("main".into(), Standalone { name: "main".into(), mongod, access: None })
    }

    fn checks(guest: &Inspection) -> Vec<Check> {
        guest_checks(&shop(), "db1", guest, (4_900, 5_100))
    }

    #[test]
    fn a_healthy_guest_is_one_line() {
        let checks = checks(&healthy());
        assert_eq!((checks.len(), worst(&checks)), (1, Verdict::Ok));
    }

    #[test]
    fn each_thing_amiss_has_its_own_line_and_a_hint() {
        let sick = Inspection { systemd: None, clock_ms: 60_000, disk_free: 500 << 20, ..healthy() };
        let checks = checks(&sick);
        let verdicts: Vec<_> = checks.iter().map(|check| check.verdict).collect();
        assert_eq!(verdicts, [Verdict::Failure, Verdict::Warning, Verdict::Warning]);
        assert!(checks.iter().all(|check| check.hint.is_some()));
        assert!(checks[1].text.contains("54.9 s ahead"), "{}", checks[1].text);
    }

    #[test]
    fn avx_is_asked_for_where_a_mongod_runs() {
        let old = Inspection { avx: false, ..healthy() };
        assert_eq!(worst(&checks(&old)), Verdict::Ok, "nothing there needs it");
        let desired = Desired { standalones: [single("db1")].into(), ..shop() };
        let seen = guest_checks(&desired, "db1", &old, (4_900, 5_100));
        assert_eq!(worst(&seen), Verdict::Failure);
        assert!(seen[0].text.contains("no AVX"), "{}", seen[0].text);
    }

    #[test]
    fn clocks_may_differ_by_a_little_and_by_the_time_it_took_to_ask() {
        for (clock_ms, is_fine) in [(3_000, true), (7_000, true), (2_000, false), (8_000, false)] {
            let seen = clock("db1", &Inspection { clock_ms, ..healthy() }, (4_900, 5_100));
            assert_eq!(seen.is_none(), is_fine, "{clock_ms}");
        }
    }

    #[test]
    fn the_worst_decides() {
        let all = [Check::ok("a", ""), Check::failure("b", "", ""), Check::warning("c", "", "")];
        assert_eq!(worst(&all), Verdict::Failure);
        assert_eq!(worst(&[]), Verdict::Ok);
    }
}
