//! Serving, over real connections.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod connections;
mod fixture;
