//! A member whose answers and questions arrive late.
//!
//! nftables gives what the member sends a priority, by which a queue of its own is found: netem, which delays, or where
//! the kernel has none, htb, which lets little through at a time.

use protocol::{Failure, FaultMember, GuestFault};

use crate::run::run;

/// Where members of one guest speak with each other, and with everybody else.
const DEVICES: [&str; 2] = ["lo", "eth0"];

/// How late things arrive.
const DELAY: &str = "100ms";

/// How much comes through where nothing can be delayed.
const RATE: &str = "512kbit";

/// Says what would be used.
pub async fn check() -> Result<Option<String>, Failure> {
    super::partition::check().await?;
    for device in DEVICES {
        let shown = tc(&["qdisc", "show", "dev", device, "root"]).await?;
        if !shown.is_empty() && !shown.contains("noqueue") {
            return Err(Failure::new(device, format!("has a queue of somebody else: {}", shown.trim()))
                .with_hint("remove it with `tc qdisc del`, or choose other faults with --fault"));
        }
    }
    Ok(None)
}

/// Slows a member down, and says by what.
pub async fn slow(fault: &GuestFault, member: &FaultMember) -> Result<String, Failure> {
    let mut used = String::new();
    for device in DEVICES {
        tc(&["qdisc", "replace", "dev", device, "root", "handle", "1:", "htb", "default", "0"]).await?;
        used = queue(device).await?;
    }
    let table = super::partition::table(&fault.id);
    super::partition::load(&format!(
        "table inet {table} {{\n  chain output {{\n    type filter hook output priority -10; policy accept;\n    \
         socket cgroupv2 level 2 \"system.slice/{}\" meta priority set 1:10 counter\n  }}\n}}\n",
        member.unit
    ))
    .await?;
    Ok(used)
}

/// Makes the queue of what is late. Whether a kernel has netem, or loads it for a guest, shows when it is asked for.
async fn queue(device: &str) -> Result<String, Failure> {
    let class = ["class", "replace", "dev", device, "parent", "1:", "classid", "1:10", "htb", "rate"];
    tc(&[&class[..], &["10gbit"]].concat()).await?;
    let netem = ["qdisc", "replace", "dev", device, "parent", "1:10", "handle", "10:", "netem", "delay", DELAY];
    if tc(&netem).await.is_ok() {
        return Ok(format!("delayed by {DELAY} (netem)"));
    }
    tc(&[&class[..], &[RATE]].concat()).await?;
    Ok(format!("{RATE}/s let through (htb, for this kernel has no netem)"))
}

/// Takes the queues away.
pub async fn mend(id: &str) -> Result<(), Failure> {
    for device in DEVICES {
        if tc(&["qdisc", "show", "dev", device, "root"]).await?.contains("htb 1:") {
            tc(&["qdisc", "del", "dev", device, "root"]).await?;
        }
    }
    super::partition::mend(id).await
}

async fn tc(arguments: &[&str]) -> Result<String, Failure> {
    let ran = run("tc", arguments).await.map_err(|failure| {
        failure.with_hint("add `iproute2` to the container's packages, or choose other faults with --fault")
    })?;
    if ran.ok {
        return Ok(ran.out);
    }
    Err(Failure::new("tc", format!("`tc {}` failed: {}", arguments.join(" "), ran.last_error())).with_log(ran.errors))
}
