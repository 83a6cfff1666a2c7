//! Files that are no topology, and keys that other tools have: one cause, one hint.

use std::fs;

use insta::assert_snapshot;

use super::super::load;
use super::{found, found_after_head, lines};

/// What is said of a file of these bytes.
fn of_bytes(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("topology.yaml");
    fs::write(&path, bytes).unwrap();
    load(&path).map_or_else(|findings| lines(&findings), |topology| lines(&topology.warnings()))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn files_of_other_tools() {
    let compose = "\
version: '3.8'
services:
  mongo1: { image: mongo:6, ports: ['27017:27017'], restart: always }
  nginx: { image: nginx:alpine, depends_on: { mongo1: { condition: service_healthy } } }
networks: { default: { ipam: {} } }
volumes: { d: }
";
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n";
    let all = [
        compose,
        manifest,
        &format!("{manifest}---\n{manifest}"),
        "systemLog: { destination: file }\nstorage: { dbPath: /data }\nnet: { port: 27017 }\n",
        "{ \"name\": \"app\", \"dependencies\": { \"express\": \"4\" }, \"scripts\": {} }",
        "- hosts: all\n  tasks: []\n",
        "on: push\njobs: {}\n",
    ];
    assert_snapshot!(all.map(found).join(""), @"
    error -
      this is a compose file, not a topology: its services are images, and distctl runs programs in system containers
      -> write a topology: `containers`, databases under `mongodb`, programs under `services`; docs/topology.md has every key
    error -
      this is a Kubernetes manifest (`kind: Service`), not a topology
      -> describe the system in a topology of its own: containers, `mongodb`, services; docs/topology.md has every key
    error -
      this is a Kubernetes manifest (`kind: Service`), not a topology
      -> describe the system in a topology of its own: containers, `mongodb`, services; docs/topology.md has every key
    error -
      this is the configuration of a mongod, not a topology
      -> write a topology: distctl makes the configuration of every mongod from its `mongodb` section
    error -
      this is not a topology: it has `dependencies`, and neither `network` nor `containers`
      -> name the topology with `--file PATH`; docs/topology.md describes what is in one
    error -
      this is not a topology: the file is a list
      -> name the topology with `--file PATH`; docs/topology.md describes what is in one
    error -
      this is not a topology: it has `on`, and neither `network` nor `containers`
      -> name the topology with `--file PATH`; docs/topology.md describes what is in one
    ");
}

#[test]
fn a_topology_that_was_only_begun_is_one() {
    assert!(found("name: shop\nservices: { web: { container: a, command: x } }\n").contains("`network` is missing"));
    assert!(found("nmae: shop\nnetwork: {}\n").contains("did you mean `name`"));
}

#[test]
fn bytes_that_are_no_text() {
    let topology = "name: shop\nnetwork: { name: br0, ipv4: 10.1.0.1/24 }\ncontainers: { a: { ipv4: 10.1.0.2 } }\n";
    let all = [
        [&[0xff, 0xfe][..], &utf16(topology)].concat(),
        utf16(topology),
        b"\x7fELF\x02\x01\x01\0\0\0".to_vec(),
        "name: año\n".chars().map(|one| one as u8).collect(),
        Vec::new(),
        b"# only a comment\n".to_vec(),
    ];
    assert_snapshot!(all.map(|bytes| of_bytes(&bytes)).join(""), @"
    error -
      the file is UTF-16, and a topology is UTF-8
      -> save it as UTF-8, or convert it: `iconv -f UTF-16 -t UTF-8 FILE > NEW`
    error -
      the file is UTF-16, and a topology is UTF-8
      -> save it as UTF-8, or convert it: `iconv -f UTF-16LE -t UTF-8 FILE > NEW`
    error -
      the file is not a text
      -> name the topology with `--file PATH`
    error -
      the file is not UTF-8: line 1, column 8 is in another encoding
      -> save it as UTF-8; from a Windows editor, convert it: `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`
    error -
      the file is empty
      -> write at least `name`, `network` and `containers`; docs/topology.md describes every key
    error -
      the file is empty
      -> write at least `name`, `network` and `containers`; docs/topology.md describes every key
    ");
    let marked = ["\u{feff}", topology].concat();
    assert_eq!(of_bytes(marked.as_bytes()), "nothing");
}

#[test]
fn keys_that_other_tools_have() {
    assert_snapshot!(
        found(
            "\
version: '1'
name: shop
network: { name: br0, ipv4: 10.1.0.1/24, ipv6: none }
containers:
  db1: { ipv4: 10.1.0.11, image: ubuntu/22.04, config: { security.nesting: 'true' }, profiles: [default], restart: always }
  db2: { ipv4: 10.1.0.12, ipv6: 'fd00::2', privileged: true, volumes: [], ports: [] }
  db3: { ipv4: 10.1.0.13, ipv5: x }
mongodb:
  binary: /usr/bin/mongod
  shards: 2
  replica_sets:
    rs0:
      members:
        - { container: db1, port: 27017 }
        - { container: db2, port: 27017 }
        - { container: db3, port: 27017, arbiter: true }
services:
  web: { container: db1, command: x, image: 'nginx:1', build: ., env_file: .env, healthcheck: { http: /, retries: 3 } }
"
        ),
        @r#"
        error 1:1 version «version»
          there is no key `version` here: a topology has no version
          -> remove the key
        error 3:42 network.ipv6 «ipv6»
          there is no key `ipv6` here: containers have IPv4 addresses only
          -> remove the key
        error 5:27 containers.db1.image «image»
          there is no key `image` here: all containers are made from the same image
          -> move it to the top of the file, beside `name`: `image: debian/12`
        error 5:48 containers.db1.config «config»
          there is no key `config` here: distctl sets the options of Incus itself
          -> remove the key; `limits` sets memory, processors, disk and processes
        error 5:86 containers.db1.profiles «profiles»
          there is no key `profiles` here: distctl sets the options of Incus itself
          -> remove the key; `limits` sets memory, processors, disk and processes
        error 5:107 containers.db1.restart «restart»
          there is no key `restart` here: a container that is up starts again with its host, and systemd restarts what runs in it
          -> remove the key
        error 6:27 containers.db2.ipv6 «ipv6»
          there is no key `ipv6` here: containers have IPv4 addresses only
          -> remove the key
        error 6:44 containers.db2.privileged «privileged»
          there is no key `privileged` here: containers are unprivileged, so root in a container has no rights on the host
          -> remove the key
        error 6:62 containers.db2.volumes «volumes»
          there is no key `volumes` here: a container has its root disk and its network, nothing else of the host
          -> remove the key; `files` of a service brings files into the container
        error 6:75 containers.db2.ports «ports»
          there is no key `ports` here: ports are exposed for the whole topology
          -> write `expose: { NAME: { listen: "127.0.0.1:8080", to: "CONTAINER:80" } }` at the top of the file
        error 7:27 containers.db3.ipv5 «ipv5»
          there is no key `ipv5` here
          -> did you mean `ipv4`?
        error 10:3 mongodb.shards «shards»
          there is no key `shards` here: distctl makes no sharded clusters
          -> write `replica_sets`; `fragmentation` spreads a collection over several of them
        error 16:42 mongodb.replica_sets.rs0.members[2].arbiter «arbiter»
          there is no key `arbiter` here: distctl makes no arbiters, which vote but keep no copy of the data
          -> remove the key: a third member with data survives more
        error 18:38 services.web.image «image»
          there is no key `image` here: a service is a program in a system container, not an image
          -> write `command:` or `binary:`, and what it needs of Debian under `packages`
        error 18:56 services.web.build «build»
          there is no key `build` here: distctl builds nothing
          -> build the program first, and name it: `binary: PATH`
        error 18:66 services.web.env_file «env_file»
          there is no key `env_file` here: variables are not read from files
          -> write them under `environment`
        error 18:103 services.web.healthcheck.http «/»
          `web` has no port that could be asked
          -> add `port:` to the service
        error 18:106 services.web.healthcheck.retries «retries»
          there is no key `retries` here: it is asked again until `timeout` is over
          -> remove the key, and write `timeout: 30s`
        "#
    );
}

#[test]
fn values_as_other_tools_write_them() {
    assert_snapshot!(
        found(
            "\
name: sistemas_distribuidos_año
network: { name: t0, ipv4: 192.168.0.0/16, nat: yes }
storage: { pool: default }
containers:
  mongo_dbrs_n1: { ipv4: 192.168.7.1, limits: { memory: 512m, cpu: '0.5', disk: 10GB } }
  '3nodo': { ipv4: 192.168.7.2, limits: { memory: 2G, cpu: 0-3 } }
  colección: { ipv4: 192.168.7.3 }
  app: { ipv4: $ADDRESS }
services:
  api: { container: app, command: x, environment: { TOKEN: , DEBUG: yes, N: 0x1F, L: [a] } , user: '${USER}' }
fragmentation:
  ciudadanos:
    collection: app.ciudadanos
    key: code
    fragments: [{ range: AA-GG, on: rs1 }, { range: 0-499, on: rs1, default: true }]
"
        ),
        @r#"
        error 1:7 name «sistemas_distribuidos_año»
          the name of a topology must not have `_`: Incus takes only letters from A to Z without accents, digits and hyphens
          -> write `sistemas-distribuidos-ano`
        error 2:28 network.ipv4 «192.168.0.0/16»
          192.168.0.0 is the network's own address, not one that the bridge can have
          -> write `192.168.0.1/16`
        error 2:49 network.nat «yes»
          `yes` is not `true` or `false`
          -> write `true`
        error 5:3 containers.mongo_dbrs_n1 «mongo_dbrs_n1»
          the name of a container must not have `_`: Incus takes only letters from A to Z without accents, digits and hyphens
          -> write `mongo-dbrs-n1`
        error 5:57 containers.mongo_dbrs_n1.limits.memory «512m»
          `512m` is not a size with its unit such as `512MiB` or `2GiB`
          -> write `512MiB`
        error 5:68 containers.mongo_dbrs_n1.limits.cpu «'0.5'»
          `0.5` is not a whole number from 1
          -> write `1`
        error 6:3 containers.3nodo «'3nodo'»
          the name of a container must begin with a letter
          -> write `nodo3`
        error 6:51 containers.3nodo.limits.memory «2G»
          `2G` is not a size with its unit such as `512MiB` or `2GiB`
          -> write `2GiB`
        error 6:60 containers.3nodo.limits.cpu «0-3»
          `0-3` is not a whole number from 1
          -> write `4`
        error 7:3 containers.colección «colección»
          the name of a container must not have `ó`: Incus takes only letters from A to Z without accents, digits and hyphens
          -> write `coleccion`
        error 8:16 containers.app.ipv4 «$ADDRESS»
          `$ADDRESS` is not an IPv4 address such as `10.10.10.12`
          -> write the value itself: distctl does not expand variables
        error 10:53 services.api.environment.TOKEN «TOKEN»
          `TOKEN` has no value
          -> write `TOKEN: ""` for an empty text, or remove the key
        error 10:86 services.api.environment.L «[a]»
          a list is not a text
          -> write one value, without `[` and `]`
        error 10:100 services.api.user «'${USER}'»
          `${USER}` is not a name that a system user can have
          -> write small letters, digits, `_` and `-`, at most 32
        error 15:26 fragmentation.ciudadanos.fragments[0].range «AA-GG»
          `AA-GG` is not a range of letters
          -> write two letters from A to Z, `A-M`, or one letter; the part with `default: true` takes the rest
        error 15:37 fragmentation.ciudadanos.fragments[0].on «rs1»
          there is no replica set or mongod `rs1`
          -> declare it first
        error 15:53 fragmentation.ciudadanos.fragments[1].range «0-499»
          `0-499` is not a range of letters
          -> ranges are of letters: write two from A to Z, `A-M`; digits belong to the part with `default: true`
        error 15:64 fragmentation.ciudadanos.fragments[1].on «rs1»
          there is no replica set or mongod `rs1`
          -> declare it first
        "#
    );
}

#[test]
fn a_lone_heir_may_copy_from_a_member_that_never_leads() {
    let set = |third: &str, more: &str| {
        let member = |name: &str, more: &str| format!("{{ container: {name}, port: 27017{more} }}");
        let members = [member("db1", ""), member("db2", ""), member("db3", third)].join(", ");
        found_after_head(&format!(
            "mongodb:\n  binary: /m\n{more}  replica_sets: {{ rsA: {{ members: [{members}] }} }}\n"
        ))
    };
    assert_snapshot!(set(", priority: 0", ""), @"
    warning 9:143 mongodb.replica_sets.rsA.members[2].priority «0»
      `rsA` has one member that can take over, and it may copy from db3:27017, which is never primary: a failover then takes seconds longer
      -> write `chaining_allowed: false` under `mongodb.settings`, or give this member a priority above 0
    ");
    for right in [
        set("", ""),
        set(", hidden: true", ""),
        set(", delay: 60s", ""),
        set(", priority: 0", "  settings: { chaining_allowed: false }\n"),
    ] {
        assert_eq!(right, "nothing");
    }
}
