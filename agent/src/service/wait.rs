//! Waiting until a service works.

use std::time::{Duration, Instant};

use protocol::{Failure, Health, HealthCheck, WaitServiceRequest};

use crate::deadline::{Deadline, SOON};
use crate::inspect::units::show;
use crate::units;

use super::health;

/// How long a service that was just begun is asked more often than it wants to be: most answer at once.
const EAGER: Duration = Duration::from_secs(2);

/// Waits until a service that runs already works.
pub async fn wait(request: &WaitServiceRequest) -> Result<(), Failure> {
    let patience = Patience { interval_ms: request.interval_ms, timeout_ms: request.timeout_ms };
    works(&request.unit, request.health.as_ref(), patience).await
}

/// How often a service is asked, and for how long, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub interval_ms: u64,
    pub timeout_ms: u64,
}

/// Waits until a unit is up and its service says that it works.
///
/// # Errors
///
/// Why it doesn't, with the end of its log.
pub async fn works(unit: &str, check: Option<&HealthCheck>, patience: Patience) -> Result<(), Failure> {
    let (deadline, begun) = (Deadline::after_ms(patience.timeout_ms), Instant::now());
    let asked = [unit.to_owned()];
    loop {
        let shown = show(&asked).await?.remove(unit).unwrap_or_default();
        if units::has_failed(&shown) {
            return Err(units::explain(unit, &shown, None, "does not stay up").await);
        }
        let up = units::is_up(&shown, begun.elapsed());
        let said = match check {
            // While systemd has yet to restart it, it is the one before that would answer.
            Some(check) if !shown.has_job && shown.state.active == "active" => health::ask(check).await,
            None if up => return Ok(()),
            _ => Health::Silent("it is still starting".into()),
        };
        let why = match said {
            Health::Working { .. } => return Ok(()),
            Health::Failing(said) => format!("says that it does not work: {said}"),
            Health::Silent(why) => format!("does not answer: {why}"),
        };
        let interval = Duration::from_millis(patience.interval_ms);
        let pause = if begun.elapsed() < EAGER { SOON.min(interval) } else { interval };
        if !deadline.pause(pause).await {
            let cause = format!("does not work after {} s: it {why}", patience.timeout_ms / 1000);
            return Err(units::explain(unit, &shown, None, &cause).await);
        }
    }
}
