//! Every error and warning, with its place, the part of the file that is marked, and what to write instead.

#![allow(clippy::too_many_lines, reason = "the lines of a snapshot are no lines of code")]

mod checks;
mod commands;
mod deployment;
mod foreign;
mod incus_ui;
mod mongodb;
mod network;
mod whole;
mod yaml;

use std::path::Path;

use super::{Findings, Topology, parse};

/// A topology that is right, to be continued with the section under test; its last line is the sixth.
const HEAD: &str = "\
name: shop
network: { name: br0, ipv4: 10.1.0.1/24 }
containers:
  db1: { ipv4: 10.1.0.11 }
  db2: { ipv4: 10.1.0.12 }
  db3: { ipv4: 10.1.0.13 }
";

fn read(text: &str) -> Result<Topology, Findings> {
    parse(text, Path::new("topology.yaml"))
}

/// What is found in a text, one finding a line.
fn found(text: &str) -> String {
    let findings = match read(text) {
        Ok(topology) => topology.warnings(),
        Err(findings) => findings,
    };
    lines(&findings)
}

/// What is found in a section after [`HEAD`].
fn found_after_head(section: &str) -> String {
    found(&format!("{HEAD}{section}"))
}

fn lines(findings: &Findings) -> String {
    let mut text = String::new();
    for finding in &findings.list {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let place = finding.span.map_or("-".to_owned(), |span| {
            let marked = findings.source[span.start..span.end].lines().next().unwrap_or_default();
            format!("{}:{} {} «{marked}»", span.line, span.column, finding.path)
        });
        text += &format!("{severity} {place}\n  {}\n", finding.message);
        for also in &finding.also {
            text += &format!("  also {}:{} {}\n", also.span.line, also.span.column, also.label);
        }
        if let Some(instead) = &finding.instead {
            text += &format!("  -> {instead}\n");
        }
    }
    if text.is_empty() { "nothing".to_owned() } else { text }
}
