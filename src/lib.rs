//! distctl builds, proves and moves distributed systems on Incus. This page is the map of the house.
//!
//! Every command is a part of one straight line:
//!
//! 1. [`topology`]: text becomes a `Topology`, or every finding at once with its place in the file.
//! 2. [`desired`]: a `Topology` becomes a `Desired`: every name, address, rendered file and hash.
//! 3. [`observed`]: Incus and the agents in the guests are asked; the only reads.
//! 4. [`plan`]: `Desired` and `Observed` become a `Plan`: pure, sorted, printable.
//! 5. [`engine`]: a `Plan` is carried out: the only writes; no decisions.
//!
//! [`cut`] has a whole system as it is at one moment, [`bundle`] packs that up and brings it up elsewhere. [`drill`] breaks replica sets on purpose and judges what that did, [`fragments`] judges and moves the documents of
//! fragmented collections; both end with a [`verdict`]. [`download`] fetches what a topology names by URL, [`browser`] keeps the
//! certificate of this user's browser. [`incus`] speaks the daemon's API, [`guest`] speaks with the agent inside a container, [`ui`] shows values, and
//! [`cli`] ties them together, one file a command.

pub mod browser;
pub mod bundle;
pub mod cli;
pub mod cut;
pub mod desired;
pub mod download;
pub mod drill;
pub mod engine;
pub mod fragments;
pub mod guest;
pub mod incus;
pub mod observed;
pub mod plan;
pub mod report;
pub mod topology;
pub mod ui;
pub mod verdict;
