//! The host's side of the talk with the agent inside a container.

mod call;
mod failure;
mod find;
mod place;
mod start;

pub use call::{Guests, call, call_in_parts};
pub use failure::{Error, GuestFailure, one_line};
pub use find::find;
pub use place::Agent;
pub use start::start;
