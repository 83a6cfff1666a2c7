//! Tests against a real Incus: the lab whose `INCUS_DIR` the environment gives (`lab/lab env`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on says so by panicking")]

mod incus_client;

/// Gives the lab's `INCUS_DIR`.
fn lab() -> std::path::PathBuf {
    std::env::var_os("INCUS_DIR").expect("start the lab and `eval \"$(lab/lab env)\"` first").into()
}
