//! The Incus API.
