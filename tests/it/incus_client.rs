//! The client against a fake daemon: what it sends, what it makes of the answers, what it does when things break.

mod connect;
mod exec;
mod objects;
mod operations;

use distctl::incus::{Client, Places, Target};

use crate::fake::Fake;

/// Gives a target without a remote.
fn target() -> Target {
    Target { remote: None, project: None, parallel: 4 }
}

/// Connects to a fake.
async fn client(fake: &Fake) -> Client {
    let places = Places { socket: Some(fake.socket()), ..Places::default() };
    Client::connect_from(&places, &target()).await.unwrap()
}
