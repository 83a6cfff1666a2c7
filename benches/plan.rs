//! What 1,000 containers cost before anything is asked: reading and expanding the topology, and the difference itself.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that can't go on says so by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use distctl::desired::expand::{AgentFile, expand};
use distctl::desired::{self, Content, Desired, Mongod, sha256_hex};
use distctl::observed::{Container, Network, Observed, Part, Status};
use distctl::plan::{Options, diff};
use distctl::topology::{Topology, parse};
use protocol::{Access, Inspection, MemberStatus, PathState, SetConfig, UnitState};

/// How many containers there are.
const CONTAINERS: usize = 1000;

/// Containers in replica sets of three, and one that is left.
fn text() -> String {
    let mut text = String::from("name: big\nnetwork: { name: big0, ipv4: 10.9.0.1/16 }\ncontainers:\n");
    for number in 0..CONTAINERS {
        writeln!(text, "  c{number}: {{ ipv4: 10.9.{}.{} }}", 1 + number / 100, 1 + number % 100).unwrap();
    }
    text += "mongodb:\n  binary: /usr/bin/mongod\n  replica_sets:\n";
    for set in 0..CONTAINERS / 3 {
        let member = |id: usize| format!("{{ container: c{}, port: 27017, priority: {} }}", set * 3 + id, 3 - id);
        writeln!(text, "    rs{set}: {{ members: [{}, {}, {}] }}", member(0), member(1), member(2)).unwrap();
    }
    text
}

fn read(text: &str) -> Topology {
    parse(text, Path::new("topology.yaml")).unwrap()
}

fn expanded(topology: &Topology) -> Desired {
    let agent = AgentFile { sha256: sha256_hex(b"agent"), size: 5 };
    expand(topology, Path::new("/nonexistent"), &agent).unwrap()
}

fn empty() -> Observed {
    Observed::default()
}

/// Everything as it is declared.
fn settled(desired: &Desired) -> Observed {
    let network =
        Network { managed: true, config: desired.network.config.clone(), users: CONTAINERS, ..Network::default() };
    let mut insides: BTreeMap<&str, Inspection> =
        desired.containers.values().map(|wanted| (wanted.name.as_str(), inside(wanted, desired))).collect();
    for set in desired.replica_sets.values() {
        let users = set.access.iter().flat_map(|access| &access.users);
        let users: BTreeMap<_, _> =
            users.map(|user| (format!("admin.{}", user.credential.user), user.roles.clone())).collect();
        for member in &set.members {
            let mongod = protocol::Mongod { users: Some(users.clone()), ..answer(member, &set.config) };
            insides.get_mut(member.container.as_str()).unwrap().mongods.insert(member.port, Ok(mongod));
        }
    }
    let containers = desired.containers.values().map(|wanted| {
        let guest = Part::Present(Box::new(insides.remove(wanted.name.as_str()).unwrap()));
        let (config, devices) = (wanted.config.clone(), wanted.devices.clone());
        (
            wanted.name.clone(),
            Part::Present(Container { status: Status::Running, config, devices, guest, ..Container::default() }),
        )
    });
    Observed { network: Part::Present(network), containers: containers.collect(), ..Observed::default() }
}

fn inside(wanted: &desired::Container, desired: &Desired) -> Inspection {
    let state = |sha256, mode, owner: &str, group: &str| PathState {
        sha256,
        mode,
        owner: owner.into(),
        group: group.into(),
        size: 1,
        changed_ms: 0,
    };
    let files = wanted.files.iter().map(|(path, file)| {
        let sha256 = match &file.content {
            Content::Bytes(bytes) => sha256_hex(bytes),
            Content::Artifact { sha256, .. } | Content::Agent { sha256 } => sha256.clone(),
            Content::Secret(name) => sha256_hex(name.to_string().as_bytes()),
            Content::Filled(pieces) => sha256_hex(format!("{pieces:?}").as_bytes()),
        };
        (path.clone(), state(Some(sha256), file.mode, &file.owner, &file.group))
    });
    let directories = wanted
        .directories
        .iter()
        .map(|folder| (folder.path.clone(), state(None, folder.mode, &folder.owner, &folder.group)));
    let units = wanted.units.iter().map(|(name, unit)| {
        let (active, enabled) = ("active".to_owned(), "enabled".to_owned());
        (name.clone(), UnitState { active, enabled, revision: unit.revision.clone(), ..UnitState::default() })
    });
    let address = format!("{}/{}", wanted.ipv4, desired.network.ipv4.prefix_len());
    Inspection {
        protocol: protocol::VERSION,
        systemd: Some("running".into()),
        addresses: [("eth0".into(), vec![address])].into(),
        avx: true,
        paths: files.chain(directories).collect(),
        packages: wanted.packages.iter().map(|name| (name.clone(), "1".into())).collect(),
        units: units.collect(),
        unit_files: wanted.units.keys().cloned().collect(),
        ..Inspection::default()
    }
}

fn answer(member: &Mongod, config: &SetConfig) -> protocol::Mongod {
    let primary = &config.members[0].host;
    let is_primary = *primary == member.host;
    let status = |host: &String| MemberStatus {
        host: host.clone(),
        state: if host == primary { "PRIMARY" } else { "SECONDARY" }.into(),
        healthy: true,
        optime_ms: Some(1),
    };
    protocol::Mongod {
        version: "6.0.5".into(),
        set_name: Some(config.name.clone()),
        writable: is_primary,
        secondary: !is_primary,
        primary: Some(primary.clone()),
        access: Access::Granted,
        config: Some(config.clone()),
        members: config.members.iter().map(|one| status(&one.host)).collect(),
        users: None,
        databases: Vec::new(),
        too_stale: false,
        logins: BTreeMap::new(),
        security: Some(protocol::Security::Enforced),
        knows_us: true,
    }
}

fn plan(criterion: &mut Criterion) {
    let text = text();
    let topology = read(&text);
    let desired = expanded(&topology);
    let (nothing, all, options) = (empty(), settled(&desired), Options::default());
    assert!(diff(&desired, &nothing, &options).steps.len() > 5 * CONTAINERS);
    assert!(diff(&desired, &all, &options).is_clean(), "{}", diff(&desired, &all, &options));
    let mut group = criterion.benchmark_group(format!("{CONTAINERS} containers"));
    group.sample_size(20);
    group.bench_function("parse", |bench| bench.iter(|| read(black_box(&text))));
    group.bench_function("expand", |bench| bench.iter(|| expanded(black_box(&topology))));
    group.bench_function("diff with nothing there", |bench| {
        bench.iter(|| diff(black_box(&desired), &nothing, &options))
    });
    group.bench_function("diff with all settled", |bench| bench.iter(|| diff(black_box(&desired), &all, &options)));
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
