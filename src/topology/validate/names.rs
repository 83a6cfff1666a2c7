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
    let odd = name.chars().find(|one| !one.is_ascii_alphanumeric() && *one != '-');
    let problem = if name.is_empty() {
        "must not be empty".to_owned()
    } else if let Some(odd) = odd {
        format!(
            "must not have `{}`: Incus takes only letters from A to Z without accents, digits and hyphens",
            odd.escape_debug()
        )
    } else if name.len() > 63 {
        format!("must not be longer than 63 characters, and this one has {}", name.len())
    } else if name.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        "must begin with a letter".to_owned()
    } else if name.ends_with('-') {
        "must not end in a hyphen".to_owned()
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
    let hyphens: String = name.chars().map(plainest).collect();
    // A number at the beginning moves to the end, so that `1node` and `2node` stay different names.
    let start = hyphens.trim_start_matches(|first: char| first == '-' || first.is_ascii_digit());
    let number: String = hyphens.chars().filter(|one| *one != '-').take_while(char::is_ascii_digit).collect();
    let start = if start.is_empty() { String::new() } else { start.trim_end_matches('-').to_owned() + &number };
    start.chars().take(63).collect::<String>().trim_end_matches('-').to_owned()
}

/// A letter without its accents, a hyphen for what has none: `ñ` becomes `n`.
fn plainest(one: char) -> char {
    if one.is_ascii_alphanumeric() {
        return one;
    }
    let letter = fragmentation::letter(one.encode_utf8(&mut [0; 4])).ok().flatten();
    letter.map_or('-', |letter| if one.is_uppercase() { letter } else { letter.to_ascii_lowercase() })
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
            .error(span, "the name of a network takes letters from a to z, digits, `-`, `_` and `.`, and must begin with a letter or digit")
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
                .error(
                    span,
                    format!(
                        "the name of {what} takes letters from a to z, digits, `-` and `_`, and at most 63 of them"
                    ),
                )
                .instead("begin with a letter, and leave other signs out");
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
                .error(package.span, format!("`{}` is not the name of a Debian package", package.value))
                .instead("write a name such as `libcurl4`, without a version");
        }
    }
}
