//! What a look costs: requests and memory, by the number of containers.

use std::fmt::Write;

use crate::system::System;

/// Bytes that a look at 200 containers may take at most; the binary under test is not optimised.
const MEMORY: u64 = 120 << 20;

/// A topology with containers that each have a mongod of their own.
fn topology(containers: usize) -> String {
    let mut text = String::from(
        "name: shop\nnetwork: { name: shop0, ipv4: 10.9.0.1/16 }\nimage: debian/12\n\
         artifacts: { mongod: { path: mongod, version: 6.0.5 } }\n",
    );
    text += "containers:\n";
    for number in 0..containers {
        writeln!(text, "  c{number}: {{ ipv4: 10.9.{}.{} }}", 1 + number / 100, 1 + number % 100).unwrap();
    }
    text += "mongodb:\n  binary: mongod\n  auth: none\n  standalone:\n";
    for number in 0..containers {
        writeln!(text, "    s{number}: {{ container: c{number}, port: 27017 }}").unwrap();
    }
    text
}

/// Looks, and gives the number of requests and the most memory in bytes that was seen.
fn look(system: &System) -> (usize, u64) {
    system.fake.world().requests.clear();
    let mut child = system.begin(&["plan", "--exit-code"]);
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kib.unwrap_or_default() << 10);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let ran = system.end(child);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (system.fake.requests().len(), most)
}

#[test]
#[expect(clippy::print_stderr, reason = "what was measured is worth reading: --nocapture shows it")]
fn a_look_costs_the_same_for_each_container() {
    let system = System::new("");
    let mut costs = Vec::new();
    for containers in [50, 100, 200] {
        system.write(&topology(containers));
        system.run(&["up", "--yes", "--progress", "quiet", "--parallel", "16"]).ended(0, &[]);
        let (requests, memory) = look(&system);
        costs.push((containers, requests, memory));
    }
    let [(_, few, _), (_, more, _), (_, most, memory)] = costs[..] else { panic!("{costs:?}") };
    assert_eq!(most - more, 2 * (more - few), "not linear: {costs:?}");
    assert!((most as f64) < 6.0 * 200.0, "{costs:?}");
    assert!(memory > 0 && memory < MEMORY, "{costs:?}");
    let mib = memory as f64 / f64::from(1 << 20);
    eprintln!("looking at 200 containers: {most} requests, {mib:.1} MiB; all: {costs:?}");
}
