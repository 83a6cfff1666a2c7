//! Transient units: what goes on in the guest when whoever asked for it is gone.

use protocol::Failure;

use crate::run::run;

/// A unit that runs this agent.
pub struct Transient<'t> {
    /// Its name, with the suffix.
    pub unit: &'t str,
    /// What it is, for people.
    pub description: &'t str,
    /// What the agent is told.
    pub arguments: &'t [&'t str],
    /// Properties of systemd.
    pub properties: &'t [String],
}

/// Starts a unit now.
pub async fn start(unit: &Transient<'_>) -> Result<(), Failure> {
    launch(unit, &["--service-type=exec".into()]).await
}

/// Starts a unit when some time has passed; `unit.unit` is that of the service, its timer has the same name.
pub async fn start_after(unit: &Transient<'_>, delay_ms: u64) -> Result<(), Failure> {
    launch(unit, &[format!("--on-active={delay_ms}ms"), "--timer-property=AccuracySec=100ms".into()]).await
}

async fn launch(unit: &Transient<'_>, options: &[String]) -> Result<(), Failure> {
    let agent = std::env::current_exe()
        .map_err(|error| Failure::new("distctl-agent", format!("can't tell where it is: {error}")))?;
    let mut arguments = vec![
        "--quiet".to_owned(),
        "--collect".into(),
        "--no-ask-password".into(),
        format!("--unit={}", unit.unit),
        format!("--description={}", unit.description),
    ];
    arguments.extend(options.iter().cloned());
    arguments.extend(unit.properties.iter().map(|property| format!("--property={property}")));
    arguments.push("--".into());
    arguments.push(agent.to_string_lossy().into_owned());
    arguments.extend(unit.arguments.iter().map(|argument| (*argument).to_owned()));
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = run("systemd-run", &words).await?;
    if ran.ok {
        return Ok(());
    }
    Err(Failure::new(unit.unit, format!("systemd-run refused it: {}", ran.last_error())).with_log(ran.errors))
}

/// Stops units and waits for their ends; what is not there is no error.
pub async fn stop(unit: &str) -> Result<(), Failure> {
    let ran = run("systemctl", &["stop", unit]).await?;
    let unknown = ran.errors.iter().any(|line| line.contains("not loaded"));
    if ran.ok || unknown {
        return Ok(());
    }
    Err(Failure::new(unit, format!("can't be stopped: {}", ran.last_error())).with_log(ran.errors))
}
