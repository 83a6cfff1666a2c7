//! Until when something is tried.

use std::time::{Duration, Instant};

/// How long to wait between two looks at something that is about to change.
pub const SOON: Duration = Duration::from_millis(50);

/// A point in time after which waiting ends.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The point `ms` milliseconds from now.
    pub fn after_ms(ms: u64) -> Self {
        // A day is as good as forever, and can't overflow the clock.
        Self(Instant::now() + Duration::from_millis(ms.min(86_400_000)))
    }

    /// The point this long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The time that is left, zero if it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Sleeps for `pause`, or for as long as is left; `false` if nothing was left.
    pub async fn pause(self, pause: Duration) -> bool {
        let left = self.left();
        tokio::time::sleep(pause.min(left)).await;
        !left.is_zero()
    }
}
