//! Names that Incus, mongod, systemd or Debian would refuse.

use super::super::span::Span;
use super::super::{Named, Notes, Topology};

/// Users that distctl makes in every set; a service's user has the service's name.
const TAKEN: [&str; 4] = ["admin", "distctl-agent", "keyfile", "root"];

pub(super) fn check(topology: &Topology, notes: &mut Notes) {
    if let Some(name) = topology.name.known() {
        instance(name, topology.name.span, "a topology", notes);
    }
    for (name, span) in topology.containers.declared() {
        instance(name, span, "a container", notes);
        if name.eq_ignore_ascii_case("localhost") {
            notes.error(span, "`localhost` is what every container calls itself").instead("choose another name");
        }
    }
    if let Some(name) = topology.network.name.known() {
        bridge(name, topology.network.name.span, notes);
    }
    plain(&topology.mongodb.replica_sets, "a replica set", notes);
    plain(&topology.mongodb.standalone, "a mongod", notes);
    plain(&topology.services, "a service", notes);
    plain(&topology.expose, "an exposed port", notes);
    plain(&topology.fragmentation, "a fragmented collection", notes);
    twice(topology, notes);
    for (name, span) in topology.services.declared().filter(|(name, _)| TAKEN.contains(name)) {
        notes
            .error(span, format!("`{name}` is a user of distctl's own"))
            .instead("choose another name for the service");
    }
    packages(topology, notes);
}

/// The rule of Incus for instances.
fn instance(name: &str, span: Span, what: &str, notes: &mut Notes) {
    let problem = if name.is_empty() || name.len() > 63 {
        "has 1 to 63 characters"
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        "has letters of ASCII, digits and hyphens only"
    } else if name.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        "begins with a letter"
    } else if name.ends_with('-') {
        "does not end in a hyphen"
    } else {
        return;
    };
    let finding = notes.error(span, format!("the name of {what} {problem}"));
    let fitting = fitting(name);
    if !fitting.is_empty() && fitting != name {
        finding.instead(format!("write `{fitting}`"));
    }
}

/// The nearest name that fits.
fn fitting(name: &str) -> String {
    let hyphens: String = name.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' }).collect();
    let start = hyphens.trim_start_matches(|first: char| first == '-' || first.is_ascii_digit());
    start.chars().take(63).collect::<String>().trim_end_matches('-').to_owned()
}

/// The rule of Incus and Linux for bridges.
fn bridge(name: &str, span: Span, notes: &mut Notes) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !(2..=15).contains(&name.len()) {
        notes
            .error(span, format!("the name of a network has 2 to 15 characters, this one {}", name.chars().count()))
            .instead("shorten it: the kernel takes no more for an interface");
    } else if !name.bytes().all(allowed) || !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        notes
            .error(span, "the name of a network has letters of ASCII, digits, `-`, `_` and `.`, the first no sign")
            .instead("write a name such as `incusbr0`");
    }
}

/// Names that end up in file names, unit arguments and MongoDB users.
fn plain<T>(named: &Named<T>, what: &str, notes: &mut Notes) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    for (name, span) in named.declared() {
        let first = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if !first || name.len() > 63 || !name.bytes().all(allowed) {
            notes
                .error(span, format!("the name of {what} has letters of ASCII, digits, `-` and `_`, at most 63"))
                .instead("begin with a letter and leave other signs out");
        }
    }
}

/// Sets, single mongods and services are named in one breath in `depends_on` and `{{ mongodb.NAME }}`.
fn twice(topology: &Topology, notes: &mut Notes) {
    let mongodb = &topology.mongodb;
    for (name, span) in mongodb.standalone.declared().filter(|(name, _)| mongodb.replica_sets.declares(name)) {
        notes
            .error(span, format!("`{name}` is also the name of a replica set"))
            .instead("rename one of the two")
            .also(mongodb.replica_sets.span(name), "the replica set");
    }
    for (name, span) in topology.services.declared().filter(|(name, _)| mongodb.declares(name)) {
        let other = mongodb.replica_sets.declared().chain(mongodb.standalone.declared()).find(|(set, _)| *set == name);
        notes
            .error(span, format!("`{name}` is also the name of a database"))
            .instead("rename one of the two")
            .also(other.map(|(_, span)| span).unwrap_or_default(), "the database");
    }
}

/// The rule of Debian, which also keeps options of apt out.
fn packages(topology: &Topology, notes: &mut Notes) {
    let containers = topology.containers.iter().flat_map(|(_, container)| &container.packages);
    let services = topology.services.iter().flat_map(|(_, service)| &service.packages);
    for package in containers.chain(services) {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        let first = package.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
        if package.len() < 2 || !first || !package.bytes().all(allowed) {
            notes
                .error(package.span, format!("`{}` is no name of a Debian package", package.value))
                .instead("write a name such as `libcurl4`, without a version");
        }
    }
}
