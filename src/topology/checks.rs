//! The `checks` section: what tests of the running system are to do, and what must come out of them.

use schemars::JsonSchema;
use serde::Serialize;

use super::{At, Time};

/// Tests of the running system.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Checks {
    /// What `distctl failover-test` does and asks for.
    pub failover: Option<At<Failover>>,
}

/// A failover test: the objectives, and what is done where the command line doesn't say otherwise.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Failover {
    /// The longest time without an acknowledged write that a fault may cost.
    pub max_write_gap: Option<At<Time>>,
    /// The longest time without an answered read that a fault may cost.
    pub max_read_gap: Option<At<Time>>,
    /// The longest time from a winner's candidacy until it takes writes.
    pub max_election: Option<At<Time>>,
    /// How many acknowledged writes may be lost (0).
    #[schemars(with = "Option<u64>")]
    pub lost_writes: Option<At<Count>>,
    /// How many reads may be stale; without it, none where the read concern promises that.
    #[schemars(with = "Option<u64>")]
    pub stale_reads: Option<At<Count>>,
    /// The kinds of faults, drawn from in turn.
    #[schemars(default, with = "Vec<FaultName>")]
    pub faults: Vec<At<String>>,
    /// How many faults are injected.
    #[schemars(range(min = 1))]
    pub rounds: Option<At<u32>>,
    /// How long a fault is held.
    pub hold: Option<At<Time>>,
    /// What clients do.
    pub workload: Option<At<Workload>>,
    /// When a write counts as done: `majority`, or a number of members.
    #[schemars(regex(pattern = "^(majority|[1-9][0-9]?)$"))]
    pub write_concern: Option<At<String>>,
    /// How many clients there are.
    #[schemars(range(min = 1))]
    pub clients: Option<At<u32>>,
    /// Operations a second of all clients together; 0 for as many as can be done.
    #[schemars(with = "Option<u64>")]
    pub rate: Option<At<Count>>,
}

/// What clients of a failover test do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// Insert documents, each once.
    Inserts,
    /// Read registers, and set them to what was read plus one.
    Register,
    /// Both.
    Mixed,
    /// Make products through the product platform's web-server.
    App,
}

/// A number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Count(pub u64);

/// For the schema: the names of faults.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
#[allow(dead_code, reason = "it only describes what may be written")]
enum FaultName {
    Stop,
    Kill,
    Pause,
    Freeze,
    ContainerStop,
    ContainerKill,
    Partition,
    PartitionPair,
    PartitionOneWay,
    Slow,
    DiskFull,
    Stepdown,
    Clock,
}

#[cfg(test)]
mod tests {
    use protocol::FaultKind;

    /// The schema and the protocol name the same faults.
    #[test]
    fn the_schema_knows_every_fault() {
        let schema: serde_json::Value = serde_json::from_str(&crate::topology::schema()).unwrap();
        let names = FaultKind::ALL.map(|kind| serde_json::Value::from(kind.name())).to_vec();
        let item = &schema["$defs"]["Failover"]["properties"]["faults"]["items"];
        let written: Vec<serde_json::Value> = match &item["oneOf"] {
            serde_json::Value::Array(all) => all.iter().map(|one| one["const"].clone()).collect(),
            _ => item["enum"].as_array().cloned().unwrap_or_default(),
        };
        assert_eq!(written, names, "{item}");
    }
}
