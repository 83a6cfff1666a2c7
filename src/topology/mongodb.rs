//! The `mongodb` section: replica sets, single mongods, and what they share.

use schemars::JsonSchema;
use serde::Serialize;

use super::{At, Named, Size, Texts, Time, yes};

/// The databases.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MongoDb {
    /// The mongod binary: the name of an artifact, or an absolute path in the image.
    pub binary: Option<At<String>>,
    /// Who gets in: `keyfile` asks everybody for a password, `none` nobody.
    #[schemars(default, with = "Auth")]
    pub auth: Option<At<Auth>>,
    /// The cache of each mongod; without it, computed from the memory limits (256 MiB where there is none).
    pub cache: Option<At<Size>>,
    /// Times and habits of all replica sets.
    #[schemars(default)]
    pub settings: Settings,
    /// Replica sets by name.
    #[schemars(default)]
    pub replica_sets: Named<ReplicaSet>,
    /// Mongods that are in no set, by name.
    #[schemars(default)]
    pub standalone: Named<Standalone>,
}

impl MongoDb {
    /// Who gets in, said or not.
    pub fn auth(&self) -> Auth {
        self.auth.map(|auth| auth.value).unwrap_or_default()
    }

    /// Where every mongod is: of whom, in which container, at which port; members of sets first.
    pub(crate) fn mongods(&self) -> impl Iterator<Item = (&str, &At<String>, &At<u16>)> {
        let members = self.replica_sets.iter().flat_map(|(name, set)| {
            set.members.iter().map(move |member| (name, &member.value.container, &member.value.port))
        });
        members.chain(self.standalone.iter().map(|(name, single)| (name, &single.container, &single.port)))
    }

    /// Whether there is anything of this name that a uri can be asked for, be it readable or not.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.replica_sets.declares(name) || self.standalone.declares(name)
    }

    /// The names that a uri can be asked for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.replica_sets.declared().chain(self.standalone.declared()).map(|(name, _)| name)
    }
}

/// Who gets in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Members trust each other by a key, clients by a password.
    #[default]
    Keyfile,
    /// Everybody who reaches a port gets in.
    None,
}

/// Times and habits of all replica sets. Without a value, MongoDB's own default holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Settings {
    /// How long members wait without a primary until they elect one (10s).
    pub election_timeout: Option<At<Time>>,
    /// How often members ask each other (2s).
    pub heartbeat_interval: Option<At<Time>>,
    /// How long a member may be silent, in whole seconds (10s).
    pub heartbeat_timeout: Option<At<Time>>,
    /// How long a new primary may catch up with others (no limit).
    pub catch_up_timeout: Option<At<Time>>,
    /// Whether a secondary may copy from another secondary (true).
    pub chaining_allowed: Option<At<bool>>,
    /// Whether a mongod that stops or crashes makes another member primary at once, without the election timeout.
    #[schemars(default = "yes")]
    pub fast_handover: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            election_timeout: None,
            heartbeat_interval: None,
            heartbeat_timeout: None,
            catch_up_timeout: None,
            chaining_allowed: None,
            fast_handover: yes(),
        }
    }
}

/// A replica set.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReplicaSet {
    /// Its members, at most 50. Any container may hold any number of them.
    #[schemars(length(min = 1, max = 50))]
    pub members: Vec<At<Member>>,
    /// Whether all members could be read: otherwise nothing is said of them as a whole.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) complete: bool,
}

/// A member of a replica set.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Member {
    /// The container that it runs in.
    pub container: At<String>,
    /// Its port, on the container's address and on loopback.
    #[schemars(range(min = 1024))]
    pub port: At<u16>,
    /// How much it should be primary: 0 (never) to 1000. 1 without a value, 0 for one that is hidden, delayed or has no
    /// vote.
    #[schemars(range(min = 0, max = 1000))]
    pub priority: Option<At<f64>>,
    /// Whether it votes: 0 or 1 (1).
    #[schemars(range(max = 1))]
    pub votes: Option<At<u8>>,
    /// Whether clients don't see it. Its priority is 0.
    #[schemars(default, with = "bool")]
    pub hidden: Option<At<bool>>,
    /// How far it stays behind on purpose, in whole seconds. Its priority is 0.
    pub delay: Option<At<Time>>,
    /// Tags for read preferences and write concerns.
    #[schemars(default)]
    pub tags: Texts,
}

impl Member {
    /// 0 or 1.
    pub fn votes(&self) -> u8 {
        self.votes.map_or(1, |votes| votes.value)
    }

    /// Whether clients don't see it.
    pub fn hidden(&self) -> bool {
        self.hidden.is_some_and(|hidden| hidden.value)
    }

    /// Its priority, given or not.
    pub fn priority(&self) -> f64 {
        let never = self.hidden() || self.delay.is_some() || self.votes() == 0;
        self.priority.map_or(if never { 0.0 } else { 1.0 }, |priority| priority.value)
    }
}

/// A mongod that is in no set.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Standalone {
    /// The container that it runs in.
    pub container: At<String>,
    /// Its port, on the container's address and on loopback.
    #[schemars(range(min = 1024))]
    pub port: At<u16>,
}
