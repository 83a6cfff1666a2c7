//! Names, the network, addresses, limits.

use insta::assert_snapshot;

use super::{found, found_after_head};

fn network(network: &str) -> String {
    found(&format!("name: shop\nnetwork: {network}\ncontainers:\n  db1: {{ ipv4: 10.1.0.11 }}\n"))
}

fn container(container: &str) -> String {
    found(&format!("name: shop\nnetwork: {{ name: br0, ipv4: 10.1.0.1/24 }}\ncontainers:\n  {container}\n"))
}

#[test]
fn addresses_that_nobody_can_have() {
    assert_snapshot!(container("db1: { ipv4: 10.2.0.11 }"), @"
    error 4:16 containers.db1.ipv4 «10.2.0.11»
      10.2.0.11 is outside the network 10.1.0.0/24
      also 2:29 the network
      -> write an address of the network that is free, `10.1.0.2` for instance
    ");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.0 }"), @"
    error 4:16 containers.db1.ipv4 «10.1.0.0»
      10.1.0.0 is the network's own address
      also 2:29 the network
      -> write an address of the network that is free, `10.1.0.2` for instance
    ");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.255 }"), @"
    error 4:16 containers.db1.ipv4 «10.1.0.255»
      10.1.0.255 is the broadcast address of the network
      also 2:29 the network
      -> write an address of the network that is free, `10.1.0.2` for instance
    ");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.1 }"), @"
    error 4:16 containers.db1.ipv4 «10.1.0.1»
      10.1.0.1 is the address of the bridge itself
      also 2:29 the network
      -> write an address of the network that is free, `10.1.0.2` for instance
    ");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.2 }\n  db2: { ipv4: 10.1.0.2 }"), @"
    error 5:16 containers.db2.ipv4 «10.1.0.2»
      10.1.0.2 is the address of `db1` already
      also 4:16 `db1` has it
      -> give each container an address of its own
    ");
}

#[test]
fn networks_that_cannot_be() {
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.0/24 }"), @"
    error 2:29 network.ipv4 «10.1.0.0/24»
      10.1.0.0 is the network's own address, not one that the bridge can have
      -> write `10.1.0.1/24`
    ");
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.255/24 }"), @"
    error 2:29 network.ipv4 «10.1.0.255/24»
      10.1.0.255 is the broadcast address of the network, not one that the bridge can have
      -> write `10.1.0.1/24`
    ");
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.1/31 }"), @"
    error 2:29 network.ipv4 «10.1.0.1/31»
      a prefix length of 31 makes no usable network
      -> choose 8 to 30; `10.1.0.1/24` has room for 253 containers
    ");
    assert_snapshot!(network("{ name: br0, ipv4: 10.1.0.1 }"), @"
    error 2:29 network.ipv4 «10.1.0.1»
      `10.1.0.1` is not an IPv4 address with its prefix length such as `10.10.10.1/24`
    ");
    assert_snapshot!(network("{ name: a-network-with-a-long-name, ipv4: 10.1.0.1/24 }"), @"
    error 2:18 network.name «a-network-with-a-long-name»
      the name of a network has 2 to 15 characters, this one 26
      -> shorten it: the kernel takes no more for an interface
    ");
    assert_snapshot!(network("{ name: -br, ipv4: 10.1.0.1/24 }"), @"
    error 2:18 network.name «-br»
      the name of a network takes letters from a to z, digits, `-`, `_` and `.`, and must begin with a letter or digit
      -> write a name such as `incusbr0`
    ");
}

#[test]
fn names_that_incus_refuses() {
    assert_snapshot!(container("1db: { ipv4: 10.1.0.11 }"), @"
    error 4:3 containers.1db «1db»
      the name of a container must begin with a letter
      -> write `db1`
    ");
    assert_snapshot!(container("my_db.1: { ipv4: 10.1.0.11 }"), @"
    error 4:3 containers.my_db.1 «my_db.1»
      the name of a container must not have `_`: Incus takes only letters from A to Z without accents, digits and hyphens
      -> write `my-db-1`
    ");
    assert_snapshot!(container("db-: { ipv4: 10.1.0.11 }"), @"
    error 4:3 containers.db- «db-»
      the name of a container must not end in a hyphen
      -> write `db`
    ");
    assert_snapshot!(container(&format!("{}: {{ ipv4: 10.1.0.11 }}", "a".repeat(64))), @"
    error 4:3 containers.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa «aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa»
      the name of a container must not be longer than 63 characters, and this one has 64
      -> write `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`
    ");
    assert_snapshot!(container("Ñandú: { ipv4: 10.1.0.11 }"), @"
    error 4:3 containers.Ñandú «Ñandú»
      the name of a container must not have `Ñ`: Incus takes only letters from A to Z without accents, digits and hyphens
      -> write `Nandu`
    ");
    assert_snapshot!(container("localhost: { ipv4: 10.1.0.11 }"), @"
    error 4:3 containers.localhost «localhost»
      `localhost` is what every container calls itself
      -> choose another name
    ");
    assert_snapshot!(found("name: my shop\nnetwork: { name: br0, ipv4: 10.1.0.1/24 }\ncontainers: {}\n"), @"
    error 1:7 name «my shop»
      the name of a topology must not have ` `: Incus takes only letters from A to Z without accents, digits and hyphens
      -> write `my-shop`
    ");
}

#[test]
fn limits_packages_images() {
    assert_snapshot!(container("db1: { ipv4: 10.1.0.11, limits: { disk: 5GiB, memory: 10MiB } }"), @"
    error 4:43 containers.db1.limits.disk «5GiB»
      a limit of the disk needs to know the pool that the disk is in
      -> add `storage: { pool: NAME }`; `incus storage list` shows the names
    error 4:57 containers.db1.limits.memory «10MiB»
      Debian does not start in 10MiB
      -> give it at least `64MiB`
    ");
    assert_snapshot!(container("db1: { ipv4: 10.1.0.11, packages: [libcurl4, --yes, Nginx, lib=1] }"), @"
    error 4:48 containers.db1.packages[1] «--yes»
      `--yes` is not the name of a Debian package
      -> write a name such as `libcurl4`, without a version
    error 4:55 containers.db1.packages[2] «Nginx»
      `Nginx` is not the name of a Debian package
      -> write a name such as `libcurl4`, without a version
    error 4:62 containers.db1.packages[3] «lib=1»
      `lib=1` is not the name of a Debian package
      -> write a name such as `libcurl4`, without a version
    ");
    assert_snapshot!(found_after_head("image: 'images:'\n"), @"
    error 7:8 image «'images:'»
      `images:` is no image
      -> write an alias on the server (`debian/12`) or `remote:alias` (`images:debian/12`)
    ");
    assert_snapshot!(found_after_head("image: []\n"), @"
    error -
      `image` names no image
      -> leave `image` out, or write `image: debian/12`
    ");
}

#[test]
fn artifacts() {
    assert_snapshot!(
        found_after_head("artifacts:\n  a: { version: '1' }\n  b: { url: 'x.tgz', member: m }\n  c: { path: p, sha256: beef }\n  \
             d: { url: 'https://mirror/x.tgz' }\n  e: { path: p, url: 'https://mirror/x' }\n  f: { path: p, member: m }\n  \
             g: { url: 'https://me:secret@mirror/x' }\n  h: { url: 'https://mirror/@scope/x', sha256: beef }\n"),
        @"
    error 8:3 artifacts.a «a»
      `a` has no file
      -> add `path: artifacts/a`, or `url:` and `sha256:`
    error 9:13 artifacts.b.url «'x.tgz'»
      this is not a URL that can be downloaded
      -> write `https://HOST/PATH`
    error 10:25 artifacts.c.sha256 «beef»
      a SHA-256 has 64 digits from 0 to f
      -> write what `sha256sum FILE` prints
    error 11:13 artifacts.d.url «'https://mirror/x.tgz'»
      a download is only taken if its hash is known
      -> add `sha256:` and what `sha256sum` prints for it
    error 12:22 artifacts.e.url «'https://mirror/x'»
      `e` has a `path` and a `url`
      also 12:14 the path
      -> keep the one that is meant
    error 13:25 artifacts.f.member «m»
      `member` is a file in a download
      -> add `url:`, or unpack the archive and write `path:`
    error 14:13 artifacts.g.url «'https://me:secret@mirror/x'»
      a name or password in a URL would show in messages
      -> download it by hand and write `path:`, or offer it without a password: its hash protects it
    error 15:48 artifacts.h.sha256 «beef»
      a SHA-256 has 64 digits from 0 to f
      -> write what `sha256sum FILE` prints
    "
    );
}
