//! What somebody changes by hand is named by `plan` and mended by `up`; each test on the platform that all share.

use std::time::Duration;

use serde_json::json;

use crate::harness::{System, lab, wait_until};
use crate::platform::platform;

#[test]
fn a_changed_file() {
    let platform = platform();
    platform.system.guest("db3", "echo '# by hand' >> /etc/hosts");
    platform.system.mends(&["plat-db3", "/etc/hosts"]);
    assert!(!platform.system.guest("db3", "cat /etc/hosts").contains("by hand"));
}

#[test]
fn a_changed_mode_and_owner() {
    let platform = platform();
    let secret = "/var/lib/distctl/secrets/users.admin";
    platform.system.guest("db3", &format!("chmod 644 {secret}; chown mongodb {secret}"));
    platform.system.mends(&[secret, "0644 mongodb:root -> 0400 root:root"]);
    assert_eq!(platform.system.guest("db3", &format!("stat -c '%a %U' {secret}")), "400 root\n");
}

#[test]
fn a_deleted_file() {
    let platform = platform();
    platform.system.guest("web", "rm /etc/systemd/network/05-distctl-eth0.network");
    platform.system.mends(&["plat-web", "05-distctl-eth0.network: missing"]);
}

/// A package `story` in a repository inside the guest: the lab reaches no mirror.
const REPOSITORY: &str = "
    set -e
    mkdir -p /srv/story/DEBIAN
    cd /srv
    printf '%s\\n' 'Package: story' 'Version: 1' 'Architecture: all' 'Maintainer: a test' 'Description: a test' \
        > story/DEBIAN/control
    dpkg-deb --build story story.deb > /dev/null
    (cat story/DEBIAN/control; echo Filename: ./story.deb; echo Size: $(stat -c %s story.deb)
        echo SHA256: $(sha256sum story.deb | cut -d' ' -f1)) > Packages
    echo 'deb [trusted=yes] file:/srv ./' > /etc/apt/sources.list
    rm -f /etc/apt/sources.list.d/*
";

#[test]
fn a_package_that_is_missing() {
    let system = System::declare("pack", 27, "image: debian/12\ncontainers: { NAME-a: { ipv4: NET.11 } }\n");
    system.up();
    system.guest("a", REPOSITORY);
    system.edit("ipv4: 10.61.27.11", "ipv4: 10.61.27.11, packages: [story]");
    system.mends(&["install story in pack-a"]);
    system.guest("a", "dpkg --purge story");
    system.mends(&["install story in pack-a"]);
    assert_eq!(system.guest("a", "dpkg-query -W -f '${Status}' story"), "install ok installed");
}

#[test]
fn a_stopped_unit() {
    let platform = platform();
    platform.system.guest("db1", "systemctl stop mongod-27019");
    platform.system.mends(&["mongod-27019 is inactive"]);
    platform.admin("rsA").await_healthy(3);
}

#[test]
fn a_disabled_unit() {
    let platform = platform();
    platform.system.guest("db3", "systemctl disable --quiet mongod-27017");
    platform.system.mends(&["mongod-27017 is disabled"]);
    assert_eq!(platform.system.guest("db3", "systemctl is-enabled mongod-27017"), "enabled\n");
}

#[test]
fn an_edited_unit_file() {
    let platform = platform();
    platform
        .system
        .guest("db3", "sed -i s/LimitNOFILE=64000/LimitNOFILE=640/ /etc/systemd/system/mongod-27017.service");
    platform.system.mends(&["/etc/systemd/system/mongod-27017.service: sha256"]);
    platform.system.guest("db3", "grep -q LimitNOFILE=64000 /etc/systemd/system/mongod-27017.service");
}

#[test]
fn an_edited_unit_file_that_systemd_has_read() {
    let platform = platform();
    let unit = "/etc/systemd/system/mongod-27017.service";
    platform
        .system
        .guest("db3", &format!("sed -i s/LimitNOFILE=64000/LimitNOFILE=640/ {unit}; systemctl daemon-reload"));
    platform.system.mends(&[unit]);
    let limit = platform.system.guest("db3", "systemctl show --value --property LimitNOFILE mongod-27017");
    assert_eq!(limit, "64000\n", "systemd has the file as declared");
}

#[test]
fn a_stopped_container() {
    let platform = platform();
    lab().incus(&["stop", "plat-db3"]);
    platform.system.mends(&["start container plat-db3", "stopped"]);
}

#[test]
fn a_frozen_container() {
    let platform = platform();
    lab().incus(&["pause", "plat-web"]);
    platform.system.mends(&["unfreeze container plat-web", "frozen"]);
}

#[test]
fn a_deleted_container() {
    let platform = platform();
    lab().incus(&["delete", "--force", "plat-auth"]);
    platform.system.mends(&["create container plat-auth"]);
    assert_eq!(platform.system.secret("auth", "users.auth"), platform.system.secret("db3", "users.auth"));
}

#[test]
fn limits_changed_in_incus() {
    let platform = platform();
    lab().incus(&["config", "set", "plat-db1", "limits.memory=5GiB"]);
    platform.system.mends(&["plat-db1", "limits.memory: 5GiB -> "]);
    assert_ne!(lab().incus(&["config", "get", "plat-db1", "limits.memory"]), "5GiB\n");
}

#[test]
fn a_key_of_ours_removed_in_incus() {
    let platform = platform();
    lab().incus(&["config", "unset", "plat-web", "boot.autostart"]);
    platform.system.mends(&["boot.autostart: unset -> true"]);
}

#[test]
fn an_address_changed_inside_the_guest() {
    let platform = platform();
    platform.system.guest("web", "ip address flush dev eth0; ip address add 10.61.1.99/24 dev eth0");
    platform.system.mends(&["eth0 has 10.61.1.99/24"]);
    let shown = platform.system.guest("web", "ip -4 -o address show dev eth0");
    assert!(shown.contains("10.61.1.11/24"), "{shown}");
}

#[test]
fn a_priority_changed_in_the_set() {
    let platform = platform();
    let admin = platform.admin("rsB");
    admin.run(
        "config = client.admin.command('replSetGetConfig')['config']\n\
         config['members'][2]['priority'] = 0.5\nconfig['settings']['heartbeatIntervalMillis'] = 700\n\
         config['version'] += 1\nout(client.admin.command('replSetReconfig', config)['ok'])",
    );
    platform.system.mends(&["reconfigure rsB", "priority", "0.5"]);
    let config = admin.config();
    assert_eq!(config["members"][2]["priority"], json!(1.0), "{config}");
    assert_eq!(config["settings"]["heartbeatIntervalMillis"], 500, "{config}");
}

#[test]
fn a_member_removed_from_the_set() {
    let platform = platform();
    let admin = platform.admin("rsB");
    admin.run(
        "config = client.admin.command('replSetGetConfig')['config']\n\
         config['members'] = config['members'][:2]\nconfig['version'] += 1\n\
         out(client.admin.command('replSetReconfig', config)['ok'])",
    );
    platform.system.mends(&["10.61.1.13:27019"]);
    admin.await_healthy(3);
}

#[test]
fn roles_changed_by_hand() {
    let platform = platform();
    let admin = platform.admin("rsA");
    admin.eval("client.admin.command('grantRolesToUser', 'web', roles=['root'])['ok']");
    platform.system.mends(&["ensure users of rsA", "web"]);
    let roles = admin.eval("[r['role'] for r in client.admin.command('usersInfo', 'web')['users'][0]['roles']]");
    assert_eq!(roles, json!(["readWrite"]));
}

#[test]
fn a_dropped_user() {
    let platform = platform();
    platform.admin("rsA").eval("client.admin.command('dropUser', 'web')['ok']");
    platform.system.mends(&["ensure users of rsA", "web"]);
    let web = platform.anonymous("rsA").login("web", &platform.system.secret("web", "rsA.web"));
    assert_eq!(web.eval("client.products_db.story.count_documents({})"), json!(0));
}

#[test]
fn a_keyfile_changed_by_hand() {
    let platform = platform();
    let before = platform.system.guest("db2", "cat /etc/distctl/rsB.keyfile");
    platform.system.guest("db2", "echo c29tZXRoaW5nIGVsc2U= > /etc/distctl/rsB.keyfile");
    platform.system.mends(&["/etc/distctl/rsB.keyfile: sha256"]);
    assert_eq!(platform.system.guest("db2", "cat /etc/distctl/rsB.keyfile"), before);
}

#[test]
fn members_that_were_started_with_another_keyfile() {
    let platform = platform();
    let wrong = "cp /etc/distctl/rsB.keyfile /root/key; echo c29tZXRoaW5nIGVsc2U= > /etc/distctl/rsB.keyfile";
    // What `status` says of the three members.
    let states = || {
        let status = platform.system.distctl(&["status"]).stdout;
        let of =
            |port: u16| status.lines().find(|line| line.contains(&platform.system.host(13, port))).map(str::to_owned);
        [of(27017), of(27018), of(27019)].map(Option::unwrap_or_default)
    };
    let lost = |line: &str| line.contains("(not reachable/healthy)");
    let serves = |line: &str| line.contains("PRIMARY") || line.contains("SECONDARY");
    let one_is_lost = || {
        platform.system.guest("db2", &format!("{wrong}; systemctl restart mongod-27018"));
        wait_until("rsB does not reach it", Duration::from_secs(60), || {
            let [first, second, third] = states();
            serves(&first) && lost(&second) && serves(&third)
        });
    };
    one_is_lost();
    platform.system.mends(&["rsB.keyfile: sha256", "restart mongod-27018 in plat-db2"]);
    platform.admin("rsB").await_healthy(3);

    // Two of three: the majority has the wrong one now, and a primary.
    platform.system.guest("db2", &format!("{wrong}; systemctl restart mongod-27018 mongod-27019"));
    wait_until("two of them are a set without the third", Duration::from_secs(60), || {
        let [first, second, third] = states();
        lost(&first) && serves(&second) && serves(&third)
    });
    let both =
        ["rsB.keyfile: sha256", "restart mongod-27018 in plat-db2: it may", "restart mongod-27019 in plat-db2: it may"];
    platform.system.mends(&both);
    platform.admin("rsB").await_healthy(3);

    // Each with another one: nobody has a majority.
    one_is_lost();
    platform.system.guest("db2", "echo bm8gb25l > /etc/distctl/rsB.keyfile; systemctl restart mongod-27019");
    wait_until("rsB has no primary", Duration::from_secs(60), || {
        states().iter().all(|line| !line.contains("PRIMARY")) && states().iter().any(|line| lost(line))
    });
    platform.system.mends(&["rsB.keyfile: sha256", "it may run with another keyfile"]);
    platform.admin("rsB").await_healthy(3);
    assert_eq!(platform.system.guest("db2", "cmp /root/key /etc/distctl/rsB.keyfile; rm /root/key"), "");
}

#[test]
fn an_edited_mongod_conf() {
    let platform = platform();
    platform.system.guest(
        "db3",
        "sed -i 's/bindIp: .*/bindIp: 0.0.0.0/' /etc/distctl/mongod-27017.conf; systemctl restart mongod-27017",
    );
    platform.system.mends(&["/etc/distctl/mongod-27017.conf: sha256"]);
    wait_until("it listens as declared again", Duration::from_secs(30), || {
        let listening = platform.system.guest("db3", "ss -ltnH | awk '{print $4}'");
        listening.contains("10.61.1.14:27017") && !listening.contains("0.0.0.0:27017")
    });
}
