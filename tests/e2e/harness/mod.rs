//! What stories stand on: the lab, systems in it, and a MongoDB client.

pub mod http;
mod lab;
mod mongo;
mod process;
mod system;

use std::time::{Duration, Instant};

pub use http::Http;
pub use lab::{Lab, lab};
pub use mongo::Mongo;
pub use process::{Ran, Running};
pub use system::{System, set_of};

/// Looks until a condition holds; fails with `what` after `patience`.
#[track_caller]
pub fn wait_until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
