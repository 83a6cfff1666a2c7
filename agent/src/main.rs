//! distctl's hand inside the guest.

fn main() {}
