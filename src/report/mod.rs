//! What was seen, in the shape that people and programs read.

pub mod doctor;
pub mod left;
pub mod log;
pub mod status;
pub mod top;
pub mod verify;
