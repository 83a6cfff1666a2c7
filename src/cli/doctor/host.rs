//! Checks of this host: the agent, the files to push, the processor.

use anyhow::Result;

use crate::desired::{Content, Desired};
use crate::guest::Agent;
use crate::incus::Client;
use crate::report::doctor::Check;
use crate::topology::Topology;

/// An agent larger than this, in bytes, is one for debugging: it takes long to push to every container.
const LARGE_AGENT: u64 = 60 << 20;

pub(super) fn agent(agent: &Result<Agent>) -> Check {
    match agent {
        Err(error) => Check::failure("agent", format!("{error:#}"), "without it nothing can be done in a guest"),
        Ok(agent) => {
            let text = format!("{} MiB, {}", agent.size() >> 20, &agent.sha256()[..16]);
            match agent.size() > LARGE_AGENT {
                true => Check::warning("agent", text, "it is built for debugging; `make build` makes a small one"),
                false => Check::ok("agent", text),
            }
        }
    }
}

/// One line for each file of this host that is pushed. That it can be read and has its hash was found by expanding.
pub(super) fn artifacts(desired: &Desired) -> Vec<Check> {
    let contents = desired.containers.values().flat_map(|container| container.files.values()).map(|file| &file.content);
    let mut checks = Vec::new();
    for content in contents {
        if let Content::Artifact { path, sha256, size } = content {
            let text = format!("{}: {} MiB, {}", path.display(), size >> 20, &sha256[..16]);
            let check = Check::ok("artifact", text);
            if !checks.contains(&check) {
                checks.push(check);
            }
        }
    }
    checks
}

/// Whether mongods could run on this processor, if it is this one that they run on.
pub(super) fn processor(client: &Client, topology: Option<&Topology>) -> Option<Check> {
    let databases = &topology?.mongodb;
    let has_mongods = databases.replica_sets.iter().next().is_some() || databases.standalone.iter().next().is_some();
    let is_here = client.address().starts_with("unix:");
    match avx()? {
        _ if !has_mongods || !is_here => None,
        true => Some(Check::ok("processor", "it has AVX, which mongod 5.0 and later need")),
        false => Some(Check::failure(
            "processor",
            "it has no AVX, which mongod 5.0 and later need: they die by an illegal instruction",
            "use another machine, let a virtual machine pass its processor through, or use mongod 4.4",
        )),
    }
}

#[cfg(target_arch = "x86_64")]
fn avx() -> Option<bool> {
    Some(std::arch::is_x86_feature_detected!("avx"))
}

/// Other processors than x86-64 have no AVX, and their mongods need none.
#[cfg(not(target_arch = "x86_64"))]
fn avx() -> Option<bool> {
    None
}
