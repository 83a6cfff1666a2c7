//! What was seen, in the shape that people and programs read.

pub mod status;
