//! A member of a set that is emptied, for its set to fill it anew.

use serde::{Deserialize, Serialize};

use crate::{Directory, MemberStatus, SetAddress, SetConfig};

/// Stops a member and empties its data folder, if the others hold all data without it. Starting it again is another
/// request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyMemberRequest {
    /// The set.
    pub set: SetAddress,
    /// `address:port` of the member; it lives in this guest.
    pub host: String,
    /// Its unit.
    pub unit: String,
    /// Its data folder.
    pub data: Directory,
}

impl SetConfig {
    /// Checks that a majority of the set's voters hold its data, are healthy and are not the member at `host`; `members`
    /// is how the primary sees them.
    ///
    /// # Errors
    /// Why the member can't be done without.
    pub fn holds_without(&self, host: &str, members: &[MemberStatus]) -> Result<(), String> {
        let voters = self.members.iter().filter(|member| member.votes > 0).count();
        let state = |host: &str| members.iter().find(|member| member.host == host);
        let serves = |host: &str| {
            state(host).is_some_and(|one| one.healthy && matches!(one.state.as_str(), "PRIMARY" | "SECONDARY"))
        };
        let others =
            self.members.iter().filter(|member| member.votes > 0 && !member.arbiter_only && member.host != host);
        let (healthy, sick): (Vec<_>, Vec<_>) = others.partition(|member| serves(&member.host));
        if healthy.len() * 2 > voters {
            return Ok(());
        }
        let count = healthy.len();
        let sick = sick.iter().map(|member| {
            format!("{} is {}", member.host, state(&member.host).map_or("unknown", |one| one.state.as_str()))
        });
        let sick: Vec<String> = sick.collect();
        let why = if sick.is_empty() { String::new() } else { format!(": {}", sick.join(", ")) };
        Err(format!("{count} of its {voters} voting members hold its data besides this one and are healthy{why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(states: &[&str]) -> (SetConfig, Vec<MemberStatus>) {
        let hosts = || states.iter().enumerate().map(|(at, _)| format!("db{at}:27017"));
        let members: Vec<_> =
            hosts().zip(0..).map(|(host, id)| serde_json::json!({ "_id": id, "host": host })).collect();
        let config = serde_json::from_value(serde_json::json!({ "_id": "rs", "members": members })).unwrap();
        let seen = hosts().zip(states).map(|(host, state)| MemberStatus {
            host,
            state: (*state).to_owned(),
            healthy: !state.starts_with('('),
            optime_ms: None,
        });
        (config, seen.collect())
    }

    fn without_first(states: &[&str]) -> Result<(), String> {
        let (config, seen) = set(states);
        config.holds_without("db0:27017", &seen)
    }

    #[test]
    fn a_majority_of_others_must_hold_the_data() {
        assert_eq!(without_first(&["RECOVERING", "PRIMARY", "SECONDARY"]), Ok(()));
        let why = without_first(&["RECOVERING", "PRIMARY", "(not reachable/healthy)"]).unwrap_err();
        assert!(why.contains("1 of its 3") && why.contains("db2:27017 is (not reachable/healthy)"), "{why}");
        assert!(without_first(&["PRIMARY"]).unwrap_err().contains("0 of its 1"), "the only copy");
        assert!(without_first(&["RECOVERING", "PRIMARY"]).is_err(), "the other alone can't lead");
    }

    #[test]
    fn an_arbiter_holds_nothing() {
        let (mut config, seen) = set(&["RECOVERING", "PRIMARY", "ARBITER"]);
        config.members[2].arbiter_only = true;
        assert!(config.holds_without("db0:27017", &seen).is_err());
    }
}
