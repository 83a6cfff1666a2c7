//! Finding the primary of a set.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::{Failure, SetAddress};
use tokio::time::timeout;

use super::connect::{Error, Login, Peer};
use super::hello::{self, Hello};

/// How long a host may take to connect and answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a living member takes to answer at most, where those that are cut off or frozen are not waited for.
pub const AT_ONCE: Duration = Duration::from_millis(250);

/// What all hosts of a set said of themselves.
#[derive(Debug)]
pub struct Census(Vec<(String, Result<Hello, Error>)>);

impl Census {
    /// Asks all hosts at once.
    pub async fn take(hosts: impl IntoIterator<Item = &String>) -> Self {
        Self::within(PATIENCE, hosts).await
    }

    /// Asks all hosts at once, and waits no longer than this for any of them.
    pub async fn within(limit: Duration, hosts: impl IntoIterator<Item = &String>) -> Self {
        let mut hosts: Vec<&String> = hosts.into_iter().collect();
        hosts.sort_unstable();
        hosts.dedup();
        let late = || Error::Network(format!("does not answer within {limit:?}"));
        let asked = hosts.into_iter().map(|host| async move {
            (host.clone(), timeout(limit, hello::of(host)).await.unwrap_or_else(|_| Err(late())))
        });
        Self(join_all(asked).await)
    }

    /// Asks a set's hosts, and if none of them is primary also the one that they know: it may be about to leave.
    pub async fn of_set(set: &str, hosts: impl IntoIterator<Item = &String>) -> Self {
        let mut census = Self::take(hosts).await;
        if census.primary(set).is_none() {
            let named: Vec<String> = census.answers().filter_map(|(_, hello)| hello.primary.clone()).collect();
            census.0.extend(Self::take(named.iter().filter(|host| census.get(host).is_none())).await.0);
        }
        census
    }

    /// What one host said.
    pub fn get(&self, host: &str) -> Option<&Result<Hello, Error>> {
        self.0.iter().find(|(asked, _)| asked == host).map(|(_, answer)| answer)
    }

    /// Those that answered.
    pub fn answers(&self) -> impl Iterator<Item = (&str, &Hello)> {
        self.0.iter().filter_map(|(host, answer)| Some((host.as_str(), answer.as_ref().ok()?)))
    }

    /// A host that belongs to another set, and to which.
    pub fn stranger(&self, set: &str) -> Option<(&str, &str)> {
        self.answers().find_map(|(host, hello)| Some((host, hello.set_name.as_deref().filter(|name| *name != set)?)))
    }

    /// How many hosts belong to the set.
    pub fn belonging(&self, set: &str) -> usize {
        self.answers().filter(|(_, hello)| hello.set_name.as_deref() == Some(set)).count()
    }

    /// The host that takes writes. One that was cut off may still believe so: the later election counts.
    pub fn primary(&self, set: &str) -> Option<&str> {
        self.answers()
            .filter(|(_, hello)| hello.is_writable_primary && hello.set_name.as_deref() == Some(set))
            .max_by_key(|(_, hello)| hello.election_id)
            .map(|(host, _)| host)
    }

    /// The state of each host, for an error.
    pub fn describe(&self) -> String {
        let states = self.0.iter().map(|(host, answer)| match answer {
            Err(error) => format!("{host}: {error}"),
            Ok(hello) => format!("{host} is {}", state(hello)),
        });
        states.collect::<Vec<_>>().join("; ")
    }
}

fn state(hello: &Hello) -> &'static str {
    match hello {
        Hello { set_name: None, .. } => "in no set yet",
        Hello { is_writable_primary: true, .. } => "PRIMARY",
        Hello { arbiter_only: true, .. } => "ARBITER",
        Hello { secondary: true, primary: None, .. } => "SECONDARY and knows no primary",
        Hello { secondary: true, .. } => "SECONDARY",
        _ => "neither PRIMARY nor SECONDARY yet",
    }
}

/// Connects to a set's primary; the error says what each host is instead.
pub async fn connect(set: &SetAddress, login: Option<&Login>) -> Result<Peer, Failure> {
    let census = Census::of_set(&set.name, &set.hosts).await;
    let object = format!("replica set {}", set.name);
    let Some(host) = census.primary(&set.name) else {
        return Err(Failure::new(object, format!("has no primary: {}", census.describe()))
            .with_hint("look with `distctl status` which of its members are down; a majority must be up"));
    };
    let host = host.to_owned();
    Peer::connect(&host, login).await.map_err(|error| Failure::new(object, format!("lost its primary {host}: {error}")))
}
