//! What the product platform's services share: how they are configured, log, listen, answer and stop.
//!
//! A service reads its configuration ([`config`]), begins its log ([`log`]), builds an axum router, dresses it
//! ([`dressed`]) and gives it to [`listen`], inside [`run`]. Nothing here knows products or users.

mod answer;
mod body;
pub mod config;
mod dressed;
mod fallback;
pub mod health;
mod json;
mod listen;
pub mod log;
mod run;
mod secret;

pub use answer::{Refusal, message};
pub use body::LIMIT as BODY_LIMIT;
pub use dressed::{REQUEST_ID, dressed};
pub use fallback::with_fallbacks;
pub use json::Json;
pub use listen::{Listener, listen};
pub use run::run;
pub use secret::{SecretKey, Weakness};
