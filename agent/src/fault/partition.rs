//! A member that is cut off from others of its set: nftables drops what they send each other.
//!
//! Members in one guest have one address, so it is told by the control group of a process who sends. Only requests are
//! dropped: a connection whose one half is gone is gone. Clients are let through.

use std::time::Duration;

use protocol::{Failure, FaultKind, FaultMember, FaultPeer, GuestFault};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::deadline::{Deadline, SOON};
use crate::run::run;

/// How long members of a set are silent at most: heartbeats come every 2 s by default.
const HEARTBEATS: Duration = Duration::from_secs(4);

/// Fails where nftables is missing or may not be used.
pub async fn check() -> Result<Option<String>, Failure> {
    let refused = |why: String| {
        Failure::new("nftables", format!("a partition needs it, and {why}"))
            .with_hint("add `nftables` to the container's packages, or choose other faults with --fault")
    };
    let ran = run("nft", &["list", "tables"]).await.map_err(|failure| refused(failure.cause))?;
    if ran.ok { Ok(None) } else { Err(refused(format!("`nft list tables` says: {}", ran.last_error()))) }
}

/// Cuts a member off.
pub async fn cut(fault: &GuestFault, member: &FaultMember) -> Result<(), Failure> {
    let rules = rules(fault, member);
    load(&rules).await?;
    let deadline = Deadline::after_ms(u64::try_from(HEARTBEATS.as_millis()).unwrap_or(u64::MAX));
    while !drops(&fault.id).await? {
        if !deadline.pause(SOON).await {
            let cause = "its rules match nothing: this kernel can't tell the members of one guest apart";
            return Err(Failure::new("nftables", cause)
                .with_hint("put the members into containers of their own, or choose other faults with --fault"));
        }
    }
    Ok(())
}

/// Lets everything through again.
pub async fn mend(id: &str) -> Result<(), Failure> {
    // `destroy` is not known to older ones; a table that is declared can be deleted whether it was there or not.
    let table = table(id);
    load(&format!("table inet {table} {{ }}\ndelete table inet {table}\n")).await
}

pub(super) fn table(id: &str) -> String {
    format!("distctl_{}", id.replace('-', "_"))
}

fn rules(fault: &GuestFault, member: &FaultMember) -> String {
    let mut output = Vec::new();
    let mut input = Vec::new();
    for peer in &member.peers {
        match &peer.unit {
            Some(unit) => output.push(from_unit(unit, &member.host)),
            None => input.push(from_peer(peer, &member.host)),
        }
        if fault.kind != FaultKind::PartitionOneWay {
            output.push(from_unit(&member.unit, &peer.host));
        }
    }
    let chain = |hook: &str, rules: &[String]| {
        let lines = rules.iter().map(|rule| format!("    {rule} counter drop\n")).collect::<String>();
        format!("  chain {hook} {{\n    type filter hook {hook} priority -10; policy accept;\n{lines}  }}\n")
    };
    let table = table(&fault.id);
    format!("table inet {table} {{\n{}{}}}\n", chain("output", &output), chain("input", &input))
}

/// What a process of a unit in this guest sends to a member.
fn from_unit(unit: &str, to: &str) -> String {
    let (address, port) = split(to);
    format!("socket cgroupv2 level 2 \"system.slice/{unit}\" ip daddr {address} tcp dport {port}")
}

/// What another guest sends to a member in this one.
fn from_peer(peer: &FaultPeer, to: &str) -> String {
    let (address, _) = split(&peer.host);
    format!("ip saddr {address} tcp dport {}", split(to).1)
}

fn split(host: &str) -> (&str, &str) {
    host.rsplit_once(':').unwrap_or((host, "27017"))
}

pub(super) async fn load(rules: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new("nft", format!("can't be run in the guest: {error}"));
    let mut child = Command::new("nft")
        .args(["--file", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(rules.as_bytes()).await.map_err(failed)?;
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let log: Vec<String> = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    Err(Failure::new("nftables", "refuses the rules of a partition").with_log(log))
}

/// Whether something was dropped already.
async fn drops(id: &str) -> Result<bool, Failure> {
    let table = table(id);
    let ran = run("nft", &["list", "table", "inet", &table]).await?;
    let counted = |line: &str| line.contains("counter packets") && !line.contains("counter packets 0 ");
    Ok(ran.out.lines().any(counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind, peers: Vec<FaultPeer>) -> String {
        let member = FaultMember {
            host: "10.1.1.2:27017".into(),
            unit: "mongod-27017.service".into(),
            data: "/data".into(),
            peers,
            disk_limit: None,
            credential: None,
        };
        rules(&GuestFault { id: "a-1".into(), kind, members: vec![member.clone()], ttl_ms: 1 }, &member)
    }

    fn beside() -> FaultPeer {
        FaultPeer { host: "10.1.1.2:27018".into(), unit: Some("mongod-27018.service".into()) }
    }

    #[test]
    fn members_of_one_guest_are_told_apart_by_their_units() {
        assert_eq!(
            fault(FaultKind::Partition, vec![beside()]),
            "table inet distctl_a_1 {
  chain output {
    type filter hook output priority -10; policy accept;
    socket cgroupv2 level 2 \"system.slice/mongod-27018.service\" ip daddr 10.1.1.2 tcp dport 27017 counter drop
    socket cgroupv2 level 2 \"system.slice/mongod-27017.service\" ip daddr 10.1.1.2 tcp dport 27018 counter drop
  }
  chain input {
    type filter hook input priority -10; policy accept;
  }
}
"
        );
    }

    #[test]
    fn one_way_leaves_what_the_member_itself_asks() {
        let elsewhere = FaultPeer { host: "10.1.1.3:27017".into(), unit: None };
        let rules = fault(FaultKind::PartitionOneWay, vec![beside(), elsewhere]);
        assert!(rules.contains("mongod-27018.service\" ip daddr 10.1.1.2 tcp dport 27017"));
        assert!(rules.contains("ip saddr 10.1.1.3 tcp dport 27017"));
        assert!(!rules.contains("mongod-27017.service"));
    }
}
