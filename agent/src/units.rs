//! Changing units, and waiting until they are what they should be.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::{Failure, UnitsRequest};

use crate::call::progress;
use crate::deadline::{Deadline, SOON};
pub use crate::inspect::units::FOLDER;
use crate::inspect::units::{Shown, show};
use crate::log_tail;
use crate::run::run;

/// How long a unit must stay up that systemd calls active as soon as it is begun.
const SETTLING: Duration = Duration::from_millis(300);

/// Reloads, stops and disables, enables, restarts, starts, and waits for what was begun.
pub async fn change(request: &UnitsRequest) -> Result<(), Failure> {
    let begun = begin(request).await?;
    if begun.is_empty() { Ok(()) } else { wait(request, &begun).await }
}

/// Does the same without waiting, and gives the units that were begun.
pub async fn begin(request: &UnitsRequest) -> Result<Vec<String>, Failure> {
    if request.reload {
        systemctl(&["daemon-reload"], &[]).await?;
    }
    stop(&request.stop).await?;
    let begun: Vec<String> = request.restart.iter().chain(&request.start).cloned().collect();
    if begun.is_empty() {
        return Ok(begun);
    }
    let before = show(&begun).await?;
    check_known(&before)?;
    systemctl(&["enable", "--quiet"], &begun).await?;
    // A unit that gave up earlier is tried anew; the count of its restarts begins at 0.
    systemctl(&["reset-failed"], &begun).await?;
    // A unit that systemd is about to start again is not begun by `start`, and still shows how it ended before.
    let (again, start): (Vec<_>, Vec<_>) = request
        .start
        .iter()
        .cloned()
        .partition(|name| before.get(name).is_some_and(|unit| unit.state.sub == "auto-restart"));
    systemctl(&["restart", "--no-block"], &[request.restart.clone(), again].concat()).await?;
    systemctl(&["start", "--no-block"], &start).await?;
    Ok(begun)
}

async fn stop(units: &[String]) -> Result<(), Failure> {
    let known: Vec<String> = show(units)
        .await?
        .into_iter()
        .filter(|(_, unit)| unit.state.load != "not-found")
        .map(|(name, _)| name)
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    progress(format!("stopping {}", known.join(", ")));
    systemctl(&["disable", "--quiet", "--now"], &known).await
}

fn check_known(units: &BTreeMap<String, Shown>) -> Result<(), Failure> {
    match units.iter().find(|(_, unit)| unit.state.load != "loaded") {
        None => Ok(()),
        Some((name, unit)) => {
            Err(Failure::new(name, format!("can't be started: systemd says it is {}", unit.state.load))
                .with_hint(format!("look with `systemctl status {name}` in the container")))
        }
    }
}

async fn systemctl(arguments: &[&str], units: &[String]) -> Result<(), Failure> {
    let needs_units = arguments != ["daemon-reload"];
    if needs_units && units.is_empty() {
        return Ok(());
    }
    let mut all = arguments.to_vec();
    all.extend(units.iter().map(String::as_str));
    let ran = run("systemctl", &all).await?;
    if ran.ok {
        return Ok(());
    }
    let object = if units.is_empty() { "systemd of the guest".to_owned() } else { units.join(", ") };
    Err(Failure::new(object, format!("`systemctl {}` failed: {}", arguments.join(" "), ran.last_error()))
        .with_log(ran.errors))
}

async fn wait(request: &UnitsRequest, begun: &[String]) -> Result<(), Failure> {
    let (deadline, start) = (Deadline::after_ms(request.timeout_ms), Instant::now());
    loop {
        let units = show(begun).await?;
        if let Some((name, unit)) = units.iter().find(|(_, unit)| has_failed(unit)) {
            return Err(explain(name, unit, request.logs.get(name), "does not stay up").await);
        }
        let Some((name, unit)) = units.iter().find(|(_, unit)| !is_up(unit, start.elapsed())) else {
            return Ok(());
        };
        if !deadline.pause(SOON).await {
            let cause = format!("is not up after {} ms", request.timeout_ms);
            return Err(explain(name, unit, request.logs.get(name), &cause).await);
        }
    }
}

/// Whether a unit's process has ended badly since it was begun, be it that systemd tries again. While systemd has yet to
/// begin it, what shows is how an earlier one ended.
pub fn has_failed(unit: &Shown) -> bool {
    !unit.has_job && (unit.state.active == "failed" || unit.state.sub == "auto-restart" || unit.state.restarts > 0)
}

/// Whether a unit is up, and stays so where only time can tell.
pub fn is_up(unit: &Shown, since: Duration) -> bool {
    if unit.has_job {
        return false;
    }
    // What says itself when it is up need not be watched; the others are called active before they have done anything.
    let says_so = matches!(unit.kind.as_str(), "notify" | "notify-reload" | "forking" | "dbus" | "oneshot");
    let ended_well = unit.kind == "oneshot" && unit.state.active == "inactive" && unit.state.result == "success";
    (unit.state.active == "active" && (says_so || since >= SETTLING)) || (ended_well && since >= SETTLING)
}

/// Says how a unit failed, with the end of its log: of its log file, or of the journal if that says nothing.
pub async fn explain(name: &str, unit: &Shown, log: Option<&String>, cause: &str) -> Failure {
    let state = &unit.state;
    let ended = unit.ended.as_deref().map_or_else(String::new, |ended| format!(", {ended}"));
    let (active, sub, result, restarts) = (&state.active, &state.sub, &state.result, state.restarts);
    let again = if restarts > 0 { format!(", restarted {restarts} times") } else { String::new() };
    let cause = format!("{cause}: {active} ({sub}), result {result}{ended}{again}");
    let mut lines = log.map(|log| log_tail::of_file(Path::new(log))).unwrap_or_default();
    // A mongod that refuses its configuration dies before it opens its log, in which only an earlier life is told.
    // One that systemd has begun again tells in an earlier run why it failed.
    let run = if restarts > 0 { "" } else { &unit.invocation };
    let journal = log_tail::of_unit(name, run).await;
    if lines.is_empty() || journal.iter().any(|line| line.starts_with("F ")) {
        lines = journal;
    }
    let hint = hint(name, unit).unwrap_or_else(|| format!("look with `journalctl --unit {name}` in the container"));
    Failure::new(name, cause).with_log(lines).with_hint(hint)
}

/// What to do about ends whose numbers say it (systemd.exec(5); mongod's own from its manual, "Exit Codes").
fn hint(name: &str, unit: &Shown) -> Option<String> {
    let ended = unit.ended.as_deref()?;
    let mongods = || mongods_hint(ended).filter(|_| name.starts_with("mongod-"));
    let hint = match ended {
        "code=exited status=203" => "its program is not there or can't run in this guest: check the artifact",
        "code=exited status=216" | "code=exited status=217" => "its user or group is not in the guest",
        "code=exited status=127" => "a shared library is missing in the guest: add its package",
        "code=killed status=9" => "it was killed, by hand or for want of memory: raise the container's memory limit",
        _ => return mongods().map(str::to_owned),
    };
    Some(hint.to_owned())
}

fn mongods_hint(ended: &str) -> Option<&'static str> {
    Some(match ended {
        "code=exited status=2" => "mongod refuses an option of its configuration file",
        "code=exited status=48" => "mongod can't listen: something else has its port, or the address is not there",
        "code=exited status=62" => "the data files are of another version of mongod",
        "code=exited status=100" => "mongod can't use its data folder: check its owner, its lock and the disk",
        "code=killed status=4" | "code=dumped status=4" => {
            "the processor lacks AVX, which mongod 5.0 and later need: take a newer machine or mongod 4.4"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::UnitState;

    fn shown(kind: &str, active: &str, sub: &str, restarts: u32) -> Shown {
        let state = UnitState { active: active.into(), sub: sub.into(), restarts, ..UnitState::default() };
        Shown { state: UnitState { result: "success".into(), ..state }, kind: kind.into(), ..Shown::default() }
    }

    #[test]
    fn a_simple_unit_must_stay_up_for_a_while() {
        let simple = shown("simple", "active", "running", 0);
        assert!(!is_up(&simple, Duration::from_millis(10)));
        assert!(is_up(&simple, SETTLING));
        assert!(is_up(&shown("notify", "active", "running", 0), Duration::ZERO));
        assert!(!is_up(&shown("notify", "activating", "start", 0), SETTLING));
        assert!(is_up(&shown("oneshot", "inactive", "dead", 0), SETTLING));
        assert!(!is_up(&shown("simple", "inactive", "dead", 0), SETTLING));
    }

    #[test]
    fn a_unit_that_systemd_starts_again_has_failed() {
        assert!(has_failed(&shown("simple", "activating", "auto-restart", 0)));
        assert!(has_failed(&shown("simple", "active", "running", 1)));
        assert!(!has_failed(&shown("simple", "active", "running", 0)));
        assert!(!has_failed(&Shown { has_job: true, ..shown("simple", "activating", "auto-restart", 0) }));
    }
}
