//! A client of a whole set or single mongod: it finds the primary, and follows it.

use std::time::Duration;

use mongodb::Client;
use mongodb::options::{ClientOptions, Credential, ServerAddress, ServerMonitoringMode};
use protocol::{Failure, FragmentPlace};

use super::connect::Login;

/// How long until a host that does not answer counts as unreachable.
const CONNECTING: Duration = Duration::from_secs(1);

/// How long a look for a primary takes before an attempt ends.
const SELECTING: Duration = Duration::from_secs(3);

/// Makes a client; whether anybody answers shows with the first question. `object` is what a failure is about.
pub fn of(place: &FragmentPlace, object: &str) -> Result<Client, Failure> {
    let failed = |error: mongodb::error::Error| Failure::new(object, error.to_string());
    let login = Login::read_if(place.credential.as_ref())?;
    let hosts: Result<Vec<_>, _> = place.hosts.iter().map(ServerAddress::parse).collect();
    let mut options = ClientOptions::builder()
        .hosts(hosts.map_err(failed)?)
        .connect_timeout(CONNECTING)
        .server_selection_timeout(SELECTING)
        .server_monitoring_mode(ServerMonitoringMode::Poll)
        .retry_writes(place.is_set)
        .app_name("distctl-agent".to_owned())
        .build();
    if place.is_set {
        options.repl_set_name = Some(place.on.clone());
    } else {
        options.direct_connection = Some(true);
    }
    options.credential = login.map(|login| {
        Credential::builder().username(login.user).password(login.password).source("admin".to_owned()).build()
    });
    Client::with_options(options).map_err(failed)
}
