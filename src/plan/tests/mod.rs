//! The planner's tests: a small system, a model of the world that carries plans out, and stories.

use crate::desired::Desired;
use crate::observed::Observed;

use super::{Options, Plan};

mod addresses;
mod auth;
mod data;
mod disks;
mod edits;
mod fragments;
mod identity;
mod incus_ui;
mod model;
mod ports;
mod refusals;
mod resync;
mod service_health;
mod service_init;
mod service_order;
mod services;
mod sets;
mod storage;
mod stories;
mod system;
mod under_way;
mod unfinished;
mod users;

use model::World;

/// A plan without options.
fn plan(desired: &Desired, observed: &Observed) -> Plan {
    super::diff(desired, observed, &Options::default())
}

/// A system that is as declared.
fn settled(desired: &Desired) -> World {
    let mut world = World::empty();
    world.settle(desired);
    world
}
