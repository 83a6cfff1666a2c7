//! How far a long step is, how fast it goes, how long the rest takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::size;
use crate::engine::event::{Event, Reporter};

/// How often it is told.
const TELLING: Duration = Duration::from_millis(500);

/// Tells of one step.
pub struct Pace {
    reporter: Arc<dyn Reporter>,
    step: usize,
    lane: String,
    begun: Instant,
    told: Instant,
}

impl Pace {
    /// Begins to tell.
    pub fn new(reporter: &Arc<dyn Reporter>, step: usize, lane: &str) -> Self {
        let now = Instant::now();
        Self { reporter: Arc::clone(reporter), step, lane: lane.to_owned(), begun: now, told: now }
    }

    /// Hears how many bytes are done, and of how many where that is known.
    pub fn at(&mut self, done: u64, whole: Option<u64>) {
        if self.told.elapsed() > TELLING {
            self.told = Instant::now();
            let text = text(done, whole, self.begun.elapsed());
            self.reporter.report(Event::StepProgress { step: self.step, lane: self.lane.clone(), text });
        }
    }
}

fn text(done: u64, whole: Option<u64>, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let so_far = match whole {
        Some(whole) => format!("{} of {}", size(done), size(whole)),
        None => size(done),
    };
    let left = whole.map(|whole| (whole.saturating_sub(done)) as f64 / rate.max(1.0));
    let left = left.map(|left| format!(", {left:.0} s left")).unwrap_or_default();
    format!("{so_far}, {}/s{left}", size(rate as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_rate_and_time_left() {
        assert_eq!(
            text(200_000_000, Some(1_200_000_000), Duration::from_secs(2)),
            "200.0 MB of 1.20 GB, 100.0 MB/s, 10 s left"
        );
        assert_eq!(text(2_000, None, Duration::from_secs(1)), "2 kB, 2 kB/s");
    }
}
