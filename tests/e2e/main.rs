//! Tests against a real Incus.

fn main() {}
