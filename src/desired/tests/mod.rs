//! What follows from a topology.

#![allow(clippy::too_many_lines, reason = "the lines of a snapshot are no lines of code")]

mod addresses;
mod container;
mod hosts_files;
mod rendered;
mod replica_set;
mod services;

use std::fmt::Write;
use std::path::Path;

use super::expand::{AgentFile, expand};
use super::{Container, Content, Desired};
use crate::topology::{Findings, parse};

const SHOP: &str = r#"
name: shop
network: { name: br0, ipv4: 10.1.0.1/24 }
containers:
  db1: { ipv4: 10.1.0.11, packages: [libcurl4], limits: { memory: 2GiB, cpu: 2 } }
  db2: { ipv4: 10.1.0.12 }
  web: { ipv4: 10.1.0.20 }
mongodb:
  binary: /usr/bin/mongod
  settings: { election_timeout: 2s }
  replica_sets:
    rsA:
      members:
        - { container: db1, port: 27017, priority: 2, tags: { disk: ssd } }
        - { container: db1, port: 27018 }
        - { container: db2, port: 27017, hidden: true, delay: 1h }
  standalone:
    users: { container: db2, port: 27020 }
services:
  shop-web:
    container: web
    command: /usr/bin/web
    environment:
      A: "{{ mongodb.rsA.uri(db='shop') }} {{ mongodb.rsA.uri(db='audit') }}"
      B: "{{ mongodb.users.uri(db='auth') }}"
"#;

fn agent() -> AgentFile {
    AgentFile { sha256: "0123456789abcdef".repeat(4), size: 1_000 }
}

fn expanded(text: &str) -> Desired {
    tried(text, Path::new("/nowhere")).unwrap()
}

fn tried(text: &str, base: &Path) -> Result<Desired, Findings> {
    expand(&parse(text, Path::new("topology.yaml"))?, base, &agent())
}

fn text(container: &Container, path: &str) -> String {
    match &container.files[path].content {
        Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

/// All files of a container: mode, owner, path, what is in it.
fn files(container: &Container) -> String {
    let mut list = String::new();
    for (path, file) in &container.files {
        let content = match &file.content {
            Content::Bytes(_) => "rendered".to_owned(),
            other => format!("{other:?}"),
        };
        let restarts = file.restarts.as_ref().map(|unit| format!(" restarts {unit}")).unwrap_or_default();
        writeln!(list, "{:04o} {}:{} {path} {content}{restarts}", file.mode, file.owner, file.group).unwrap();
    }
    list
}
