//! What time it is, for histories.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::When;
use rustix::time::{ClockId, clock_gettime};

/// Now, by both clocks.
pub fn now() -> When {
    let monotonic = clock_gettime(ClockId::Monotonic);
    let us = u64::try_from(monotonic.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(monotonic.tv_nsec / 1_000).unwrap_or(0);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    When { us, wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
}

/// Which boot of which kernel the monotonic clock counts from.
pub fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
