//! The log: one flat JSON line an event, on standard output.

use std::panic::PanicHookInfo;

use tracing_subscriber::filter::LevelFilter;

use crate::config;

/// Begins the log, from the level that `LOG_LEVEL` names (`error`, `warn`, `info`, `debug`, `trace` or `off`; `info`
/// without it). Panics are logged as well.
///
/// # Errors
/// If `LOG_LEVEL` is none of these. The log has begun then as well, at `info`.
pub fn begin() -> Result<(), config::Error> {
    let level = config::parsed("LOG_LEVEL", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(*level.as_ref().unwrap_or(&LevelFilter::INFO))
        .finish();
    // Begun twice in one process, the first stays.
    let _ = tracing::subscriber::set_global_default(lines);
    std::panic::set_hook(Box::new(panicked));
    level.map(drop)
}

/// Logs where a panic happened, and not what it says: that may contain what a user typed.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panicked");
}
