//! Tests against a real Incus and real mongods: `make e2e` makes a lab of their own for them.
//!
//! State is read past distctl: with the `incus` command line, and with a MongoDB client that runs inside the lab.
//! Tests run one after the other (`--test-threads=1`), because each brings systems up and measures times. Those that
//! only look, or mend what they break, share one system: [`platform`].
//!
//! To run some by hand: `lab/lab start && lab/lab image && eval "$(lab/lab env)"`, then
//! `cargo test --test e2e -- --test-threads=1 --nocapture drift`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on says so by panicking")]
#![allow(clippy::print_stderr, reason = "what a test measures is shown")]

mod auth;
mod bad_luck;
mod birth;
mod browser;
mod by_hand;
mod changes;
mod contract;
mod drift;
mod drill;
mod failover;
mod fragments;
mod harness;
mod https;
mod incus_client;
mod incus_ui;
mod interrupted;
mod looking;
mod moving;
mod outside;
mod platform;
mod races;
mod refused;
mod rolling;
mod services;
mod whole_life;

/// Gives the lab's `INCUS_DIR`.
fn lab() -> std::path::PathBuf {
    harness::lab().dir().to_owned()
}
