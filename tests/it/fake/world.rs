//! What the fake daemon holds.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::exec::Running;
use super::files::File;
use super::log::{Request, Trouble};
use super::operations::{Operation, Outcome, Wording};

/// All of a daemon. Objects are kept as the API shows them.
pub struct World {
    /// `incus`, or what a wrong server calls itself.
    pub server: String,
    /// Its version.
    pub version: String,
    /// Its API extensions.
    pub extensions: Vec<String>,
    /// Clients are trusted.
    pub trusted: bool,
    /// How it words the end of operations.
    pub wording: Wording,
    /// Its own configuration.
    pub settings: BTreeMap<String, String>,
    /// Trusted certificates by fingerprint.
    pub certificates: BTreeMap<String, Value>,
    /// It has the web interface.
    pub has_ui: bool,
    /// Networks by name.
    pub networks: BTreeMap<String, Value>,
    /// Instances by name.
    pub instances: BTreeMap<String, Instance>,
    /// Projects by name; all share the same instances.
    pub projects: BTreeMap<String, Value>,
    /// Fingerprints by image alias.
    pub aliases: BTreeMap<String, String>,
    /// Operations by id.
    pub operations: BTreeMap<String, Operation>,
    /// What was sent over control sockets.
    pub controls: Vec<Value>,
    /// All requests so far.
    pub requests: Vec<Request>,
    /// What is to go wrong.
    pub troubles: Vec<Trouble>,
    /// How coming operations end.
    pub outcomes: VecDeque<Outcome>,
    /// Every request that changes something is refused.
    pub writes_forbidden: bool,
    /// Commands that wait for their sockets, by secret.
    pub(super) running: BTreeMap<String, Running>,
    /// Counts what needs a new name.
    pub(super) serial: u64,
}

/// An instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// As the API shows it.
    pub object: Value,
    /// Its files by path.
    pub files: BTreeMap<String, File>,
}

impl Default for World {
    fn default() -> Self {
        let extensions = "etag patch network file_delete directory_manipulation container_full \
            container_exec_signal_handling container_exec_user_group_cwd projects instances network_allocations \
            instance_file_head";
        let project = json!({"name": "default", "description": "", "config": {"features.images": "true"}});
        Self {
            server: "incus".into(),
            version: "6.0.4".into(),
            extensions: extensions.split_whitespace().map(Into::into).collect(),
            trusted: true,
            wording: Wording::default(),
            settings: BTreeMap::new(),
            certificates: BTreeMap::new(),
            has_ui: false,
            networks: BTreeMap::new(),
            instances: BTreeMap::new(),
            projects: BTreeMap::from([("default".into(), project)]),
            aliases: BTreeMap::from([("debian/12".into(), "5f69941615b7".into())]),
            operations: BTreeMap::new(),
            controls: Vec::new(),
            requests: Vec::new(),
            troubles: Vec::new(),
            outcomes: VecDeque::new(),
            writes_forbidden: false,
            running: BTreeMap::new(),
            serial: 0,
        }
    }
}

impl World {
    /// Adds a bridge.
    pub fn add_network(&mut self, name: &str, address: &str, config: &[(&str, &str)]) {
        let mut config: BTreeMap<&str, &str> = config.iter().copied().collect();
        config.insert("ipv4.address", address);
        self.networks.insert(name.into(), network(name, "", &json!(config)));
    }

    /// Adds a container with an address on `incusbr0`.
    pub fn add_container(&mut self, name: &str, address: &str, status: &str) -> &mut Instance {
        let nic = json!({"type": "nic", "network": "incusbr0", "name": "eth0", "ipv4.address": address});
        let body = json!({"name": name, "config": {}, "devices": {"eth0": nic}, "profiles": ["default"]});
        let mut instance = Instance::new(&body);
        instance.set_status(status);
        let place = self.instances.entry(name.into()).or_insert_with(|| instance.clone());
        *place = instance;
        place
    }

    /// Describes the daemon, as `GET /1.0` does.
    pub fn root(&self) -> Value {
        let environment = json!({"architectures": ["x86_64"], "kernel_version": "6.1.0", "server": self.server,
            "server_clustered": false, "server_name": "fake", "server_version": self.version, "storage": "btrfs",
            "certificate_fingerprint": "abcd"});
        let auth = if self.trusted { "trusted" } else { "untrusted" };
        json!({"config": self.settings, "api_extensions": self.extensions, "auth": auth,
            "environment": if self.trusted { environment } else { Value::Null }})
    }
}

/// Makes a bridge as the API shows it.
pub fn network(name: &str, description: &str, config: &Value) -> Value {
    json!({"name": name, "type": "bridge", "description": description, "config": config, "managed": true,
        "status": "Created", "used_by": null, "locations": ["none"], "project": "default"})
}

impl Instance {
    /// Makes a stopped instance from what a client sent.
    pub fn new(body: &Value) -> Self {
        let or = |key: &str, default: Value| match &body[key] {
            Value::Null => default,
            value => value.clone(),
        };
        let object = json!({
            "name": body["name"], "type": "container", "architecture": "x86_64", "ephemeral": false, "stateful": false,
            "description": or("description", json!("")), "config": or("config", json!({})),
            "devices": or("devices", json!({})), "profiles": or("profiles", json!(["default"])),
            "location": "none", "project": "default",
        });
        let mut instance = Self { object, files: super::files::fresh() };
        instance.object["config"]["volatile.eth0.hwaddr"] = json!("10:66:6a:00:00:01");
        instance.set_status("Stopped");
        instance
    }

    /// Gives the status.
    pub fn status(&self) -> &str {
        self.object["status"].as_str().unwrap_or_default()
    }

    /// Sets the status. A start empties `/run` and `/tmp`.
    pub fn set_status(&mut self, status: &str) {
        if status == "Running" && self.status() == "Stopped" {
            self.files.retain(|path, _| !path.starts_with("/run/") && !path.starts_with("/tmp/"));
        }
        self.object["status"] = json!(status);
    }

    /// Gives the static address.
    pub fn address(&self) -> Option<&str> {
        self.object["devices"]["eth0"]["ipv4.address"].as_str()
    }
}
