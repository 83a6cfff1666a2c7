//! What goes wrong: each time the error names the thing, its cause and what to do, and what is left is asserted.

mod broken;
mod daemon;
mod interrupted;
mod lease;
mod others;
