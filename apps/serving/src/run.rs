//! From start to exit code.

use std::fmt::Display;
use std::process::ExitCode;

use tokio::runtime::Builder;

use crate::log;

/// More threads than these serve nobody faster here, and each costs memory.
const MOST_THREADS: usize = 4;

/// Runs a service to its end: begins the log and the runtime, and turns an error into a line of the log and exit code 1.
///
/// `blocking` is how many threads there may be for what must not hold up the others, such as hashing passwords.
pub fn run<E: Display>(blocking: usize, service: impl Future<Output = Result<(), E>>) -> ExitCode {
    let level = log::begin();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let runtime =
        Builder::new_multi_thread().worker_threads(threads).max_blocking_threads(blocking.max(1)).enable_all().build();
    let outcome = level.map_err(|error| error.to_string()).and_then(|()| {
        let runtime = runtime.map_err(|error| format!("can't begin: {error}"))?;
        let outcome = runtime.block_on(service).map_err(|error| format!("{error:#}"));
        // What still runs in the background, such as a driver's monitors, is not waited for.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "failed");
            ExitCode::FAILURE
        }
    }
}
