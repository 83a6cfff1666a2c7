//! A mongod that is stopped, killed, or held.

use protocol::{Failure, FaultMember};

use crate::inspect::units::show;
use crate::run::run;

/// Fails unless the mongod runs.
pub async fn check(member: &FaultMember) -> Result<Option<String>, Failure> {
    let shown = show(std::slice::from_ref(&member.unit)).await?;
    match shown.get(&member.unit).map(|unit| unit.state.active.as_str()) {
        Some("active") => Ok(None),
        state => Err(Failure::new(&member.unit, format!("is {}, so it can't be broken", state.unwrap_or("unknown")))
            .with_hint("bring the system up first: `distctl up`")),
    }
}

/// `systemctl stop`, which waits until it has ended.
pub async fn stop(member: &FaultMember) -> Result<(), Failure> {
    systemctl(&["stop", &member.unit]).await
}

/// Sends a signal to all processes of the unit.
pub async fn signal(member: &FaultMember, signal: &str) -> Result<(), Failure> {
    systemctl(&["kill", &format!("--signal={signal}"), &member.unit]).await
}

/// Starts it unless it runs; one that systemd is about to start by itself is started now.
pub async fn start(member: &FaultMember) -> Result<(), Failure> {
    let shown = show(std::slice::from_ref(&member.unit)).await?;
    let state = shown.get(&member.unit).map(|unit| (unit.state.active.as_str(), unit.state.sub.as_str()));
    match state {
        Some(("active", _)) => Ok(()),
        Some(("activating", "auto-restart")) => systemctl(&["restart", "--no-block", &member.unit]).await,
        _ => {
            systemctl(&["reset-failed", &member.unit]).await?;
            systemctl(&["start", "--no-block", &member.unit]).await
        }
    }
}

/// Lets it go on; one that was killed meanwhile is started.
pub async fn go_on(member: &FaultMember) -> Result<(), Failure> {
    // Where no process is left there is nothing to let go on.
    let _ = signal(member, "CONT").await;
    start(member).await
}

async fn systemctl(arguments: &[&str]) -> Result<(), Failure> {
    let ran = run("systemctl", arguments).await?;
    if ran.ok {
        return Ok(());
    }
    let object = arguments.last().copied().unwrap_or_default();
    Err(Failure::new(object, format!("`systemctl {}` failed: {}", arguments.join(" "), ran.last_error())))
}
