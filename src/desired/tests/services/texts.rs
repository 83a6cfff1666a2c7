//! Texts of a service: its unit, its environment, what `render` shows of them.

use std::fs;

use insta::{assert_json_snapshot, assert_snapshot};
use protocol::{Escape, Piece};

use super::super::super::filled::outline;
use super::super::super::render::write_tree;
use super::super::super::{Content, Desired, Release};
use super::{Beside, PLATFORM, release};

fn text(release: &Release, path: &str) -> String {
    match &release.files[path].content {
        Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Content::Filled(pieces) => outline(pieces),
        other => panic!("{path} is {other:?}"),
    }
}

pub(super) fn unit(desired: &Desired, container: &str, service: &str) -> String {
    text(release(desired, container, service), &format!("/etc/systemd/system/{service}.service"))
}

#[test]
fn the_unit_of_a_binary() {
    let desired = Beside::new().expanded(PLATFORM);
    assert_snapshot!(unit(&desired, "web1", "Web"), @"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    [Unit]
    Description=Web of shop
    Wants=network-online.target
    After=network-online.target
    # A service that is killed again and again must come back each time.
    StartLimitIntervalSec=0

    [Service]
    Type=exec
    User=web
    Group=web
    Environment=DISTCTL_REVISION=577b84ad791105b9
    # Read by systemd as root: the service can't read the file, and nobody else can.
    EnvironmentFile=/etc/distctl/Web.env
    ExecStart=/usr/local/bin/Web
    # Its own data: /var/lib/Web.
    StateDirectory=Web
    StateDirectoryMode=0750
    Restart=always
    RestartSec=1
    TimeoutStopSec=30
    UMask=0027
    LimitNOFILE=16384
    # The guest is read-only to it but for its own data and its own /tmp; it gains no rights and sees no devices.
    NoNewPrivileges=yes
    ProtectSystem=strict
    ProtectHome=yes
    PrivateTmp=yes
    PrivateDevices=yes
    ProtectClock=yes
    ProtectHostname=yes
    ProtectKernelLogs=yes
    ProtectKernelModules=yes
    ProtectKernelTunables=yes
    ProtectControlGroups=yes
    ProtectProc=invisible
    ProcSubset=pid
    CapabilityBoundingSet=
    RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
    RestrictNamespaces=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    LockPersonality=yes
    RemoveIPC=yes
    SystemCallArchitectures=native
    SystemCallFilter=@system-service

    [Install]
    WantedBy=multi-user.target
    ");
}

#[test]
fn the_unit_of_a_command_on_a_low_port() {
    let desired = Beside::new().expanded(PLATFORM);
    let all = unit(&desired, "web1", "shop");
    let own = ["User=", "Group=", "ExecStart=", "WorkingDirectory=", "StateDirectory=", "Capabilit", "AmbientCap"];
    let lines: Vec<&str> = all.lines().filter(|line| own.iter().any(|word| line.starts_with(word))).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    User=www-data
    Group=www-data
    ExecStart=python3 /srv/app.py --title "the shop"
    WorkingDirectory=/srv
    StateDirectory=shop
    AmbientCapabilities=CAP_NET_BIND_SERVICE
    CapabilityBoundingSet=CAP_NET_BIND_SERVICE
    "#);
}

#[test]
fn the_environment_names_secrets_and_has_none() {
    let desired = Beside::new().expanded(PLATFORM);
    let web = release(&desired, "web1", "Web");
    assert_snapshot!(text(web, "/etc/distctl/Web.env"), @r#"
    # Written by distctl; a change made here is undone by the next `distctl up`.
    DB1_URL="mongodb://Web:</var/lib/distctl/secrets/rsA.Web>@10.1.0.11:27017,10.1.0.12:27017/shop?appName=Web&authSource=admin&replicaSet=rsA&retryWrites=true&w=majority"
    DB2_URL="mongodb://Web:</var/lib/distctl/secrets/users.Web>@10.1.0.11:27020/shop?appName=Web&authSource=admin"
    HOST="10.1.0.20"
    PRICE="5 \"\$\""
    SECRET_KEY="</var/lib/distctl/secrets/jwt>"
    "#);
    let Content::Filled(pieces) = &web.files["/etc/distctl/Web.env"].content else { panic!() };
    let escapes: Vec<Escape> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Secret { escape, .. } => Some(*escape),
            Piece::Text(_) => None,
        })
        .collect();
    assert_eq!(escapes, [Escape::Uri, Escape::Uri, Escape::Environment]);
}

#[test]
fn without_authentication_a_uri_has_no_password() {
    let open = PLATFORM.replace("  binary: /usr/bin/mongod", "  auth: none\n  binary: /usr/bin/mongod");
    let desired = Beside::new().expanded(&open);
    let environment = text(release(&desired, "web1", "Web"), "/etc/distctl/Web.env");
    let urls: Vec<&str> = environment.lines().filter(|line| line.contains("_URL")).collect();
    assert_snapshot!(urls.join("\n"), @r#"
    DB1_URL="mongodb://10.1.0.11:27017,10.1.0.12:27017/shop?appName=Web&replicaSet=rsA&retryWrites=true&w=majority"
    DB2_URL="mongodb://10.1.0.11:27020/shop?appName=Web"
    "#);
    assert!(!desired.containers["web1"].files.keys().any(|path| path.contains("rsA")));
}

#[test]
fn a_tree_shows_units_and_no_secret() {
    let beside = Beside::new();
    let desired = beside.expanded(PLATFORM);
    let folder = tempfile::tempdir().unwrap();
    let written = write_tree(&desired, folder.path()).unwrap();
    let of_services = |path: &&std::path::PathBuf| {
        ["Web", "shop", "/web/"]
            .iter()
            .any(|word| path.strip_prefix(folder.path()).unwrap().to_string_lossy().contains(word))
    };
    let names: Vec<String> = written
        .iter()
        .filter(of_services)
        .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    assert_snapshot!(names.join("\n"), @"
    web1/etc/systemd/system/Web.service
    web1/etc/systemd/system/shop.service
    web2/etc/systemd/system/Web.service
    ");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(written.last().unwrap()).unwrap()).unwrap();
    assert_json_snapshot!(manifest["containers"]["web1"]["files"]["/etc/distctl/Web.env"], @r##"
    {
      "filled": "# Written by distctl; a change made here is undone by the next `distctl up`.\nDB1_URL=\"mongodb://Web:</var/lib/distctl/secrets/rsA.Web>@10.1.0.11:27017,10.1.0.12:27017/shop?appName=Web&authSource=admin&replicaSet=rsA&retryWrites=true&w=majority\"\nDB2_URL=\"mongodb://Web:</var/lib/distctl/secrets/users.Web>@10.1.0.11:27020/shop?appName=Web&authSource=admin\"\nHOST=\"10.1.0.20\"\nPRICE=\"5 \\\"\\$\\\"\"\nSECRET_KEY=\"</var/lib/distctl/secrets/jwt>\"\n",
      "mode": "0600",
      "owner": "root:root"
    }
    "##);
}
