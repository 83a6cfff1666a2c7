//! Tests against a fake Incus.

mod fake;
mod incus_client;
