//! Files of the host: artifacts, templates of the user's own, the rendered tree.

use std::fs;

use insta::{assert_debug_snapshot, assert_json_snapshot, assert_snapshot};

use super::super::Content;
use super::super::render::write_tree;
use super::{SHOP, expanded, text, tried};

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
    let Content::Artifact { path, sha256, size } = &db1.files["/usr/local/bin/mongod"].content else { panic!() };
    assert_eq!((path, *size), (&folder.path().join("mongod"), 8));
    assert_eq!(sha256, "a31362f60e9c65899145b6d69e92ceb0ae73fdc3a44f91dd654c9301548c4f5f");
    assert_debug_snapshot!(db1.devices["root"], @r#"
    {
        "path": "/",
        "pool": "fast",
        "size": "10GiB",
        "type": "disk",
    }
    "#);
}

#[test]
fn artifacts_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |text: &str| {
        let findings = tried(text, folder.path()).unwrap_err();
        findings.render(false).replace(folder.path().to_str().unwrap(), "FOLDER")
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
    assert_eq!(text(&desired.containers["db1"], "/etc/distctl/mongod-27017.conf"), "my port is 27017");

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
    let names: Vec<_> =
        written.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
    assert_snapshot!(names.join("\n"), @"
    db1/etc/distctl/mongod-27017.conf
    db1/etc/distctl/mongod-27018.conf
    db1/etc/hosts
    db1/etc/systemd/network/05-distctl-eth0.network
    db1/etc/systemd/system/distctl-rotate.service
    db1/etc/systemd/system/distctl-rotate.timer
    db1/etc/systemd/system/handover-27017.service
    db1/etc/systemd/system/handover-27018.service
    db1/etc/systemd/system/mongod-27017.service
    db1/etc/systemd/system/mongod-27018.service
    db2/etc/distctl/mongod-27017.conf
    db2/etc/distctl/mongod-27020.conf
    db2/etc/hosts
    db2/etc/systemd/network/05-distctl-eth0.network
    db2/etc/systemd/system/distctl-rotate.service
    db2/etc/systemd/system/distctl-rotate.timer
    db2/etc/systemd/system/handover-27017.service
    db2/etc/systemd/system/mongod-27017.service
    db2/etc/systemd/system/mongod-27020.service
    web/etc/hosts
    web/etc/systemd/network/05-distctl-eth0.network
    web/etc/systemd/system/shop-web.service
    manifest.json
    ");
    let conf = fs::read_to_string(folder.path().join("db1/etc/distctl/mongod-27017.conf")).unwrap();
    assert_eq!(conf, text(&desired.containers["db1"], "/etc/distctl/mongod-27017.conf"));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(written.last().unwrap()).unwrap()).unwrap();
    assert_json_snapshot!(manifest["containers"]["web"], @r##"
    {
      "config": {
        "boot.autostart": "true",
        "user.distctl.container": "web",
        "user.distctl.data": "-",
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
        "/etc/distctl/shop-web.env": {
          "filled": "# Written by distctl; a change made here is undone by the next `distctl up`.\nA=\"mongodb://shop-web:</var/lib/distctl/secrets/rsA.shop-web>@10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017/shop?appName=shop-web&authSource=admin&replicaSet=rsA&retryWrites=true&w=majority mongodb://shop-web:</var/lib/distctl/secrets/rsA.shop-web>@10.1.0.11:27017,10.1.0.11:27018,10.1.0.12:27017/audit?appName=shop-web&authSource=admin&replicaSet=rsA&retryWrites=true&w=majority\"\nB=\"mongodb://shop-web:</var/lib/distctl/secrets/users.shop-web>@10.1.0.12:27020/auth?appName=shop-web&authSource=admin\"\n",
          "mode": "0600",
          "owner": "root:root"
        },
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
        "/etc/systemd/system/shop-web.service": {
          "mode": "0644",
          "owner": "root:root",
          "sha256": "ee6ba8a15b494c08a1a5ae532bd67ddd657bb8a9cfcddd3a2b0bca569e04e30d",
          "size": 1308
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
      "units": {
        "shop-web.service": {
          "revision": "64d4dfd9adcfe886"
        }
      }
    }
    "##);
    assert_eq!(write_tree(&desired, folder.path()).unwrap(), written, "writing it again is no error");
}

#[test]
fn the_platform_of_the_repository_expands() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("artifacts")).unwrap();
    for name in ["mongod", "auth-server", "web-server"] {
        fs::write(folder.path().join("artifacts").join(name), "a binary").unwrap();
    }
    let desired = tried(include_str!("../../../topology.yaml"), folder.path()).unwrap();
    let units: usize = desired.containers.values().map(|container| container.units.len()).sum();
    assert_eq!((desired.containers.len(), units, desired.replica_sets.len()), (5, 10, 2));
    let places: Vec<String> =
        desired.services.values().map(|one| format!("{} in {}", one.name, one.containers.join(", "))).collect();
    assert_eq!(places, ["auth-server in auth-server", "web-server in web-server"]);
}
