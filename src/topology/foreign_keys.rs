//! Keys that other tools have, or people look for here: why there is none, and what to write instead.

/// A key: its section, its names, why it is not there, what to do.
type Known = (&'static str, &'static [&'static str], &'static str, &'static str);

/// Why a section has no such key, and what to do instead.
pub(super) fn why(section: &str, key: &str) -> Option<(&'static str, &'static str)> {
    let fits = |(place, names, ..): &&Known| *place == section && names.contains(&key);
    KNOWN.iter().find(fits).map(|(_, _, why, instead)| (*why, *instead))
}

const REMOVE: &str = "remove the key";

const KNOWN: &[Known] = &[
    ("Topology", &["version", "apiVersion", "schema"], "a topology has no version", REMOVE),
    (
        "Topology",
        &["networks"],
        "a topology has one network",
        "write `network: { name: incusbr0, ipv4: 10.10.10.1/24 }`",
    ),
    (
        "Topology",
        &["volumes", "disks"],
        "containers keep their data on their own root disk",
        "remove the key; `limits.disk` of a container sets the size",
    ),
    (
        "Topology",
        &["secrets"],
        "distctl makes secrets itself, where they are first named",
        "remove the key, and write `{{ secret('NAME') }}` in the `environment` of a service",
    ),
    ("Topology", &["configs"], "files belong to a service", "write them under `files` of the service"),
    ("Topology", &["profiles", "config"], "distctl sets no options of Incus but its own", REMOVE),
    (
        "Topology",
        &["instances", "nodes", "hosts", "servers", "machines", "vms"],
        "machines are system containers here",
        "write them under `containers`",
    ),
    ("Topology", &["mongo", "databases", "database", "db"], "databases have another key", "write them under `mongodb`"),
    (
        "Topology",
        &["replica_sets", "standalone", "auth", "cache", "settings"],
        "it belongs to the databases",
        "move it under `mongodb`",
    ),
    ("Topology", &["shards", "mongos", "config_servers"], NO_SHARDS.0, NO_SHARDS.1),
    ("Network", &["ipv6"], "containers have IPv4 addresses only", REMOVE),
    ("Network", &["dhcp", "dns", "driver", "type"], "distctl decides this for the bridge", REMOVE),
    (
        "Network",
        &["subnet", "cidr", "gateway", "address"],
        "the bridge's address and its prefix length say it",
        "write `ipv4: 10.10.10.1/24`",
    ),
    (
        "Container",
        &["image"],
        "all containers are made from the same image",
        "move it to the top of the file, beside `name`: `image: debian/12`",
    ),
    ("Container", &["ipv6"], "containers have IPv4 addresses only", REMOVE),
    ("Container", &["address", "ip_address", "static_ip"], "the address has another key", "write `ipv4: 10.10.10.12`"),
    (
        "Container",
        &["config", "profiles", "raw"],
        "distctl sets the options of Incus itself",
        "remove the key; `limits` sets memory, processors, disk and processes",
    ),
    (
        "Container",
        &["privileged", "nesting", "security"],
        "containers are unprivileged, so root in a container has no rights on the host",
        REMOVE,
    ),
    (
        "Container",
        &["devices", "volumes", "disks", "mounts"],
        "a container has its root disk and its network, nothing else of the host",
        "remove the key; `files` of a service brings files into the container",
    ),
    (
        "Container",
        &["ports", "expose", "proxy"],
        "ports are exposed for the whole topology",
        "write `expose: { NAME: { listen: \"127.0.0.1:8080\", to: \"CONTAINER:80\" } }` at the top of the file",
    ),
    (
        "Container",
        &["restart", "restart_policy", "autostart", "boot"],
        "a container that is up starts again with its host, and systemd restarts what runs in it",
        REMOVE,
    ),
    (
        "Container",
        &["memory", "cpu", "cpus", "mem_limit", "disk", "processes"],
        "limits have a section of their own",
        "write `limits: { memory: 2GiB, cpu: 2 }`",
    ),
    ("Container", &["type", "vm"], "every container is a system container", REMOVE),
    ("Container", &["name", "hostname", "container_name"], "the key above is the container's name", REMOVE),
    (
        "Container",
        &["network", "networks", "parent", "nic"],
        "all containers are on the one network of the topology",
        REMOVE,
    ),
    (
        "Container",
        &["environment", "command", "entrypoint", "build", "services", "depends_on"],
        "a container runs what services and databases declare",
        "write the program under `services`, with `container: NAME`",
    ),
    (
        "Container",
        &["user_data", "cloud_init", "cloud-init", "ssh_keys", "users"],
        "containers are not set up by cloud-init",
        "remove the key; `distctl exec` runs commands in a container",
    ),
    (
        "Member",
        &["arbiter", "arbiterOnly", "arbiter_only"],
        "distctl makes no arbiters, which vote but keep no copy of the data",
        "remove the key: a third member with data survives more",
    ),
    (
        "Member",
        &["host", "ip", "address", "hostname"],
        "a member is a container and a port",
        "write `container: db1, port: 27017`",
    ),
    ("Member", &["_id", "id", "name"], "distctl numbers members itself", REMOVE),
    (
        "Member",
        &["slaveDelay", "secondaryDelaySecs", "slave_delay"],
        "the delay has another key",
        "write it with its unit: `delay: 3600s`",
    ),
    (
        "Member",
        &["role", "primary", "master"],
        "members elect their primary",
        "write `priority: 2` where one should lead",
    ),
    ("Member", &["buildIndexes", "build_indexes"], "every member builds indexes", REMOVE),
    ("Member", &["data", "dbpath", "dbPath", "log", "logpath"], "distctl decides where data and logs lie", REMOVE),
    ("ReplicaSet", &["shards", "mongos", "config_servers", "configsvr"], NO_SHARDS.0, NO_SHARDS.1),
    ("ReplicaSet", &["arbiter", "arbiters"], "distctl makes no arbiters", "list members with data under `members`"),
    (
        "ReplicaSet",
        &["auth", "cache", "settings", "keyfile", "binary"],
        "it holds for all sets",
        "move it under `mongodb`; keys and passwords are made by distctl",
    ),
    ("ReplicaSet", &["port"], "each member has its own port", "write it beside the member's `container`"),
    (
        "MongoDb",
        &["shards", "mongos", "config_servers", "configServers", "sharding", "sharded"],
        NO_SHARDS.0,
        NO_SHARDS.1,
    ),
    (
        "MongoDb",
        &["version", "image"],
        "the version is that of the mongod in `binary`",
        "name the mongod: `binary: mongod`",
    ),
    (
        "MongoDb",
        &["users", "user", "username", "password", "keyfile", "key_file", "security"],
        "distctl makes users, passwords and keys itself",
        "remove the key; `distctl secret` shows what was made",
    ),
    ("MongoDb", &["port"], "each member has its own port", "write it beside the member's `container`"),
    ("MongoDb", &["members"], "members belong to a set", "write `replica_sets: { rsA: { members: [...] } }`"),
    (
        "MongoDb",
        &["config", "storage", "net", "systemLog", "replication", "oplog", "dbpath", "log"],
        "distctl writes the configuration of every mongod itself",
        "remove the key",
    ),
    (
        "Service",
        &["image"],
        "a service is a program in a system container, not an image",
        "write `command:` or `binary:`, and what it needs of Debian under `packages`",
    ),
    (
        "Service",
        &["build", "dockerfile"],
        "distctl builds nothing",
        "build the program first, and name it: `binary: PATH`",
    ),
    (
        "Service",
        &["container_name", "hostname", "name"],
        "the key above is the service's name",
        "write `container: NAME` for where it runs",
    ),
    (
        "Service",
        &["ports", "expose", "publish"],
        "a service listens in its container, and the host listens only for what is exposed",
        "write `port: 80` here, and `expose:` at the top of the file to reach it from the host",
    ),
    (
        "Service",
        &["volumes", "mounts", "tmpfs"],
        "a service keeps its data in /var/lib/NAME of its container",
        "remove the key; `files` brings files into the container",
    ),
    ("Service", &["restart", "restart_policy"], "systemd restarts every service that ends", REMOVE),
    ("Service", &["env_file", "env-file"], "variables are not read from files", "write them under `environment`"),
    (
        "Service",
        &["entrypoint", "args", "exec", "run", "cmd"],
        "what runs is one command",
        "write all of it under `command`",
    ),
    (
        "Service",
        &["deploy", "replicas", "scale", "instances"],
        "a service runs once in each of its containers",
        "write `container: [app1, app2]`",
    ),
    (
        "Service",
        &["networks", "network", "links", "dns"],
        "all containers are on one network and know each other by name",
        REMOVE,
    ),
    (
        "Service",
        &["labels", "logging", "privileged", "cap_add", "profiles", "platform", "security_opt"],
        "it is for container images, and a service is a program under systemd",
        REMOVE,
    ),
    (
        "Service",
        &["secrets"],
        "secrets are filled in where they are named",
        "write `{{ secret('NAME') }}` in `environment`",
    ),
    ("Service", &["configs"], "files have another key", "write them under `files`"),
    ("Service", &["memory", "cpu", "limits"], "limits are those of the container", "write `limits` under `containers`"),
    ("Healthcheck", &["test", "cmd", "command", "tcp"], "a health check asks over HTTP", "write `http: /health`"),
    ("Healthcheck", &["path", "url", "get"], "the path has another key", "write `http: /health`"),
    (
        "Healthcheck",
        &["retries", "start_period", "start_interval"],
        "it is asked again until `timeout` is over",
        "remove the key, and write `timeout: 30s`",
    ),
];

const NO_SHARDS: (&str, &str) = (
    "distctl makes no sharded clusters",
    "write `replica_sets`; `fragmentation` spreads a collection over several of them",
);
