//! Who answers: the daemon's version, abilities and trust.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Deserialize;

use super::answer::nullable;
use super::call::Call;
use super::error::Error;
use super::transport::Transport;

/// The oldest version that distctl is tried with.
const OLDEST: &str = "6.0";

/// API extensions without which distctl can't work, one for each thing that it uses beyond the first API.
const NEEDED: &[&str] = &[
    "etag",
    "patch",
    "network",
    "file_delete",
    "directory_manipulation",
    "container_full",
    "container_exec_signal_handling",
    "container_exec_user_group_cwd",
    "projects",
    "instances",
    "network_allocations",
    "instance_file_head",
];

/// A daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name; in a cluster the member's.
    pub name: String,
    /// Its version, `6.0.4`.
    pub version: String,
    /// What it can do beyond the first API. Features are told by these, never by the version.
    pub api_extensions: BTreeSet<String>,
    /// It is a member of a cluster.
    pub clustered: bool,
    /// The storage drivers in use, `btrfs` or `btrfs | dir`.
    pub storage: String,
    /// Architectures that its instances can have, its own first.
    pub architectures: Vec<String>,
    /// Its kernel's version.
    pub kernel: String,
}

impl Server {
    /// Tells whether it has an API extension.
    pub fn has(&self, extension: &str) -> bool {
        self.api_extensions.contains(extension)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Root {
    auth: String,
    #[serde(deserialize_with = "nullable")]
    api_extensions: BTreeSet<String>,
    #[serde(deserialize_with = "nullable")]
    environment: Environment,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Environment {
    #[serde(deserialize_with = "nullable")]
    architectures: Vec<String>,
    kernel_version: String,
    server: String,
    server_clustered: bool,
    server_name: String,
    server_version: String,
    storage: String,
}

/// Asks who answers, and refuses what distctl can't work with. `shown` is the certificate that was shown.
pub(super) async fn meet(transport: &Transport, shown: Option<&str>) -> Result<Server, Error> {
    let address = transport.address().to_owned();
    let call = Call::new(Method::GET, "/1.0".into()).impatient();
    let root: Root = match transport.send(&call).await?.open(&call).and_then(|reply| reply.done(&call)) {
        Err(Error::Decode { .. }) => {
            let server = "something without the Incus API".into();
            return Err(Error::NotIncus { address, server });
        }
        root => root?,
    };
    if root.auth != "trusted" {
        let cause =
            shown.map_or_else(|| "no client certificate was shown".into(), |path| format!("it was shown {path}"));
        return Err(Error::Untrusted { address, cause });
    }
    judge(&root, address)?;
    let environment = root.environment;
    Ok(Server {
        name: environment.server_name,
        version: environment.server_version,
        api_extensions: root.api_extensions,
        clustered: environment.server_clustered,
        storage: environment.storage,
        architectures: environment.architectures,
        kernel: environment.kernel_version,
    })
}

fn judge(root: &Root, address: String) -> Result<(), Error> {
    let version = root.environment.server_version.clone();
    if root.environment.server != "incus" {
        let server = root.environment.server.clone();
        return Err(Error::NotIncus { address, server });
    }
    if major(&version) < major(OLDEST) {
        return Err(Error::TooOld { address, version, needed: OLDEST });
    }
    let lacks = |name: &&&str| !root.api_extensions.contains(**name);
    let missing: Vec<String> = NEEDED.iter().filter(lacks).map(ToString::to_string).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingExtension { address, version, missing }) }
}

/// Reads the first number of a version.
fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}
