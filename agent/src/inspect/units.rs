//! What systemd says of units, in one call for all of them.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::{Failure, UnitState};

use crate::run::run;

/// Where distctl puts unit files.
pub const FOLDER: &str = "/etc/systemd/system";

const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,NeedDaemonReload,\
                          MainPID,MemoryCurrent,CPUUsageNSec,Type,ExecMainCode,ExecMainStatus,Job,\
                          InvocationID,ExecMainStartTimestampMonotonic";

/// A unit as systemd shows it, with what only the agent needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// What distctl is told.
    pub state: UnitState,
    /// `Type`: `simple`, `notify`, `oneshot`, ...
    pub kind: String,
    /// How the main process ended: `code=exited status=48`; `None` if it has not.
    pub ended: Option<String>,
    /// Whether systemd has yet to do something with it.
    pub has_job: bool,
    /// `InvocationID`: which run of it this is, or was the last.
    pub invocation: String,
}

/// Whether PID 1 is systemd.
pub fn is_systemd() -> bool {
    std::fs::read_to_string("/proc/1/comm").is_ok_and(|comm| comm.trim() == "systemd")
}

/// What `systemctl is-system-running` says; `None` where PID 1 is not systemd.
pub async fn systemd() -> Option<String> {
    if !is_systemd() {
        return None;
    }
    // Its exit code is 0 for `running` alone; the word is on standard output all the same.
    let said = run("systemctl", &["is-system-running"]).await.ok()?.out.trim().to_owned();
    Some(if said.is_empty() { "unknown".into() } else { said })
}

/// States of the asked units; none where PID 1 is not systemd.
pub async fn states(asked: &[String]) -> Result<BTreeMap<String, UnitState>, Failure> {
    if !is_systemd() {
        return Ok(BTreeMap::new());
    }
    let shown = show(asked).await?;
    Ok(shown.into_iter().map(|(name, shown)| (name, shown.state)).collect())
}

/// The asked units as systemd shows them.
pub async fn show(asked: &[String]) -> Result<BTreeMap<String, Shown>, Failure> {
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut arguments = vec!["show", PROPERTIES, "--"];
    arguments.extend(asked.iter().map(String::as_str));
    let ran = run("systemctl", &arguments).await?;
    if !ran.ok {
        return Err(Failure::new("systemd of the guest", format!("can't be asked: {}", ran.last_error())));
    }
    // One block a unit, in the order of the arguments.
    Ok(asked.iter().cloned().zip(ran.out.split("\n\n").map(parse)).collect())
}

fn parse(block: &str) -> Shown {
    let properties: BTreeMap<&str, &str> = block.lines().filter_map(|line| line.split_once('=')).collect();
    let text = |name: &str| properties.get(name).copied().unwrap_or_default().to_owned();
    let state = UnitState {
        load: text("LoadState"),
        active: text("ActiveState"),
        sub: text("SubState"),
        enabled: text("UnitFileState"),
        result: text("Result"),
        restarts: text("NRestarts").parse().unwrap_or_default(),
        needs_reload: text("NeedDaemonReload") == "yes",
        revision: text("MainPID").parse().ok().filter(|pid| *pid != 0).and_then(revision),
        started_ms: counter(&text("ExecMainStartTimestampMonotonic")).filter(|us| *us != 0).map(wall_ms),
        memory: counter(&text("MemoryCurrent")),
        cpu_ns: counter(&text("CPUUsageNSec")),
    };
    let ended = match text("ExecMainCode").as_str() {
        "1" => Some("exited"),
        "2" => Some("killed"),
        "3" => Some("dumped"),
        _ => None,
    };
    let ended = ended.map(|code| format!("code={code} status={}", text("ExecMainStatus")));
    Shown { state, kind: text("Type"), ended, has_job: !text("Job").is_empty(), invocation: text("InvocationID") }
}

/// Without accounting systemd says `[not set]`, or all bits set.
fn counter(value: &str) -> Option<u64> {
    value.parse().ok().filter(|value| *value != u64::MAX)
}

/// From a point in time by systemd's clock, the monotonic one in microseconds, to the wall's.
fn wall_ms(monotonic_us: u64) -> i64 {
    let now = crate::clock::now();
    now.wall_ms - i64::try_from(now.us.saturating_sub(monotonic_us) / 1_000).unwrap_or(0)
}

fn revision(pid: u32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let environment = String::from_utf8_lossy(&environment);
    environment.split('\0').find_map(|variable| variable.strip_prefix("DISTCTL_REVISION=").map(str::to_owned))
}

/// Unit files in a folder that are named `PREFIX*.service` for one of the prefixes.
pub fn files(folder: impl AsRef<Path>, prefixes: &[String]) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".service") && prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())))
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_show() {
        let shown = parse(
            "Type=simple\nNRestarts=2\nResult=exit-code\nExecMainCode=1\nExecMainStatus=48\nMainPID=0\n\
             MemoryCurrent=[not set]\nCPUUsageNSec=18446744073709551615\nLoadState=loaded\nActiveState=activating\n\
             SubState=auto-restart\nUnitFileState=enabled\nNeedDaemonReload=yes\nJob=",
        );
        assert_eq!(shown.ended.as_deref(), Some("code=exited status=48"));
        assert_eq!((shown.state.memory, shown.state.cpu_ns, shown.state.restarts), (None, None, 2));
        assert_eq!((shown.state.sub.as_str(), shown.state.needs_reload), ("auto-restart", true));
        assert_eq!((shown.state.revision, shown.has_job), (None, false));
        assert!(parse("Job=1234\nType=simple").has_job);
    }

    #[test]
    fn unit_files_by_prefix() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["mongod-27017.service", "mongod-27017.service.d", "mongod.conf", "ssh.service"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(files(folder.path(), &["mongod-".into()]), ["mongod-27017.service"]);
        assert!(files("/nowhere", &["mongod-".into()]).is_empty());
    }
}
