//! Carries out a plan: the only writes. It makes no decisions and sends [events](event::Event).

pub mod event;
