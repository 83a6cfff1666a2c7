//! The agent's binary against real mongods: no answer here is made up.
//!
//! The mongod comes from `DISTCTL_TEST_MONGOD`, or from `artifacts/mongod` as `lab/mongod artifacts/mongod` puts it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod bad_luck;
mod birth;
mod call;
mod data;
mod drill;
mod fixture;
mod fragments;
mod handover;
mod passwords;
mod reconfigure;
mod rename;
mod resync;
mod security;
mod single;
