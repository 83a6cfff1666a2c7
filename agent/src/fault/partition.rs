//! Members that are cut off from each other: nftables drops what they send each other.
//!
//! The guest of the sender drops it, and knows by the control group of a process who sends. So a member is cut off from
//! members, and from nobody who lives beside one: clients are let through, whichever container they run in. Only requests
//! are dropped: a connection whose one half is gone is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{Cut, Failure, GuestFault};
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

/// Cuts members of this guest off from others.
pub async fn cut(fault: &GuestFault) -> Result<(), Failure> {
    if fault.cuts.is_empty() {
        return Ok(());
    }
    load(&rules(fault, by_unit)).await?;
    if is_felt(&fault.id).await? {
        return Ok(());
    }
    // Some kernels can't tell the control groups of a guest apart. Users tell less: who lives beside a member and runs as
    // its user is cut off, too.
    if !fault.cuts.iter().any(|cut| cut.beside) {
        mend(&fault.id).await?;
        let users = users(fault).await?;
        load(&rules(fault, |cut| by_user(cut, users.get(&cut.unit)))).await?;
        if is_felt(&fault.id).await? {
            return Ok(());
        }
    }
    let cause = "its rules match nothing: this kernel can't tell the members of one guest apart";
    Err(Failure::new("nftables", cause)
        .with_hint("put the members into containers of their own, or choose other faults with --fault"))
}

/// Waits until something was dropped, for as long as members of a set are silent at most.
async fn is_felt(id: &str) -> Result<bool, Failure> {
    let deadline = Deadline::after(HEARTBEATS);
    while !drops(id).await? {
        if !deadline.pause(SOON).await {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The numbers of the users that the units run as.
async fn users(fault: &GuestFault) -> Result<BTreeMap<String, String>, Failure> {
    let mut users = BTreeMap::new();
    for cut in &fault.cuts {
        let ran = run("systemctl", &["show", "--property=UID", "--value", &cut.unit]).await?;
        users.insert(cut.unit.clone(), ran.out.trim().to_owned());
    }
    Ok(users)
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

fn rules(fault: &GuestFault, sender: impl Fn(&Cut) -> String) -> String {
    let rule = |cut: &Cut| {
        let (address, port) = split(&cut.to);
        format!("    {} ip daddr {address} tcp dport {port} counter drop\n", sender(cut))
    };
    let lines: String = fault.cuts.iter().map(rule).collect();
    let table = table(&fault.id);
    format!(
        "table inet {table} {{\n  chain output {{\n    type filter hook output priority -10; policy accept;\n{lines}  }}\n}}\n"
    )
}

fn by_unit(cut: &Cut) -> String {
    format!("socket cgroupv2 level 2 \"system.slice/{}\"", cut.unit)
}

fn by_user(cut: &Cut, user: Option<&String>) -> String {
    // Where systemd can't tell, nothing is matched, and the fault is refused.
    let number = user.filter(|user| user.parse::<u32>().is_ok()).map_or("4294967294", String::as_str);
    debug_assert!(!cut.beside);
    format!("meta skuid {number}")
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

    fn fault(cuts: &[Cut]) -> GuestFault {
        let kind = protocol::FaultKind::Partition;
        GuestFault { id: "a-1".into(), kind, members: Vec::new(), cuts: cuts.to_vec(), ttl_ms: 1 }
    }

    #[test]
    fn who_sends_is_told_by_the_unit_so_that_nobody_beside_it_is_cut_off() {
        let cut = |unit: &str, to: &str| Cut { unit: unit.into(), to: to.into(), beside: true };
        let cuts = [cut("mongod-27018.service", "10.1.1.2:27017"), cut("mongod-27017.service", "10.1.1.2:27018")];
        assert_eq!(
            rules(&fault(&cuts), by_unit),
            "table inet distctl_a_1 {
  chain output {
    type filter hook output priority -10; policy accept;
    socket cgroupv2 level 2 \"system.slice/mongod-27018.service\" ip daddr 10.1.1.2 tcp dport 27017 counter drop
    socket cgroupv2 level 2 \"system.slice/mongod-27017.service\" ip daddr 10.1.1.2 tcp dport 27018 counter drop
  }
}
"
        );
    }

    #[test]
    fn where_a_kernel_knows_no_units_the_user_tells() {
        let cut = Cut { unit: "mongod-27017.service".into(), to: "10.1.1.3:27017".into(), beside: false };
        let rules = rules(&fault(std::slice::from_ref(&cut)), |cut| by_user(cut, Some(&"999".to_owned())));
        assert!(rules.contains("    meta skuid 999 ip daddr 10.1.1.3 tcp dport 27017 counter drop"), "{rules}");
        assert!(by_user(&cut, Some(&"[not set]".to_owned())).ends_with("4294967294"));
    }
}
