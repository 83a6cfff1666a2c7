//! A set's configuration between mongod's form and the protocol's.

use mongodb::bson::{Bson, Document};
use protocol::{SetConfig, SetMember, SetSettings};

/// Reads a configuration, fields that distctl does not know included.
pub fn from_document(config: &Document) -> Result<SetConfig, String> {
    // By way of JSON, where an ObjectId among the unknown fields becomes a plain object.
    let json: serde_json::Value =
        mongodb::bson::deserialize_from_document(config.clone()).map_err(|error| error.to_string())?;
    serde_json::from_value(json).map_err(|error| error.to_string())
}

/// Puts what `wanted` says into `current`, and keeps what it doesn't speak of.
pub fn merge(current: &Document, wanted: &SetConfig) -> Document {
    let mut merged = current.clone();
    merged.insert("_id", wanted.name.clone());
    let known = current.get_array("members").map(Vec::as_slice).unwrap_or_default();
    let members: Vec<Document> = wanted
        .members
        .iter()
        .map(|member| {
            let same = |known: &&Document| known.get_str("host").is_ok_and(|host| host == member.host);
            let kept = known.iter().filter_map(Bson::as_document).find(same).cloned().unwrap_or_default();
            with_member(kept, member)
        })
        .collect();
    merged.insert("members", members);
    let settings = current.get_document("settings").cloned().unwrap_or_default();
    merged.insert("settings", with_settings(settings, &wanted.settings));
    merged
}

fn with_member(mut kept: Document, member: &SetMember) -> Document {
    kept.insert("_id", member.id);
    kept.insert("host", member.host.clone());
    kept.insert("priority", member.priority);
    kept.insert("votes", member.votes);
    kept.insert("hidden", member.hidden);
    kept.insert("arbiterOnly", member.arbiter_only);
    kept.insert("buildIndexes", member.build_indexes);
    kept.insert("secondaryDelaySecs", member.secondary_delay_secs);
    let tags: Document = member.tags.iter().map(|(name, value)| (name.clone(), Bson::from(value.clone()))).collect();
    kept.insert("tags", tags);
    kept
}

fn with_settings(mut kept: Document, settings: &SetSettings) -> Document {
    kept.insert("electionTimeoutMillis", settings.election_timeout_millis);
    kept.insert("heartbeatIntervalMillis", settings.heartbeat_interval_millis);
    kept.insert("heartbeatTimeoutSecs", settings.heartbeat_timeout_secs);
    kept.insert("catchUpTimeoutMillis", settings.catch_up_timeout_millis);
    kept.insert("catchUpTakeoverDelayMillis", settings.catch_up_takeover_delay_millis);
    kept.insert("chainingAllowed", settings.chaining_allowed);
    kept
}

/// Whether two configurations say the same, their versions and terms aside.
pub fn is_same(left: &SetConfig, right: &SetConfig) -> bool {
    let bare = |config: &SetConfig| {
        let mut config = SetConfig { version: 0, ..config.clone() };
        config.other.clear();
        config
    };
    bare(left) == bare(right)
}

/// Hosts that gain or lose their vote.
pub fn voting_changes(left: &SetConfig, right: &SetConfig) -> Vec<String> {
    let voters = |config: &SetConfig| -> Vec<String> {
        config.members.iter().filter(|member| member.votes > 0).map(|member| member.host.clone()).collect()
    };
    let (left, right) = (voters(left), voters(right));
    let lost = left.iter().filter(|host| !right.contains(host));
    let gained = right.iter().filter(|host| !left.contains(host));
    lost.chain(gained).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::{doc, oid::ObjectId};

    fn current() -> Document {
        doc! {
            "_id": "rsA", "version": 4, "term": 7_i64, "protocolVersion": 1_i64,
            "members": [
                { "_id": 0, "host": "a:1", "arbiterOnly": false, "buildIndexes": true, "hidden": false, "priority": 1,
                  "tags": {}, "secondaryDelaySecs": 0_i64, "votes": 1, "horizons": { "out": "x:1" } },
            ],
            "settings": { "chainingAllowed": true, "heartbeatIntervalMillis": 2000, "heartbeatTimeoutSecs": 10,
                          "electionTimeoutMillis": 10000, "catchUpTimeoutMillis": -1,
                          "catchUpTakeoverDelayMillis": 30000, "replicaSetId": ObjectId::from_bytes([7; 12]) },
        }
    }

    #[test]
    fn what_is_not_spoken_of_is_kept() {
        let mut wanted = from_document(&current()).unwrap();
        wanted.members[0].priority = 2.5;
        wanted.settings.other.clear();
        let merged = merge(&current(), &wanted);
        assert_eq!(
            merged.get_document("settings").unwrap().get("replicaSetId"),
            Some(&ObjectId::from_bytes([7; 12]).into())
        );
        let member = merged.get_array("members").unwrap()[0].as_document().unwrap();
        assert_eq!(member.get_f64("priority").unwrap(), 2.5);
        assert_eq!(member.get_document("horizons").unwrap().get_str("out").unwrap(), "x:1");
        assert_eq!(merged.get_i64("term").unwrap(), 7);
    }

    #[test]
    fn the_same_configuration_changes_nothing() {
        let read = from_document(&current()).unwrap();
        let again = from_document(&merge(&current(), &read)).unwrap();
        assert!(is_same(&read, &again));
        let mut other = read.clone();
        other.settings.election_timeout_millis = 1;
        assert!(!is_same(&read, &other));
    }

    #[test]
    fn votes_are_counted_by_host() {
        let read = from_document(&current()).unwrap();
        let mut next = read.clone();
        next.members.push(SetMember { id: 1, host: "b:1".into(), ..read.members[0].clone() });
        next.members.push(SetMember { id: 2, host: "c:1".into(), votes: 0, ..read.members[0].clone() });
        assert_eq!(voting_changes(&read, &next), ["b:1"]);
        next.members[0].votes = 0;
        assert_eq!(voting_changes(&read, &next), ["a:1", "b:1"]);
    }
}
