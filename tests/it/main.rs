//! Tests of the whole program, against a fake Incus where one is needed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on says so by panicking")]

mod cli;
mod download;
mod failures;
mod fake;
mod fragments;
mod incus_client;
mod incus_ui;
mod layers;
mod plan;
mod scale;
mod services;
mod system;
mod topology;
