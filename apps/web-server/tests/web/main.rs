//! The real program, with real mongods and an auth-server that does what a test wants.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod api;
mod auth;
mod cluster;
mod failover;
mod limits;
mod moves;
mod pages;
mod service;
