//! Whom a fault hits: said before a run, decided when it comes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use protocol::FaultKind;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::desired::{Mongod, ReplicaSet};

/// Whom a fault hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Whoever is primary then.
    Primary,
    /// One of the secondaries.
    Secondary,
    /// The primary, and as many others as make a majority with it.
    Majority,
    /// All members.
    All,
    /// A member, `address:port`.
    Member(String),
    /// All members in a container.
    Container(String),
}

impl FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "primary" => Self::Primary,
            "secondary" => Self::Secondary,
            "majority" => Self::Majority,
            "all" => Self::All,
            host if host.contains(':') => Self::Member(host.to_owned()),
            name => Self::Container(name.to_owned()),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Majority => "majority",
            Self::All => "all",
            Self::Member(name) | Self::Container(name) => name,
        })
    }
}

impl Target {
    /// Says what is wrong with it for a set, if anything.
    pub fn check(&self, set: &ReplicaSet) -> Result<(), String> {
        let hosts = || set.members.iter().map(|member| member.host.as_str()).collect::<Vec<_>>().join(", ");
        let containers = || {
            let names: BTreeSet<&str> = set.members.iter().map(|member| member.container.as_str()).collect();
            names.into_iter().collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Secondary if set.members.len() < 2 => Err(format!("{} has no secondary", set.name)),
            Self::Member(host) if set.members.iter().all(|member| member.host != *host) => {
                Err(format!("{} has no member {host}; it has {}", set.name, hosts()))
            }
            Self::Container(name) if set.members.iter().all(|member| member.container != *name) => Err(format!(
                "no member of {} is in a container `{name}`; they are in {} (a target is primary, secondary, majority, all, \
                 a member or a container)",
                set.name,
                containers()
            )),
            _ => Ok(()),
        }
    }

    /// Whom it means while `primary` leads. The draw decides where several would do.
    pub fn resolve<'s>(&self, set: &'s ReplicaSet, primary: &str, draw: &mut impl Rng) -> Vec<&'s Mongod> {
        let members = || set.members.iter();
        let leads = |member: &&Mongod| member.host == primary;
        match self {
            Self::Primary => members().filter(leads).collect(),
            Self::Secondary => {
                let others: Vec<&Mongod> = members().filter(|member| !leads(member)).collect();
                others.choose(draw).copied().into_iter().collect()
            }
            Self::Majority => {
                let others: Vec<&Mongod> = members().filter(|member| !leads(member)).collect();
                let more = set.members.len() / 2;
                members().filter(leads).chain(others.choose_multiple(draw, more).copied()).collect()
            }
            Self::All => members().collect(),
            Self::Member(host) => members().filter(|member| member.host == *host).collect(),
            Self::Container(name) => members().filter(|member| member.container == *name).collect(),
        }
    }
}

/// The target that a fault can have at all: only a primary can step down.
pub fn fitting(fault: FaultKind, wanted: Target) -> Target {
    if fault == FaultKind::Stepdown { Target::Primary } else { wanted }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn set() -> ReplicaSet {
        let member = |port: u16, container: &str| Mongod {
            container: container.into(),
            port,
            host: format!("10.1.1.2:{port}"),
            unit: format!("mongod-{port}.service"),
            log: String::new(),
            data: String::new(),
        };
        ReplicaSet {
            name: "rs".into(),
            members: vec![member(1, "a"), member(2, "a"), member(3, "b")],
            config: protocol::SetConfig {
                name: "rs".into(),
                version: 1,
                members: Vec::new(),
                settings: protocol::SetSettings::default(),
                other: std::collections::BTreeMap::new(),
            },
            access: None,
        }
    }

    fn hits(text: &str) -> Vec<u16> {
        let (set, target) = (set(), text.parse::<Target>().unwrap());
        target.check(&set).unwrap();
        let mut draw = ChaCha8Rng::seed_from_u64(1);
        let mut ports: Vec<u16> =
            target.resolve(&set, "10.1.1.2:2", &mut draw).iter().map(|member| member.port).collect();
        ports.sort_unstable();
        ports
    }

    #[test]
    fn each_target_means_members() {
        assert_eq!(hits("primary"), [2]);
        assert_eq!(hits("all"), [1, 2, 3]);
        assert_eq!(hits("10.1.1.2:3"), [3]);
        assert_eq!(hits("a"), [1, 2]);
        assert_eq!(hits("secondary").len(), 1);
        assert!(!hits("secondary").contains(&2));
        let majority = hits("majority");
        assert!(majority.len() == 2 && majority.contains(&2), "{majority:?}");
    }

    #[test]
    fn who_is_not_there_is_named_with_those_who_are() {
        let wrong = |text: &str| text.parse::<Target>().unwrap().check(&set()).unwrap_err();
        assert_eq!(wrong("10.9.9.9:1"), "rs has no member 10.9.9.9:1; it has 10.1.1.2:1, 10.1.1.2:2, 10.1.1.2:3");
        assert!(wrong("primry").contains("in a container `primry`; they are in a, b"));
    }

    #[test]
    fn only_a_primary_steps_down() {
        assert_eq!(fitting(FaultKind::Stepdown, Target::All), Target::Primary);
        assert_eq!(fitting(FaultKind::Kill, Target::All), Target::All);
    }
}
