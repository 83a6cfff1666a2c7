//! A part of a system, by name.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::Desired;

/// Which part of a system is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope(Option<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    containers: BTreeSet<String>,
    mongods: BTreeSet<String>,
}

impl Scope {
    /// Whether all is meant.
    pub fn is_whole(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a container is meant.
    pub fn has_container(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|part| part.containers.contains(name))
    }

    /// Whether a replica set or standalone is meant.
    pub fn has_mongods(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|part| part.mongods.contains(name))
    }
}

impl Desired {
    /// What names mean, and all where there are none: a container with what runs wholly in what is meant, a set,
    /// standalone or service with the containers that it runs in.
    pub fn scope(&self, names: &[String]) -> Result<Scope> {
        if names.is_empty() {
            return Ok(Scope(None));
        }
        self.check_names(names)?;
        let sets = || self.replica_sets.values();
        let singles = || self.standalones.values();
        let mut containers: BTreeSet<String> =
            names.iter().filter(|name| self.containers.contains_key(*name)).cloned().collect();
        let named = sets().filter(|set| names.contains(&set.name)).flat_map(|set| &set.members);
        let named = named.chain(singles().filter(|one| names.contains(&one.name)).map(|one| &one.mongod));
        containers.extend(named.map(|mongod| mongod.container.clone()));
        let named = self.services.values().filter(|service| names.contains(&service.name));
        containers.extend(named.flat_map(|service| service.containers.iter().cloned()));
        let whole = sets()
            .filter(|set| set.members.iter().all(|member| containers.contains(&member.container)))
            .map(|set| set.name.clone());
        let single = singles().filter(|one| containers.contains(&one.mongod.container)).map(|one| one.name.clone());
        let mongods = whole.chain(single).collect();
        Ok(Scope(Some(Part { containers, mongods })))
    }

    /// Says which names are neither a container, a replica set, a standalone nor a service.
    pub fn check_names(&self, names: &[String]) -> Result<()> {
        let known = self.containers.keys().chain(self.replica_sets.keys()).chain(self.standalones.keys());
        let known: BTreeSet<&String> = known.chain(self.services.keys()).collect();
        let Some(stranger) = names.iter().find(|name| !known.contains(name)) else {
            return Ok(());
        };
        let likeness = |name: &str| strsim::jaro_winkler(stranger, name);
        let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let guess = nearest
            .filter(|name| likeness(name) > 0.7)
            .map_or(String::new(), |name| format!(" (did you mean {name}?)"));
        let known: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
        bail!("{} has nothing named {stranger}{guess}; it has {}", self.name, known.join(", "))
    }
}
