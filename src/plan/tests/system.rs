//! Small systems, written by hand.

use std::collections::BTreeMap;

use protocol::{Credential, Directory, Role, SetConfig, SetMember, SetSettings, UserSpec};

use crate::desired::{
    Access, Container, Content, DATA_KEY, Desired, File, FragmentHome, Fragmented, Holds, Image, Ledger, Lodging,
    Mongod, Network, OWNER_KEY, ReplicaSet, SecretKind, SecretName, Standalone, Unit,
};

mod services;

pub use services::{artifact, blog, platform, release, with_init, with_service};

/// A system without containers, on 10.10.10.0/24.
pub fn empty() -> Desired {
    Desired {
        name: "shop".into(),
        network: Network {
            name: "shopbr0".into(),
            ipv4: "10.10.10.1/24".parse().unwrap(),
            config: [
                (OWNER_KEY.into(), "shop".into()),
                ("ipv4.address".into(), "10.10.10.1/24".into()),
                ("ipv4.nat".into(), "true".into()),
            ]
            .into(),
        },
        containers: BTreeMap::new(),
        replica_sets: BTreeMap::new(),
        standalones: BTreeMap::new(),
        services: BTreeMap::new(),
        fragmented: BTreeMap::new(),
        incus_ui: None,
    }
}

/// One container with nothing inside.
pub fn with_container(mut desired: Desired, name: &str, octet: u8) -> Desired {
    let ipv4 = std::net::Ipv4Addr::new(10, 10, 10, octet);
    let nic =
        [("type", "nic"), ("network", "shopbr0"), ("name", "eth0")].map(|(key, value)| (key.into(), value.into()));
    let mut nic: BTreeMap<String, String> = nic.into();
    nic.insert("ipv4.address".into(), ipv4.to_string());
    let container = Container {
        name: name.into(),
        ipv4,
        images: vec![Image::Alias("debian/12".into())],
        config: [(OWNER_KEY.into(), "shop".into()), (DATA_KEY.into(), Ledger::default().to_string())].into(),
        devices: [("eth0".into(), nic)].into(),
        packages: Vec::new(),
        system_users: Vec::new(),
        directories: Vec::new(),
        files: [("/etc/hosts".into(), text("127.0.0.1 localhost"))].into(),
        units: BTreeMap::new(),
        releases: BTreeMap::new(),
        transitions: BTreeMap::new(),
    };
    desired.containers.insert(name.into(), container);
    desired
}

/// A replica set with members in containers that are declared already.
pub fn with_set(mut desired: Desired, name: &str, members: &[(&str, u16)]) -> Desired {
    let mongods: Vec<Mongod> =
        members.iter().map(|(container, port)| mongod(&mut desired, (name, Holds::Member), container, *port)).collect();
    for (container, _) in members {
        let keyfile = SecretName { owner: name.into(), kind: SecretKind::Keyfile };
        let files = &mut desired.containers.get_mut(*container).unwrap().files;
        files.insert(format!("/var/lib/distctl/secrets/{name}.keyfile"), secret(&keyfile));
        files.insert(format!("/etc/distctl/{name}.keyfile"), secret(&keyfile));
    }
    let count = mongods.len();
    let config = SetConfig {
        name: name.into(),
        version: 1,
        members: mongods
            .iter()
            .enumerate()
            .map(|(id, one)| member(id as i64, &one.host, (count - id) as f64))
            .collect(),
        settings: SetSettings::default(),
        other: BTreeMap::new(),
    };
    let set = ReplicaSet { name: name.into(), members: mongods, config, access: Some(access(name)) };
    desired.replica_sets.insert(name.into(), set);
    desired
}

/// A mongod of its own.
pub fn with_standalone(mut desired: Desired, name: &str, container: &str, port: u16) -> Desired {
    let mongod = mongod(&mut desired, (name, Holds::Standalone), container, port);
    let standalone = Standalone { name: name.into(), mongod, access: Some(access(name)) };
    desired.standalones.insert(name.into(), standalone);
    desired
}

/// One set of three in one container, and a standalone: the smallest system with everything in it.
pub fn shop() -> Desired {
    let desired = with_container(with_container(empty(), "db1", 12), "db3", 14);
    let desired = with_set(desired, "rsA", &[("db1", 27017), ("db1", 27018), ("db1", 27019)]);
    with_standalone(desired, "users", "db3", 27017)
}

/// A collection over a set and a standalone; `ranges` are those of the first and the second.
pub fn with_fragmentation(mut desired: Desired, ranges: [&str; 2]) -> Desired {
    let home = |on: &str, is_set, mongods: &[Mongod]| FragmentHome {
        place: protocol::FragmentPlace { on: on.into(), is_set, hosts: Vec::new(), credential: None },
        containers: vec![mongods[0].container.clone()],
        mongods: mongods.to_vec(),
    };
    let set = home("rsA", true, &desired.replica_sets["rsA"].members);
    let single = home("users", false, std::slice::from_ref(&desired.standalones["users"].mongod));
    let fragments = ["rsA", "users"].iter().zip(ranges).enumerate().map(|(index, (on, range))| {
        fragmentation::Fragment { range: Some(range.parse().unwrap()), on: (*on).into(), default: index == 0 }
    });
    let rule = fragmentation::Fragmentation {
        collection: "shop.products".into(),
        key: "name".into(),
        letters: fragmentation::Letters::Folded,
        fragments: fragments.collect(),
    };
    let fragmented = Fragmented {
        name: "products".into(),
        rule,
        homes: [("rsA".into(), set), ("users".into(), single)].into(),
        routers: Vec::new(),
        marker: ("db1".into(), "/var/lib/distctl/fragments/products.json".into()),
    };
    desired.fragmented.insert("products".into(), fragmented);
    desired
}

/// A set with one member in each of three containers.
pub fn spread() -> Desired {
    let desired =
        ["a", "b", "c"].iter().zip(21..).fold(empty(), |desired, (name, octet)| with_container(desired, name, octet));
    with_set(desired, "rs", &[("a", 27017), ("b", 27017), ("c", 27017)])
}

/// A member as `rs.conf()` shows it.
pub fn member(id: i64, host: &str, priority: f64) -> SetMember {
    SetMember {
        id,
        host: host.into(),
        priority,
        votes: 1,
        hidden: false,
        arbiter_only: false,
        build_indexes: true,
        secondary_delay_secs: 0,
        tags: BTreeMap::new(),
    }
}

fn access(owner: &str) -> Access {
    let admin = Credential { user: "admin".into(), password_file: format!("/var/lib/distctl/secrets/{owner}.admin") };
    let agent = Credential { user: "distctl-agent".into(), password_file: format!("/etc/distctl/{owner}.agent") };
    let role = |role: &str| vec![Role { role: role.into(), db: "admin".into() }];
    let users = vec![
        UserSpec { credential: admin.clone(), roles: role("root") },
        UserSpec { credential: agent.clone(), roles: role("distctlAgent") },
    ];
    Access { admin, agent, users }
}

fn mongod(desired: &mut Desired, (owner, holds): (&str, Holds), container: &str, port: u16) -> Mongod {
    let inside = desired.containers.get_mut(container).unwrap();
    let mongod = Mongod {
        container: container.into(),
        port,
        host: format!("{}:{port}", inside.ipv4),
        unit: format!("mongod-{port}.service"),
        log: format!("/var/log/mongodb/mongod-{port}.log"),
        data: format!("/var/lib/mongodb/{port}"),
    };
    let directory =
        |path: &str| Directory { path: path.into(), mode: 0o700, owner: "mongodb".into(), group: "mongodb".into() };
    let lodging = Lodging { folder: port.to_string(), holds, owner: owner.into(), port };
    let mut ledger = Ledger::parse(&inside.config[DATA_KEY]);
    ledger.0.push(lodging);
    ledger.0.sort();
    inside.config.insert(DATA_KEY.into(), ledger.to_string());
    inside.system_users = vec!["mongodb".into()];
    inside.directories.push(directory(&mongod.data));
    inside.files.insert(format!("/etc/systemd/system/{}", mongod.unit), text("[Service]"));
    let unit = Unit { revision: Some("r1".into()), reads: Vec::new(), log: Some(mongod.log.clone()) };
    inside.units.insert(mongod.unit.clone(), unit);
    mongod
}

fn text(content: &str) -> File {
    file(Content::Bytes(content.as_bytes().to_vec()))
}

fn secret(name: &SecretName) -> File {
    file(Content::Secret(name.clone()))
}

fn file(content: Content) -> File {
    File { mode: 0o644, owner: "root".into(), group: "root".into(), content, restarts: None }
}
