//! Tests against a fake Incus.

fn main() {}
