//! The service's binary against a real mongod.
//!
//! The mongod comes from `DISTCTL_TEST_MONGOD`, or from `artifacts/mongod` as `lab/mongod artifacts/mongod` puts it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod accounts;
mod away;
mod bad_input;
mod command_line;
mod documentation;
mod fixture;
mod limits;
mod moments;
mod mongod;
mod tokens;
mod users;
