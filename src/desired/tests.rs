//! What follows from a topology.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use insta::{assert_debug_snapshot, assert_snapshot};
use proptest::prelude::*;

use super::expand::{AgentFile, expand};
use super::render::write_tree;
use super::{Container, Content, Desired};
use crate::topology::{Findings, parse};

const SHOP: &str = r#"
name: shop
network: { name: br0, ipv4: 10.1.0.1/24 }
containers:
  db1: { ipv4: 10.1.0.11, packages: [libcurl4], limits: { memory: 2GiB, cpu: 2 } }
  db2: { ipv4: 10.1.0.12 }
  web: { ipv4: 10.1.0.20 }
mongodb:
  binary: /usr/bin/mongod
  settings: { election_timeout: 2s }
  replica_sets:
    rsA:
      members:
        - { container: db1, port: 27017, priority: 2, tags: { disk: ssd } }
        - { container: db1, port: 27018 }
        - { container: db2, port: 27017, hidden: true, delay: 1h }
  standalone:
    users: { container: db2, port: 27020 }
services:
  shop-web:
    container: web
    command: /usr/bin/web
    environment:
      A: "{{ mongodb.rsA.uri(db='shop') }} {{ mongodb.rsA.uri(db='audit') }}"
      B: "{{ mongodb.users.uri(db='auth') }}"
"#;

fn agent() -> AgentFile {
    AgentFile {
        sha256: "0123456789abcdef".repeat(4),
        size: 1_000,
    }
}

fn expanded(text: &str) -> Desired {
    tried(text, Path::new("/nowhere")).unwrap()
}

fn tried(text: &str, base: &Path) -> Result<Desired, Findings> {
    expand(&parse(text, Path::new("topology.yaml"))?, base, &agent())
}

fn text(container: &Container, path: &str) -> String {
    match &container.files[path].content {
        Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

/// All files of a container: mode, owner, path, what is in it.
fn files(container: &Container) -> String {
    let mut list = String::new();
    for (path, file) in &container.files {
        let content = match &file.content {
            Content::Bytes(_) => "rendered".to_owned(),
            other => format!("{other:?}"),
        };
        let restarts = file
            .restarts
            .as_ref()
            .map(|unit| format!(" restarts {unit}"))
            .unwrap_or_default();
        writeln!(
            list,
            "{:04o} {}:{} {path} {content}{restarts}",
            file.mode, file.owner, file.group
        )
        .unwrap();
    }
    list
}

#[test]
fn the_network() {
    assert_debug_snapshot!(expanded(SHOP).network.config, @r#"
    {
        "ipv4.address": "10.1.0.1/24",
        "ipv4.dhcp.ranges": "10.1.0.21-10.1.0.254",
        "ipv4.nat": "true",
        "ipv6.address": "none",
        "user.distctl.topology": "shop",
    }
    "#);
}

#[test]
fn a_container() {
    let desired = expanded(SHOP);
    let db1 = &desired.containers["db1"];
    assert_debug_snapshot!((&db1.config, &db1.devices, &db1.images, &db1.packages, &db1.system_users), @r#"
    (
        {
            "boot.autostart": "true",
            "limits.cpu": "2",
            "limits.memory": "2GiB",
            "user.distctl.topology": "shop",
        },
        {
            "eth0": {
                "ipv4.address": "10.1.0.11",
                "name": "eth0",
                "network": "br0",
                "type": "nic",
            },
        },
        [
            Alias(
                "debian/12",
            ),
            Remote {
                remote: "images",
                alias: "debian/12",
            },
        ],
        [
            "libcurl4",
        ],
        [
            "mongodb",
        ],
    )
    "#);
    let directories: String = db1
        .directories
        .iter()
        .map(|one| format!("{:04o} {}:{} {}\n", one.mode, one.owner, one.group, one.path))
        .collect();
    assert_snapshot!(directories, @"
    0755 root:root /etc/distctl
    0711 root:root /var/lib/distctl
    0700 root:root /var/lib/distctl/secrets
    0755 mongodb:mongodb /var/lib/mongodb
    0700 mongodb:mongodb /var/lib/mongodb/27017
    0700 mongodb:mongodb /var/lib/mongodb/27018
    0755 mongodb:mongodb /var/log/mongodb
    ");
    assert_snapshot!(files(db1), @"
    0640 root:mongodb /etc/distctl/mongod-27017.conf rendered
    0640 root:mongodb /etc/distctl/mongod-27018.conf rendered
    0400 mongodb:mongodb /etc/distctl/rsA.distctl-agent Secret(rsA.distctl-agent)
    0400 mongodb:mongodb /etc/distctl/rsA.keyfile Secret(rsA.keyfile)
    0644 root:root /etc/hosts rendered
    0644 root:root /etc/systemd/network/05-distctl-eth0.network rendered restarts systemd-networkd.service
    0644 root:root /etc/systemd/system/mongod-27017.service rendered
    0644 root:root /etc/systemd/system/mongod-27018.service rendered
    0755 root:root /usr/local/lib/distctl/agent-0123456789abcdef Agent
    0400 root:root /var/lib/distctl/secrets/rsA.admin Secret(rsA.admin)
    0400 root:root /var/lib/distctl/secrets/rsA.distctl-agent Secret(rsA.distctl-agent)
    0400 root:root /var/lib/distctl/secrets/rsA.keyfile Secret(rsA.keyfile)
    0400 root:root /var/lib/distctl/secrets/rsA.shop-web Secret(rsA.shop-web)
    ");
    assert_snapshot!(files(&desired.containers["db2"]), @"
    0640 root:mongodb /etc/distctl/mongod-27017.conf rendered
    0640 root:mongodb /etc/distctl/mongod-27020.conf rendered
    0400 mongodb:mongodb /etc/distctl/rsA.distctl-agent Secret(rsA.distctl-agent)
    0400 mongodb:mongodb /etc/distctl/rsA.keyfile Secret(rsA.keyfile)
    0400 mongodb:mongodb /etc/distctl/users.distctl-agent Secret(users.distctl-agent)
    0644 root:root /etc/hosts rendered
    0644 root:root /etc/systemd/network/05-distctl-eth0.network rendered restarts systemd-networkd.service
    0644 root:root /etc/systemd/system/mongod-27017.service rendered
    0644 root:root /etc/systemd/system/mongod-27020.service rendered
    0755 root:root /usr/local/lib/distctl/agent-0123456789abcdef Agent
    0400 root:root /var/lib/distctl/secrets/rsA.admin Secret(rsA.admin)
    0400 root:root /var/lib/distctl/secrets/rsA.distctl-agent Secret(rsA.distctl-agent)
    0400 root:root /var/lib/distctl/secrets/rsA.keyfile Secret(rsA.keyfile)
    0400 root:root /var/lib/distctl/secrets/rsA.shop-web Secret(rsA.shop-web)
    0400 root:root /var/lib/distctl/secrets/users.admin Secret(users.admin)
    0400 root:root /var/lib/distctl/secrets/users.distctl-agent Secret(users.distctl-agent)
    0400 root:root /var/lib/distctl/secrets/users.shop-web Secret(users.shop-web)
    ");
    assert_snapshot!(files(&desired.containers["web"]), @"
    0644 root:root /etc/hosts rendered
    0644 root:root /etc/systemd/network/05-distctl-eth0.network rendered restarts systemd-networkd.service
    0755 root:root /usr/local/lib/distctl/agent-0123456789abcdef Agent
    0400 root:root /var/lib/distctl/secrets/rsA.shop-web Secret(rsA.shop-web)
    0400 root:root /var/lib/distctl/secrets/users.shop-web Secret(users.shop-web)
    ");
}

#[test]
fn rendered_files() {
    let desired = expanded(SHOP);
    let (db1, db2) = (&desired.containers["db1"], &desired.containers["db2"]);
    assert_snapshot!(text(db1, "/etc/systemd/network/05-distctl-eth0.network"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    [Match]
    Name=eth0

    # Static, so that neither a lease that has run out nor a slow DHCP server matters.
    [Network]
    DHCP=no
    Address=10.1.0.11/24
    Gateway=10.1.0.1
    DNS=10.1.0.1
    LinkLocalAddressing=no
    IPv6AcceptRA=no
    ");
    assert_snapshot!(text(db1, "/etc/hosts"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    127.0.0.1 localhost
    ::1 localhost ip6-localhost ip6-loopback
    ff02::1 ip6-allnodes
    ff02::2 ip6-allrouters

    10.1.0.11 db1
    10.1.0.12 db2
    10.1.0.20 web
    ");
    assert_snapshot!(text(db1, "/etc/distctl/mongod-27017.conf"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    net:
      port: 27017
      bindIp: 10.1.0.11,127.0.0.1
      unixDomainSocket:
        enabled: false
    storage:
      dbPath: /var/lib/mongodb/27017
      wiredTiger:
        engineConfig:
          cacheSizeGB: 0.402
    systemLog:
      destination: file
      path: /var/log/mongodb/mongod-27017.log
      logAppend: true
      logRotate: reopen
    replication:
      replSetName: rsA
    security:
      authorization: enabled
      keyFile: /etc/distctl/rsA.keyfile
    setParameter:
      # The unit's umask holds: the log is 0640, where mongod alone makes it 0600.
      honorSystemUmask: true
    ");
    assert_snapshot!(text(db2, "/etc/distctl/mongod-27020.conf"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    net:
      port: 27020
      bindIp: 10.1.0.12,127.0.0.1
      unixDomainSocket:
        enabled: false
    storage:
      dbPath: /var/lib/mongodb/27020
      wiredTiger:
        engineConfig:
          cacheSizeGB: 0.25
    systemLog:
      destination: file
      path: /var/log/mongodb/mongod-27020.log
      logAppend: true
      logRotate: reopen
    security:
      authorization: enabled
    setParameter:
      # The unit's umask holds: the log is 0640, where mongod alone makes it 0600.
      honorSystemUmask: true
    ");
    assert_snapshot!(text(db1, "/etc/systemd/system/mongod-27017.service"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    [Unit]
    Description=mongod of rsA on port 27017
    Wants=network-online.target
    After=network-online.target
    # A mongod that is killed again and again must come back each time.
    StartLimitIntervalSec=0

    [Service]
    User=mongodb
    Group=mongodb
    Environment=DISTCTL_REVISION=7e32adfcdc22d092
    ExecStart=/usr/bin/mongod --config /etc/distctl/mongod-27017.conf
    # Another member becomes primary at once: before a clean stop, and after a crash.
    ExecStop=-/usr/local/lib/distctl/agent-0123456789abcdef handover stop --set rsA --self 10.1.0.11:27017 --hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017 --user distctl-agent --password-file /etc/distctl/rsA.distctl-agent
    ExecStopPost=-/usr/local/lib/distctl/agent-0123456789abcdef handover crash --set rsA --self 10.1.0.11:27017 --hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017 --user distctl-agent --password-file /etc/distctl/rsA.distctl-agent
    Restart=on-failure
    # Long enough for the others to elect while this one is away.
    RestartSec=2
    TimeoutStopSec=60
    UMask=0027
    LimitNOFILE=64000
    LimitNPROC=64000
    # Nothing that needs a mount namespace of its own: an unprivileged container may refuse that.
    NoNewPrivileges=yes
    CapabilityBoundingSet=
    RestrictSUIDSGID=yes
    LockPersonality=yes

    [Install]
    WantedBy=multi-user.target
    ");
    assert_snapshot!(text(db2, "/etc/systemd/system/mongod-27020.service"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    [Unit]
    Description=mongod of users on port 27020
    Wants=network-online.target
    After=network-online.target
    # A mongod that is killed again and again must come back each time.
    StartLimitIntervalSec=0

    [Service]
    User=mongodb
    Group=mongodb
    Environment=DISTCTL_REVISION=2834c1ba1e2fa4a2
    ExecStart=/usr/bin/mongod --config /etc/distctl/mongod-27020.conf
    Restart=on-failure
    # Long enough for the others to elect while this one is away.
    RestartSec=2
    TimeoutStopSec=60
    UMask=0027
    LimitNOFILE=64000
    LimitNPROC=64000
    # Nothing that needs a mount namespace of its own: an unprivileged container may refuse that.
    NoNewPrivileges=yes
    CapabilityBoundingSet=
    RestrictSUIDSGID=yes
    LockPersonality=yes

    [Install]
    WantedBy=multi-user.target
    ");
}

#[test]
fn rendered_without_authentication() {
    let desired = expanded(&SHOP.replace("  settings:", "  auth: none\n  settings:"));
    let db1 = &desired.containers["db1"];
    assert_snapshot!(text(db1, "/etc/distctl/mongod-27017.conf"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    net:
      port: 27017
      bindIp: 10.1.0.11,127.0.0.1
      unixDomainSocket:
        enabled: false
    storage:
      dbPath: /var/lib/mongodb/27017
      wiredTiger:
        engineConfig:
          cacheSizeGB: 0.402
    systemLog:
      destination: file
      path: /var/log/mongodb/mongod-27017.log
      logAppend: true
      logRotate: reopen
    replication:
      replSetName: rsA
    setParameter:
      # The unit's umask holds: the log is 0640, where mongod alone makes it 0600.
      honorSystemUmask: true
    ");
    assert!(
        text(db1, "/etc/systemd/system/mongod-27017.service")
            .contains("--hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017\n")
    );
    assert!(!files(db1).contains("Secret"));
    assert_eq!(desired.replica_sets["rsA"].access, None);
}

#[test]
fn a_replica_set() {
    let desired = expanded(SHOP);
    insta::assert_json_snapshot!(desired.replica_sets["rsA"].config, @r#"
    {
      "_id": "rsA",
      "version": 1,
      "members": [
        {
          "_id": 0,
          "host": "10.1.0.11:27017",
          "priority": 2.0,
          "votes": 1,
          "hidden": false,
          "arbiterOnly": false,
          "buildIndexes": true,
          "secondaryDelaySecs": 0,
          "tags": {
            "disk": "ssd"
          }
        },
        {
          "_id": 1,
          "host": "10.1.0.11:27018",
          "priority": 1.0,
          "votes": 1,
          "hidden": false,
          "arbiterOnly": false,
          "buildIndexes": true,
          "secondaryDelaySecs": 0,
          "tags": {}
        },
        {
          "_id": 2,
          "host": "10.1.0.12:27017",
          "priority": 0.0,
          "votes": 1,
          "hidden": true,
          "arbiterOnly": false,
          "buildIndexes": true,
          "secondaryDelaySecs": 3600,
          "tags": {}
        }
      ],
      "settings": {
        "electionTimeoutMillis": 2000,
        "heartbeatIntervalMillis": 2000,
        "heartbeatTimeoutSecs": 10,
        "catchUpTimeoutMillis": -1,
        "catchUpTakeoverDelayMillis": 30000,
        "chainingAllowed": true
      }
    }
    "#);
    assert_debug_snapshot!(desired.replica_sets["rsA"].access, @r#"
    Some(
        Access {
            admin: Credential {
                user: "admin",
                password_file: "/var/lib/distctl/secrets/rsA.admin",
            },
            agent: Credential {
                user: "distctl-agent",
                password_file: "/etc/distctl/rsA.distctl-agent",
            },
            users: [
                UserSpec {
                    credential: Credential {
                        user: "admin",
                        password_file: "/var/lib/distctl/secrets/rsA.admin",
                    },
                    roles: [
                        Role {
                            role: "root",
                            db: "admin",
                        },
                    ],
                },
                UserSpec {
                    credential: Credential {
                        user: "distctl-agent",
                        password_file: "/etc/distctl/rsA.distctl-agent",
                    },
                    roles: [
                        Role {
                            role: "distctlAgent",
                            db: "admin",
                        },
                    ],
                },
                UserSpec {
                    credential: Credential {
                        user: "shop-web",
                        password_file: "/var/lib/distctl/secrets/rsA.shop-web",
                    },
                    roles: [
                        Role {
                            role: "readWrite",
                            db: "audit",
                        },
                        Role {
                            role: "readWrite",
                            db: "shop",
                        },
                    ],
                },
            ],
        },
    )
    "#);
    assert_debug_snapshot!(desired.standalones["users"], @r#"
    Standalone {
        name: "users",
        mongod: Mongod {
            container: "db2",
            port: 27020,
            host: "10.1.0.12:27020",
            unit: "mongod-27020.service",
            log: "/var/log/mongodb/mongod-27020.log",
        },
        access: Some(
            Access {
                admin: Credential {
                    user: "admin",
                    password_file: "/var/lib/distctl/secrets/users.admin",
                },
                agent: Credential {
                    user: "distctl-agent",
                    password_file: "/etc/distctl/users.distctl-agent",
                },
                users: [
                    UserSpec {
                        credential: Credential {
                            user: "admin",
                            password_file: "/var/lib/distctl/secrets/users.admin",
                        },
                        roles: [
                            Role {
                                role: "root",
                                db: "admin",
                            },
                        ],
                    },
                    UserSpec {
                        credential: Credential {
                            user: "distctl-agent",
                            password_file: "/etc/distctl/users.distctl-agent",
                        },
                        roles: [
                            Role {
                                role: "distctlAgent",
                                db: "admin",
                            },
                        ],
                    },
                    UserSpec {
                        credential: Credential {
                            user: "shop-web",
                            password_file: "/var/lib/distctl/secrets/users.shop-web",
                        },
                        roles: [
                            Role {
                                role: "readWrite",
                                db: "auth",
                            },
                        ],
                    },
                ],
            },
        ),
    }
    "#);
}

#[test]
fn without_settings_a_set_has_those_of_mongodb() {
    let desired = expanded(&SHOP.replace("  settings: { election_timeout: 2s }\n", ""));
    assert_eq!(
        desired.replica_sets["rsA"].config.settings,
        protocol::SetSettings::default()
    );
}

#[test]
fn hand_over_only_where_it_is_wanted() {
    let desired = expanded(&SHOP.replace("election_timeout: 2s", "fast_handover: false"));
    assert!(!text(&desired.containers["db1"], "/etc/systemd/system/mongod-27017.service").contains("ExecStop"));
}

fn revision(text: &str, agent: &AgentFile) -> Option<String> {
    let topology = parse(text, Path::new("topology.yaml")).unwrap();
    let desired = expand(&topology, Path::new("/nowhere"), agent).unwrap();
    desired.containers["db1"].units["mongod-27017.service"].revision.clone()
}

#[test]
fn a_revision_changes_with_what_needs_a_restart() {
    let first = revision(SHOP, &agent());
    let other_agent = AgentFile {
        sha256: "f".repeat(64),
        size: 1,
    };
    assert_eq!(first, revision(SHOP, &other_agent), "a new agent restarts nothing");
    assert_eq!(
        first,
        revision(&SHOP.replace("election_timeout: 2s", "fast_handover: false"), &agent())
    );
    assert_eq!(first, revision(&SHOP.replace("priority: 2", "priority: 3"), &agent()));
    assert_ne!(first, revision(&SHOP.replace("memory: 2GiB", "memory: 8GiB"), &agent()));
    assert_ne!(
        first,
        revision(&SHOP.replace("/usr/bin/mongod", "/opt/mongod"), &agent())
    );
    assert_ne!(
        first,
        revision(&SHOP.replace("  settings:", "  auth: none\n  settings:"), &agent())
    );
}

const ARTIFACT: &str = "
name: one
network: { name: br0, ipv4: 10.1.0.1/24 }
storage: { pool: fast }
artifacts: { mongod: { path: mongod } }
containers: { db1: { ipv4: 10.1.0.11, limits: { disk: 10GiB } } }
mongodb: { binary: mongod, standalone: { one: { container: db1, port: 27017 } } }
";

#[test]
fn an_artifact_is_hashed_and_pushed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mongod"), "a binary").unwrap();
    let desired = tried(ARTIFACT, folder.path()).unwrap();
    let db1 = &desired.containers["db1"];
    let Content::Artifact { path, sha256, size } = &db1.files["/usr/local/bin/mongod"].content else {
        panic!()
    };
    assert_eq!((path, *size), (&folder.path().join("mongod"), 8));
    assert_eq!(
        sha256,
        "ce1b9a1ed2b9a8d1b2ec25e7ff4f1f4ab2d2fb4d2a0d9ef2c60b2e0ef3a9e9d0"
    );
    assert_debug_snapshot!(db1.devices["root"], @"");
}

#[test]
fn artifacts_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |text: &str| {
        let findings = tried(text, folder.path()).unwrap_err();
        findings
            .render(false)
            .replace(folder.path().to_str().unwrap(), "FOLDER")
    };
    assert_snapshot!(shown(ARTIFACT), @"
    error: `FOLDER/mongod` can't be read: No such file or directory (os error 2)
     --> topology.yaml:5:30
      |
    5 | artifacts: { mongod: { path: mongod } }
      |                              ^^^^^^
      |
      = help: put the file there, or write where it is
    ");
    fs::write(folder.path().join("mongod"), "a binary").unwrap();
    assert_snapshot!(shown(&ARTIFACT.replace("path: mongod", &format!("path: mongod, sha256: {}", "0".repeat(64)))), @"
    error: `FOLDER/mongod` has another SHA-256: a31362f60e9c65899145b6d69e92ceb0ae73fdc3a44f91dd654c9301548c4f5f
     --> topology.yaml:5:46
      |
    5 | artifacts: { mongod: { path: mongod, sha256: 0000000000000000000000000000000000000000000000000000000000000000 } }
      |                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: topology.yaml:5:30
      |
    5 | artifacts: { mongod: { path: mongod, sha256: 0000000000000000000000000000000000000000000000000000000000000000 } }
      |                              ------ the file
      |
      = help: fetch the file again; write that hash only if you know the file to be right
    ");
}

#[test]
fn templates_beside_the_file_go_first() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    let own = folder.path().join("templates/mongod.conf");
    fs::write(&own, "my port is {{ port }}").unwrap();
    let desired = tried(SHOP, folder.path()).unwrap();
    assert_eq!(
        text(&desired.containers["db1"], "/etc/distctl/mongod-27017.conf"),
        "my port is 27017"
    );

    fs::write(&own, "my port is {{ prot }}").unwrap();
    assert_snapshot!(tried(SHOP, folder.path()).unwrap_err().render(false), @"
    error: topology.yaml: the template templates/mongod.conf can't be filled: Failed to render 'templates/mongod.conf': Variable `prot` not found in context while rendering 'templates/mongod.conf'
     |
     = help: mend the template, or remove it: there is one built in
    ");
    fs::write(&own, "my port is {{ port").unwrap();
    assert_snapshot!(tried(SHOP, folder.path()).unwrap_err().render(false), @"
    error: topology.yaml: the template templates/mongod.conf is wrong: Failed to parse 'templates/mongod.conf': --> 1:19
             |
           1 | my port is {{ port
             |                   ^---
             |
             = expected `or`, `and`, `not`, `<=`, `>=`, `<`, `>`, `==`, `!=`, `+`, `-`, `*`, `/`, `%`, a filter, or a variable end (`}}`)
     |
     = help: mend the template, or remove it: there is one built in
    ");
}

#[test]
fn a_tree_shows_what_is_pushed_but_no_secret() {
    let desired = expanded(SHOP);
    let folder = tempfile::tempdir().unwrap();
    let written = write_tree(&desired, folder.path()).unwrap();
    let names: Vec<_> = written
        .iter()
        .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    assert_snapshot!(names.join("\n"), @"
    db1/etc/distctl/mongod-27017.conf
    db1/etc/distctl/mongod-27018.conf
    db1/etc/hosts
    db1/etc/systemd/network/05-distctl-eth0.network
    db1/etc/systemd/system/mongod-27017.service
    db1/etc/systemd/system/mongod-27018.service
    db2/etc/distctl/mongod-27017.conf
    db2/etc/distctl/mongod-27020.conf
    db2/etc/hosts
    db2/etc/systemd/network/05-distctl-eth0.network
    db2/etc/systemd/system/mongod-27017.service
    db2/etc/systemd/system/mongod-27020.service
    web/etc/hosts
    web/etc/systemd/network/05-distctl-eth0.network
    manifest.json
    ");
    let conf = fs::read_to_string(folder.path().join("db1/etc/distctl/mongod-27017.conf")).unwrap();
    assert_eq!(conf, text(&desired.containers["db1"], "/etc/distctl/mongod-27017.conf"));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(written.last().unwrap()).unwrap()).unwrap();
    insta::assert_json_snapshot!(manifest["containers"]["web"], @r#"
    {
      "config": {
        "boot.autostart": "true",
        "user.distctl.topology": "shop"
      },
      "devices": {
        "eth0": {
          "ipv4.address": "10.1.0.20",
          "name": "eth0",
          "network": "br0",
          "type": "nic"
        }
      },
      "directories": {
        "/var/lib/distctl": {
          "mode": "0711",
          "owner": "root:root"
        },
        "/var/lib/distctl/secrets": {
          "mode": "0700",
          "owner": "root:root"
        }
      },
      "files": {
        "/etc/hosts": {
          "mode": "0644",
          "owner": "root:root",
          "sha256": "7858e4978b8f54f0a806793ed78fc848b0164ecae36cc4e64624c719b3569295",
          "size": 226
        },
        "/etc/systemd/network/05-distctl-eth0.network": {
          "mode": "0644",
          "owner": "root:root",
          "sha256": "ed4b0007c908d6f757457c16b1ccf7b87729600471cbacf7bca95d3c532172d7",
          "size": 287
        },
        "/usr/local/lib/distctl/agent-0123456789abcdef": {
          "agent": true,
          "mode": "0755",
          "owner": "root:root",
          "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        },
        "/var/lib/distctl/secrets/rsA.shop-web": {
          "mode": "0400",
          "owner": "root:root",
          "secret": "rsA.shop-web"
        },
        "/var/lib/distctl/secrets/users.shop-web": {
          "mode": "0400",
          "owner": "root:root",
          "secret": "users.shop-web"
        }
      },
      "packages": [],
      "system_users": [],
      "units": {}
    }
    "#);
    assert_eq!(
        write_tree(&desired, folder.path()).unwrap(),
        written,
        "writing it again is no error"
    );
}

#[test]
fn the_platform_of_the_repository_expands() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("artifacts")).unwrap();
    fs::write(folder.path().join("artifacts/mongod"), "a binary").unwrap();
    let desired = tried(include_str!("../../topology.yaml"), folder.path()).unwrap();
    let units: usize = desired.containers.values().map(|container| container.units.len()).sum();
    assert_eq!((desired.containers.len(), units, desired.replica_sets.len()), (5, 7, 2));
}

/// A topology of containers with addresses in and around a small network, each with a mongod or two.
fn topology_text(hosts: &[(u8, u8)]) -> String {
    let mut text = "name: any\nnetwork: { name: br0, ipv4: 10.1.0.1/28 }\ncontainers:\n".to_owned();
    for (at, (host, _)) in hosts.iter().enumerate() {
        writeln!(text, "  c{at}: {{ ipv4: 10.1.0.{host} }}").unwrap();
    }
    text += "mongodb:\n  binary: /usr/bin/mongod\n  standalone:\n";
    for (at, (_, port)) in hosts.iter().enumerate() {
        writeln!(
            text,
            "    m{at}: {{ container: c{}, port: {} }}",
            at / 2,
            27_017 + u16::from(*port)
        )
        .unwrap();
    }
    text
}

proptest! {
    #[test]
    fn no_two_owners_have_one_address(hosts in prop::collection::vec((0u8..18, 0u8..3), 1..6)) {
        let text = topology_text(&hosts);
        let addresses: BTreeSet<u8> = hosts.iter().map(|(host, _)| *host).collect();
        let distinct = addresses.len() == hosts.len() && addresses.iter().all(|host| (2..15).contains(host));
        let expanded = tried(&text, Path::new("/nowhere"));
        if !distinct {
            prop_assert!(expanded.is_err());
        }
        let Ok(desired) = expanded else { return Ok(()) };
        let mut seen: BTreeSet<Ipv4Addr> = BTreeSet::from([desired.network.ipv4.addr()]);
        for container in desired.containers.values() {
            prop_assert!(desired.network.ipv4.contains(&container.ipv4));
            prop_assert!(seen.insert(container.ipv4), "{} is given twice", container.ipv4);
        }
        let (from, to) = desired.network.config["ipv4.dhcp.ranges"].split_once('-').unwrap();
        let lent = from.parse::<Ipv4Addr>().unwrap()..=to.parse().unwrap();
        prop_assert!(seen.iter().all(|address| !lent.contains(address)));
        let mut mongods = BTreeSet::new();
        prop_assert!(desired.standalones.values().all(|single| mongods.insert(&single.mongod.host)));
        prop_assert_eq!(tried(&text, Path::new("/nowhere")).unwrap(), desired);
    }
}
