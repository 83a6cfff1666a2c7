//! Fragmented collections: whether every document is where it belongs, and the move of those that are not.
//!
//! [`check`] judges what was seen, [`join`] finds what is in two places, [`resolve`] decides between copies, [`balance`]
//! computes what other ranges would do: all pure. [`look`] asks the agents, [`mover`] moves, [`probe`] asks the service.

mod agents;
pub mod balance;
pub mod check;
pub mod join;
pub mod look;
pub mod mover;
pub mod probe;
pub mod resolve;
#[cfg(test)]
mod tests;

pub use agents::{Agents, Ask};
