//! What an instance does: its state, starting, stopping, freezing, and what it says when it fails to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::nullable;
use super::call::Call;
use super::instances::Status;
use super::{Client, Error};

/// The state of an instance at one moment. Numbers are 0 where the host has no cgroup controllers for them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InstanceState {
    /// What it is doing.
    pub status: Status,
    /// The host's number of its first process; 0 when stopped. It changes with every restart.
    pub pid: i64,
    /// How many processes it has.
    pub processes: i64,
    /// Its memory.
    #[serde(deserialize_with = "nullable")]
    pub memory: Memory,
    /// Its processor time.
    #[serde(deserialize_with = "nullable")]
    pub cpu: Cpu,
    /// Its disks by device name; empty where the storage driver does not count.
    #[serde(deserialize_with = "nullable")]
    pub disk: BTreeMap<String, Disk>,
    /// Its interfaces by name; empty when stopped.
    #[serde(deserialize_with = "nullable")]
    pub network: BTreeMap<String, Interface>,
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// In use.
    pub usage: i64,
    /// The limit, or all that the host has.
    pub total: i64,
}

/// Processor time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cpu {
    /// Nanoseconds since the start.
    pub usage: i64,
}

/// Disk space in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// In use.
    pub usage: i64,
    /// The limit; 0 without one.
    pub total: i64,
}

/// An interface in an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// Its addresses.
    #[serde(deserialize_with = "nullable")]
    pub addresses: Vec<Address>,
    /// Its hardware address.
    pub hwaddr: String,
    /// `up` or `down`.
    pub state: String,
    /// What went through it.
    #[serde(deserialize_with = "nullable")]
    pub counters: Counters,
}

/// An address of an interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Address {
    /// `inet` or `inet6`.
    pub family: String,
    /// The address without its prefix length.
    pub address: String,
    /// `global`, `link`, `local`.
    pub scope: String,
}

/// Bytes through an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Received.
    pub bytes_received: i64,
    /// Sent.
    pub bytes_sent: i64,
}

impl InstanceState {
    /// Lists the addresses of an interface that others can reach.
    pub fn addresses(&self, interface: &str) -> Vec<IpAddr> {
        let listed = self.network.get(interface).map(|interface| interface.addresses.iter());
        let global = listed.into_iter().flatten().filter(|address| address.scope == "global");
        global.filter_map(|address| address.address.parse().ok()).collect()
    }
}

impl Client {
    /// Reads the state of an instance.
    ///
    /// # Errors
    /// `is_not_found` where there is none of that name.
    pub async fn instance_state(&self, name: &str) -> Result<InstanceState, Error> {
        Ok(self.get(self.path(&["instances", name, "state"], &[])).await?.0)
    }

    /// Starts an instance. Its guest is not ready yet when this returns. A running one is left as it is.
    ///
    /// # Errors
    /// `is_conflict` and `is_address_in_use` where its address or name is taken on the network.
    pub async fn start_instance(&self, name: &str) -> Result<(), Error> {
        self.change(name, json!({"action": "start"}), &Status::Running).await
    }

    /// Shuts an instance down cleanly, and with `force` kills what still runs after `timeout`.
    ///
    /// A stopped one is left as it is. `force` with a timeout of zero kills at once.
    ///
    /// # Errors
    /// `is_stop_timeout` where it did not shut down in time and `force` was not given.
    pub async fn stop_instance(&self, name: &str, timeout: Duration, force: bool) -> Result<(), Error> {
        if !(force && timeout.is_zero()) {
            match self.change(name, json!({"action": "stop", "timeout": seconds(timeout)}), &Status::Stopped).await {
                Err(error) if force && !error.is_connection() && !error.is_not_found() => {}
                result => return result,
            }
        }
        self.change(name, json!({"action": "stop", "force": true}), &Status::Stopped).await
    }

    /// Stops an instance cleanly within `timeout` and starts it again.
    ///
    /// # Errors
    /// `is_stop_timeout` where it did not shut down in time. It may be left stopped where it can't start.
    pub async fn restart_instance(&self, name: &str, timeout: Duration) -> Result<(), Error> {
        let body = json!({"action": "restart", "timeout": seconds(timeout)});
        self.perform_when_free(self.state_call(name, &body)).await.map(drop)
    }

    /// Freezes an instance: its processes get no time until it is unfrozen.
    ///
    /// # Errors
    /// `is_not_running` where it is stopped.
    pub async fn freeze_instance(&self, name: &str) -> Result<(), Error> {
        self.change(name, json!({"action": "freeze"}), &Status::Frozen).await
    }

    /// Lets a frozen instance go on.
    ///
    /// # Errors
    /// `is_not_running` where it is stopped.
    pub async fn unfreeze_instance(&self, name: &str) -> Result<(), Error> {
        self.change(name, json!({"action": "unfreeze"}), &Status::Running).await
    }

    /// Reads the log of an instance's last start (`lxc.log`): the only place that says why a start failed.
    ///
    /// # Errors
    /// `is_not_found` where it was never started.
    pub async fn instance_log(&self, name: &str) -> Result<String, Error> {
        self.text(self.path(&["instances", name, "logs", "lxc.log"], &[])).await
    }

    /// Reads what a running instance has written to its console.
    ///
    /// # Errors
    /// Those of every read.
    pub async fn instance_console(&self, name: &str) -> Result<String, Error> {
        self.text(self.path(&["instances", name, "console"], &[])).await
    }

    async fn text(&self, path: String) -> Result<String, Error> {
        let call = Call::new(Method::GET, path);
        let answer = self.transport().send(&call).await?.raw(&call)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    fn state_call(&self, name: &str, body: &Value) -> Call {
        Call::new(Method::PUT, self.path(&["instances", name, "state"], &[])).json(body)
    }

    /// Changes the state; where that fails or its outcome is lost, a look decides: the daemon calls it an error to
    /// start what runs already, and forgets outcomes when it restarts.
    async fn change(&self, name: &str, body: Value, wanted: &Status) -> Result<(), Error> {
        let error = match self.perform_when_free(self.state_call(name, &body)).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let doubtful = error.is_running() || error.is_not_running() || matches!(error, Error::OperationLost { .. });
        if doubtful && self.instance_state(name).await.is_ok_and(|state| state.status == *wanted) {
            return Ok(());
        }
        Err(error)
    }
}

/// Rounds up to whole seconds, at least one: the daemon takes 0 for "kill at once".
fn seconds(timeout: Duration) -> u64 {
    timeout.as_secs_f64().ceil().max(1.0) as u64
}
