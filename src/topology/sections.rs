//! How each section of the file is read: which keys it has, which of them must be there.

use super::checks::{Checks, Count, Failover, Workload};
use super::deployment::{Exposed, Fragment, Fragmentation, Healthcheck, IncusUi, Init, Letters, Service, ServiceFile};
use super::finding::Notes;
use super::mongodb::{Auth, Member, MongoDb, ReplicaSet, Settings, Standalone};
use super::node::Node;
use super::read::{Fields, Read, Scalar, one_or_many};
use super::span::{At, Span};
use super::{Artifact, Container, Limits, Network, Origin, Storage, Topology, default_image};

/// Reads the whole file. What can't be read has a stand-in, so that the rest can be checked all the same.
pub(super) fn topology(node: &Node, origin: Origin, notes: &mut Notes) -> Option<Topology> {
    let extensions = |name: &str| name.starts_with("x-");
    let mut keys = Fields::of(node, Span::default(), notes)?;
    let topology = Topology {
        name: keys.required("name", "products", notes).unwrap_or_else(|| At::unread(String::new())),
        network: keys
            .required("network", "{ name: incusbr0, ipv4: 10.10.10.1/24 }", notes)
            .unwrap_or_else(|| unread_network(true)),
        storage: keys.optional("storage", notes),
        image: images(&mut keys, notes),
        artifacts: keys.or_default("artifacts", notes),
        containers: keys.required("containers", "{ db1: { ipv4: 10.10.10.12 } }", notes).unwrap_or_default(),
        mongodb: keys.or_default("mongodb", notes),
        services: keys.or_default("services", notes),
        fragmentation: keys.or_default("fragmentation", notes),
        expose: keys.or_default("expose", notes),
        incus_ui: keys.optional("incus_ui", notes),
        checks: keys.or_default("checks", notes),
        origin,
    };
    keys.finish_but("Topology", extensions, notes);
    Some(topology)
}

fn images(keys: &mut Fields<'_>, notes: &mut Notes) -> Vec<At<String>> {
    match keys.node("image") {
        Some((_, node)) => one_or_many(node, notes).unwrap_or_default(),
        None => default_image().into_iter().map(At::unread).collect(),
    }
}

fn unread_network(nat: bool) -> Network {
    Network { name: At::unread(String::new()), ipv4: At::unread(ipnet::Ipv4Net::default()), nat }
}

/// Reads a section whose type has a field of the name of each key.
macro_rules! section {
    ($type:ident { $($field:ident : $how:ident $(($example:literal))?),+ $(,)? }) => {
        impl Read for $type {
            fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
                let mut keys = Fields::of(node, owner, notes)?;
                $(let $field = section!(@read keys, notes, $field, $how $(, $example)?);)+
                keys.finish(stringify!($type), notes);
                Some(Self { $($field: section!(@take $field, $how)),+ })
            }
        }
    };
    (@read $keys:ident, $notes:ident, $field:ident, required, $example:literal) => {
        $keys.required(stringify!($field), $example, $notes)
    };
    (@read $keys:ident, $notes:ident, $field:ident, texts) => {
        $keys.node(stringify!($field)).and_then(|(_, node)| one_or_many(node, $notes)).unwrap_or_default()
    };
    (@read $keys:ident, $notes:ident, $field:ident, yes) => {
        $keys.optional(stringify!($field), $notes).unwrap_or(true)
    };
    (@read $keys:ident, $notes:ident, $field:ident, $how:ident) => { $keys.$how(stringify!($field), $notes) };
    (@take $field:ident, required) => { $field? };
    (@take $field:ident, $how:ident) => { $field };
}

impl Read for Network {
    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        let mut keys = Fields::of(node, owner, notes)?;
        let mut network = unread_network(true);
        network.name = keys.required("name", "incusbr0", notes).unwrap_or(network.name);
        network.ipv4 = keys.required("ipv4", "10.10.10.1/24", notes).unwrap_or(network.ipv4);
        network.nat = keys.optional("nat", notes).unwrap_or(true);
        keys.finish("Network", notes);
        Some(network)
    }
}

section!(Storage { pool: required("default") });
section!(Artifact { path: optional, url: optional, sha256: optional, member: optional, version: optional });
section!(Container { ipv4: required("10.10.10.12"), packages: or_default, limits: or_default });
section!(Limits { memory: optional, cpu: optional, disk: optional, processes: optional });
section!(MongoDb {
    binary: optional,
    auth: optional,
    cache: optional,
    settings: or_default,
    replica_sets: or_default,
    standalone: or_default,
});
section!(Settings {
    election_timeout: optional,
    heartbeat_interval: optional,
    heartbeat_timeout: optional,
    catch_up_timeout: optional,
    chaining_allowed: optional,
    fast_handover: yes,
});

impl Read for ReplicaSet {
    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        let mut keys = Fields::of(node, owner, notes)?;
        let written = keys.length("members");
        let members: Vec<_> = keys.required("members", "[{ container: db1, port: 27017 }]", notes)?;
        keys.finish("ReplicaSet", notes);
        let complete = written == members.len();
        Some(Self { members, complete })
    }
}

impl Read for Fragmentation {
    fn read(node: &Node, owner: Span, notes: &mut Notes) -> Option<Self> {
        let mut keys = Fields::of(node, owner, notes)?;
        let written = keys.length("fragments");
        let collection = keys.required("collection", "products_db.products", notes);
        let key = keys.required("key", "name", notes);
        let letters = keys.optional("letters", notes);
        let fragments: Option<Vec<_>> = keys.required("fragments", "[{ range: A-Z, on: rsA, default: true }]", notes);
        keys.finish("Fragmentation", notes);
        let (collection, key, fragments) = (collection?, key?, fragments?);
        let complete = written == fragments.len();
        Some(Self { collection, key, letters, fragments, complete })
    }
}

section!(Member {
    container: required("db1"),
    port: required("27017"),
    priority: optional,
    votes: optional,
    hidden: optional,
    delay: optional,
    tags: or_default,
});
section!(Standalone { container: required("db1"), port: required("27017") });
section!(Service {
    container: texts,
    binary: optional,
    command: or_default,
    port: optional,
    environment: or_default,
    files: or_default,
    packages: or_default,
    user: optional,
    working_dir: optional,
    healthcheck: optional,
    init: optional,
    depends_on: or_default,
});
section!(Init { command: or_default, stdin: optional });
section!(ServiceFile { content: optional, template: optional, source: optional, mode: optional });
section!(Healthcheck { http: required("/health"), interval: optional, timeout: optional });
section!(Fragment { range: optional, on: required("rsA"), default: optional });
section!(IncusUi { listen: required("127.0.0.1:8443") });
section!(Checks { failover: optional });
section!(Failover {
    max_write_gap: optional,
    max_read_gap: optional,
    max_election: optional,
    lost_writes: optional,
    stale_reads: optional,
    faults: texts,
    rounds: optional,
    hold: optional,
    workload: optional,
    write_concern: optional,
    clients: optional,
    rate: optional,
});
section!(Exposed { listen: required("127.0.0.1:3000"), to: required("web-server:3000") });

impl Scalar for Auth {
    const WHAT: &str = "`keyfile` or `none`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "keyfile" => Some(Self::Keyfile),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl Scalar for Letters {
    const WHAT: &str = "`folded` or `ascii`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "folded" => Some(Self::Folded),
            "ascii" => Some(Self::Ascii),
            _ => None,
        }
    }
}

impl Scalar for Workload {
    const WHAT: &str = "`inserts`, `register`, `mixed` or `app`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "inserts" => Some(Self::Inserts),
            "register" => Some(Self::Register),
            "mixed" => Some(Self::Mixed),
            "app" => Some(Self::App),
            _ => None,
        }
    }
}

impl Scalar for Count {
    const WHAT: &str = "a whole number from 0";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}
