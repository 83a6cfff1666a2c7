//! distctl's entry.

fn main() {}
