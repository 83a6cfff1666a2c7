//! Taking a system down: the line with nothing desired.

use super::order::Draft;
use super::{Action, Cause, Plan, incus_ui};
use crate::desired::{Desired, OWNER_KEY};
use crate::observed::{Container, Observed, Part, Status};

/// Plans to stop every container of the topology. All data stays.
pub fn down(desired: &Desired, observed: &Observed) -> Plan {
    let mut draft = Draft::new(desired, observed);
    for (name, seen) in ours(&mut draft) {
        stop(&mut draft, &name, &seen.status);
    }
    draft.plan
}

/// Plans to remove containers of the topology with their data: those named, or all of them and the network too if it
/// is the topology's.
pub fn removal(desired: &Desired, observed: &Observed, only: &[String]) -> anyhow::Result<Plan> {
    let mut draft = Draft::new(desired, observed);
    let ours = ours(&mut draft);
    if let Some(stranger) = only.iter().find(|name| !ours.iter().any(|(ours, _)| ours == *name)) {
        let names: Vec<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
        anyhow::bail!("{} has no container {stranger}; it has {}", desired.name, names.join(", "));
    }
    let mut gone = Vec::new();
    for (name, seen) in ours.into_iter().filter(|(name, _)| only.is_empty() || only.contains(name)) {
        stop(&mut draft, &name, &seen.status);
        gone.push(draft.chain(Action::DeleteContainer { container: name }, Cause::Asked));
    }
    if let Part::Present(network) = &observed.network
        && only.is_empty()
        && network.config.get(OWNER_KEY) == Some(&desired.name)
    {
        draft.add(Action::DeleteNetwork { network: desired.network.name.clone() }, Cause::Asked, gone);
    }
    if only.is_empty() {
        incus_ui::remove(&mut draft);
    }
    Ok(draft.plan)
}

/// The topology's containers, declared or not; those that can't be seen are findings.
fn ours<'a>(draft: &mut Draft<'a>) -> Vec<(String, &'a Container)> {
    let observed = draft.observed;
    let mut containers = Vec::new();
    for (name, part) in &observed.containers {
        match part {
            Part::Present(seen) if seen.config.get(OWNER_KEY) == Some(&draft.desired.name) => {
                containers.push((name.clone(), seen));
            }
            Part::Unreachable(why) => {
                draft.find(format!("container {name}"), format!("can't be seen: {why}"), "run `distctl doctor`");
            }
            Part::Present(_) | Part::Absent => {}
        }
    }
    containers
}

fn stop(draft: &mut Draft<'_>, name: &str, status: &Status) {
    let container = name.to_string();
    if *status == Status::Frozen {
        draft.chain(Action::UnfreezeContainer { container: container.clone() }, Cause::Follows);
    }
    if *status != Status::Stopped {
        draft.chain(Action::StopContainer { container }, Cause::Asked);
    }
}
