//! Rendered files, and what makes a mongod start anew.

use std::path::Path;

use insta::assert_snapshot;

use super::super::expand::{AgentFile, expand};
use super::{SHOP, agent, expanded, files, text};
use crate::topology::parse;

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
    assert_snapshot!(text(db1, "/etc/distctl/mongod-27017.conf"), @r"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    net:
      port: 27017
      bindIp: 10.1.0.11,127.0.0.1
      unixDomainSocket:
        enabled: false
    storage:
      dbPath: /var/lib/mongodb/rsA.1
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
      # A signalled mongod otherwise lets clients go for 15 s before it ends; its unit has handed over by then.
      shutdownTimeoutMillisForSignaledShutdown: 100
    ");
    assert_snapshot!(text(db2, "/etc/distctl/mongod-27020.conf"), @r"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    net:
      port: 27020
      bindIp: 10.1.0.12,127.0.0.1
      unixDomainSocket:
        enabled: false
    storage:
      dbPath: /var/lib/mongodb/users
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
      # A signalled mongod otherwise lets clients go for 15 s before it ends; its unit has handed over by then.
      shutdownTimeoutMillisForSignaledShutdown: 100
    ");
    assert_snapshot!(text(db1, "/etc/systemd/system/mongod-27017.service"), @r"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    [Unit]
    Description=mongod of rsA on port 27017
    Wants=network-online.target
    After=network-online.target
    # A set that has just started elects at once, and its favourite leads again.
    Wants=handover-27017.service
    # A mongod that is killed again and again must come back each time.
    StartLimitIntervalSec=0

    [Service]
    User=mongodb
    Group=mongodb
    Environment=DISTCTL_REVISION=151bb38eee3de240
    ExecStart=/usr/bin/mongod --config /etc/distctl/mongod-27017.conf
    # Another member becomes primary at once: before a clean stop, and after a crash. Closing the connections over which
    # others copy takes rights that mongod does not have.
    ExecStop=-+/usr/local/lib/distctl/agent-0123456789abcdef handover stop --set rsA --self 10.1.0.11:27017 --hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017 --user distctl-agent --password-file /etc/distctl/rsA.distctl-agent
    ExecStopPost=-+/usr/local/lib/distctl/agent-0123456789abcdef handover crash --set rsA --self 10.1.0.11:27017 --hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017 --user distctl-agent --password-file /etc/distctl/rsA.distctl-agent
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
    assert_snapshot!(text(db1, "/etc/systemd/system/handover-27017.service"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    # Started with each start of mongod-27017.service, which wants it.
    [Unit]
    Description=Hand-over in rsA after a start of port 27017
    After=mongod-27017.service
    PartOf=mongod-27017.service

    [Service]
    Type=exec
    User=mongodb
    Group=mongodb
    ExecStart=/usr/local/lib/distctl/agent-0123456789abcdef handover start --set rsA --self 10.1.0.11:27017 --hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017 --user distctl-agent --password-file /etc/distctl/rsA.distctl-agent
    NoNewPrivileges=yes
    # To close the connections over which others copy from a member that is primary no more.
    CapabilityBoundingSet=CAP_NET_ADMIN
    AmbientCapabilities=CAP_NET_ADMIN
    RestrictSUIDSGID=yes
    LockPersonality=yes
    ");
    assert_snapshot!(text(db2, "/etc/systemd/system/mongod-27020.service"), @r"
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
    Environment=DISTCTL_REVISION=9a9ee5cc60e2d482
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
    assert_snapshot!(text(db1, "/etc/distctl/mongod-27017.conf"), @r"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    net:
      port: 27017
      bindIp: 10.1.0.11,127.0.0.1
      unixDomainSocket:
        enabled: false
    storage:
      dbPath: /var/lib/mongodb/rsA.1
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
      # A signalled mongod otherwise lets clients go for 15 s before it ends; its unit has handed over by then.
      shutdownTimeoutMillisForSignaledShutdown: 100
    ");
    assert!(
        text(db1, "/etc/systemd/system/mongod-27017.service")
            .contains("--hosts 10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017\n")
    );
    assert!(!files(db1).contains("Secret"));
    assert_eq!(desired.replica_sets["rsA"].access, None);
}

#[test]
fn hand_over_only_where_it_is_wanted() {
    let desired = expanded(&SHOP.replace("election_timeout: 2s", "fast_handover: false"));
    assert!(!desired.containers["db1"].files.contains_key("/etc/systemd/system/handover-27017.service"));
    assert!(!expanded(SHOP).containers["db2"].files.contains_key("/etc/systemd/system/handover-27020.service"));
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
    let other_agent = AgentFile { sha256: "f".repeat(64), size: 1 };
    assert_eq!(first, revision(SHOP, &other_agent), "a new agent restarts nothing");
    assert_eq!(first, revision(&SHOP.replace("election_timeout: 2s", "fast_handover: false"), &agent()));
    assert_eq!(first, revision(&SHOP.replace("priority: 2", "priority: 3"), &agent()));
    assert_ne!(first, revision(&SHOP.replace("memory: 2GiB", "memory: 8GiB"), &agent()));
    assert_ne!(first, revision(&SHOP.replace("/usr/bin/mongod", "/opt/mongod"), &agent()));
    assert_ne!(first, revision(&SHOP.replace("  settings:", "  auth: none\n  settings:"), &agent()));
}
