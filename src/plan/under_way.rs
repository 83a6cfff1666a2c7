//! Failover tests that are under way, or were killed: the keys of containers tell of each fault.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::order::Draft;
use crate::desired::FAULT_KEY;

/// A fault as a container's key tells of it.
#[derive(Deserialize)]
struct Noted {
    kind: String,
    run: String,
}

/// Finds the faults in force. What differs may be their doing, so `up` is not what undoes it.
pub(super) fn find(draft: &mut Draft<'_>) {
    let mut faults: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    let (desired, observed) = (draft.desired, draft.observed);
    for (name, container) in observed.containers.iter().filter(|(name, _)| desired.containers.contains_key(*name)) {
        let config = container.seen().into_iter().flat_map(|seen| &seen.config);
        for (key, value) in config.filter_map(|(key, value)| Some((key.strip_prefix(FAULT_KEY)?, value))) {
            let unknown = || Noted { kind: "fault".to_owned(), run: key.to_owned() };
            let Noted { kind, run } = serde_json::from_str(value).unwrap_or_else(|_| unknown());
            faults.entry((run, kind)).or_default().insert(name);
        }
    }
    for ((run, kind), containers) in faults {
        let containers = containers.into_iter().collect::<Vec<_>>().join(", ");
        draft.find(
            format!("failover test {run}"),
            format!("has its fault `{kind}` in force in {containers}, so the steps shown may be its doing"),
            "wait until the test has ended; if it was killed, undo the fault with `distctl heal`",
        );
    }
}
