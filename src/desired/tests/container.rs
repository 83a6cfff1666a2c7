//! The network and the containers.

use insta::{assert_debug_snapshot, assert_snapshot};

use super::{SHOP, expanded, files};

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
            "user.distctl.container": "db1",
            "user.distctl.data": "rsA.1=member/rsA:27017 rsA.2=member/rsA:27018",
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
    assert_snapshot!(directories, @r"
    0755 root:root /etc/distctl
    0711 root:root /var/lib/distctl
    0700 root:root /var/lib/distctl/secrets
    0755 mongodb:mongodb /var/lib/mongodb
    0700 mongodb:mongodb /var/lib/mongodb/rsA.1
    0700 mongodb:mongodb /var/lib/mongodb/rsA.2
    0755 mongodb:mongodb /var/log/mongodb
    ");
    assert_snapshot!(files(db1), @"
    0640 root:mongodb /etc/distctl/mongod-27017.conf rendered
    0640 root:mongodb /etc/distctl/mongod-27018.conf rendered
    0400 mongodb:mongodb /etc/distctl/rsA.distctl-agent Secret(rsA.distctl-agent)
    0400 mongodb:mongodb /etc/distctl/rsA.keyfile Secret(rsA.keyfile)
    0644 root:root /etc/hosts rendered
    0644 root:root /etc/systemd/network/05-distctl-eth0.network rendered restarts systemd-networkd.service
    0644 root:root /etc/systemd/system/distctl-rotate.service rendered
    0644 root:root /etc/systemd/system/distctl-rotate.timer rendered
    0644 root:root /etc/systemd/system/handover-27017.service rendered
    0644 root:root /etc/systemd/system/handover-27018.service rendered
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
    0644 root:root /etc/systemd/system/distctl-rotate.service rendered
    0644 root:root /etc/systemd/system/distctl-rotate.timer rendered
    0644 root:root /etc/systemd/system/handover-27017.service rendered
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
