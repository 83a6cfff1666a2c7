//! Failover tests: a system is broken on purpose while clients write, and what that proves.
//!
//! A [`schedule`] of [`faults`] is drawn, the [`runner`] starts a [`workload`], carries the schedule out and has everything
//! written down. It judges nothing.
//!
//! [`folder`] owns the files of a run. [`history`] and [`mongod_log`] make values of them, a [`checker`] is a pure
//! function from those to a verdict, and [`report`] puts verdicts and numbers into one value that is shown as a table,
//! JSON, JUnit XML, annotations or a page.

pub mod checker;
pub mod faults;
pub mod folder;
pub mod history;
mod journal;
pub mod mongod_log;
pub mod report;
pub mod run;
pub mod runner;
pub mod schedule;
pub mod target;
pub mod workload;
