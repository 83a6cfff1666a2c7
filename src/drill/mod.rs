//! Failover tests: what a run wrote down, and what that proves.
//!
//! [`folder`] owns the files of a run. [`history`] and [`mongod_log`] make values of them, a [`checker`] is a pure
//! function from those to a verdict, and [`report`] puts verdicts and numbers into one value that is shown as a table,
//! JSON, JUnit XML, annotations or a page.

pub mod checker;
pub mod folder;
pub mod history;
pub mod mongod_log;
pub mod report;
pub mod run;
