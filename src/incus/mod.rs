//! The Incus API: thin methods, one for each call that distctl makes, over one shared way of sending.
//!
//! [`Client::connect`] finds the daemon as the incus command line does. The methods live in the page of what they are
//! about: [`instances`], [`state`], [`networks`], [`projects`], [`images`], [`files`], [`exec`], [`session`],
//! [`events`], [`snapshots`], [`backups`], [`storage`], [`settings`], [`certificates`], [`warnings`]. Everything fails with one typed [`Error`]. What is behind them: `transport`
//! sends, `call` says what is safe to repeat,
//! `operation` waits for what the daemon does in the background, `remote` reads the user's incus configuration.

mod answer;
mod call;
mod error;
mod operation;
mod remote;
mod server;
mod tls;
mod transport;
mod upgrade;
mod websocket;

pub mod backups;
pub mod certificates;
pub mod events;
pub mod exec;
pub mod files;
pub mod images;
pub mod instances;
pub mod networks;
pub mod projects;
pub mod session;
pub mod settings;
pub mod snapshots;
pub mod state;
pub mod storage;
pub mod warnings;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::de::DeserializeOwned;

pub use backups::{Backup, BackupStream};
pub use certificates::Certificate;
pub use error::{ApiError, Error};
pub use events::ApiEvent;
pub use exec::{Command, Finished};
pub use files::{FileAttributes, FileBody};
pub use images::Source;
pub use instances::{Devices, Instance, NewInstance, Status};
pub use networks::{Allocation, Network};
pub use operation::UnderWay;
pub use projects::Project;
pub use remote::Places;
pub use server::Server;
pub use session::Session;
pub use settings::Settings;
pub use snapshots::Snapshot;
pub use state::InstanceState;
pub use storage::{Pool, Profile, Space, root_of};
pub use transport::RequestCount;
pub use warnings::Warning;
pub use websocket::{Input, Output};

use answer::Reply;
use call::Call;
use remote::Remotes;
use transport::{Endpoint, Transport};

/// All but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which daemon and project to work with.
#[derive(Debug, Clone)]
pub struct Target {
    /// A remote of the user's incus configuration; the local daemon where there is none.
    pub remote: Option<String>,
    /// The project; the remote's own or `default` where there is none.
    pub project: Option<String>,
    /// At most so many writes and commands are in flight at once; at least one.
    pub parallel: usize,
}

/// A connection to a daemon. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transport: Transport,
    server: Server,
    project: String,
    places: Places,
}

impl Client {
    /// Finds the daemon and checks that distctl can work with it: one request.
    ///
    /// Without a remote the socket is `$INCUS_SOCKET`, else the one of `$INCUS_DIR`, of `/run/incus` or of
    /// `/var/lib/incus`; where it refuses this user, the socket for ordinary users beside it.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::NotIncus`], [`Error::TooOld`], [`Error::MissingExtension`], [`Error::Untrusted`],
    /// [`Error::Certificate`], and for remotes [`Error::UnknownRemote`] and [`Error::Config`].
    pub async fn connect(target: &Target) -> Result<Self, Error> {
        Self::connect_from(&Places::from_environment(), target).await
    }

    /// Finds the daemon as [`Client::connect`] does, with other places than the environment says.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub async fn connect_from(places: &Places, target: &Target) -> Result<Self, Error> {
        match &target.remote {
            None => Self::local(places, target).await,
            Some(name) => Self::remote(name, places, target).await,
        }
    }

    async fn local(places: &Places, target: &Target) -> Result<Self, Error> {
        let socket = places.socket();
        match socket.fallback {
            Some(user) if user.exists() && refuses(&socket.path).await => {
                Self::meet(Endpoint::Unix(user), None, places, target, own_project()).await
            }
            _ => Self::meet(Endpoint::Unix(socket.path), None, places, target, None).await,
        }
    }

    async fn remote(name: &str, places: &Places, target: &Target) -> Result<Self, Error> {
        let remotes = Remotes::load(places)?;
        let remote = remotes.get(name)?;
        let config = |message: String| Error::Config { path: format!("remote {name}").into(), message };
        if remote.protocol() != "incus" {
            let message = format!("speaks {}: it serves images and runs no instances", remote.protocol());
            return Err(config(message));
        }
        let mut last = config("has no address".into());
        for address in remote.addresses() {
            let project = remote.project().map(str::to_owned);
            let tried = match address.strip_prefix("unix:").map(|path| path.trim_start_matches("//")) {
                Some("") => Self::local(places, target).await,
                Some(path) => Self::meet(Endpoint::Unix(path.into()), None, places, target, project).await,
                None => {
                    let identity = remotes.identity(name);
                    let config = Box::new(tls::configuration(&remotes.trust(name), identity.as_ref())?);
                    let shown = identity.map(|identity| identity.certificate.display().to_string());
                    Self::meet(Endpoint::Https(address, config), shown.as_deref(), places, target, project).await
                }
            };
            match tried {
                Err(error @ Error::NotThere { .. }) => last = error,
                done => return done,
            }
        }
        Err(last)
    }

    async fn meet(
        endpoint: Endpoint,
        shown: Option<&str>,
        places: &Places,
        target: &Target,
        project: Option<String>,
    ) -> Result<Self, Error> {
        let transport = Transport::new(endpoint, target.parallel)?;
        let server = server::meet(&transport, shown).await?;
        let project = target.project.clone().or(project).unwrap_or_else(|| "default".into());
        Ok(Self { inner: Arc::new(Inner { transport, server, project, places: places.clone() }) })
    }

    /// Tells who answers.
    pub fn server(&self) -> &Server {
        &self.inner.server
    }

    /// Gives the project that all calls are for.
    pub fn project(&self) -> &str {
        &self.inner.project
    }

    /// Gives the address, `unix:///...` or `https://...`, for messages.
    pub fn address(&self) -> &str {
        self.inner.transport.address()
    }

    /// Whether the daemon may know this client as one that is restricted to projects. Who may use its own socket is not.
    pub fn may_be_restricted(&self) -> bool {
        let address = self.address();
        !address.starts_with("unix:") || address.ends_with(".user")
    }

    /// Counts the requests so far, repeated ones included.
    pub fn requests(&self) -> RequestCount {
        self.inner.transport.requests()
    }

    /// Gives the server's clock as of its last answer, in whole seconds.
    pub fn server_time(&self) -> Option<jiff::Timestamp> {
        self.inner.transport.date()
    }

    fn places(&self) -> &Places {
        &self.inner.places
    }

    fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// Makes the path of an object of the project.
    fn path(&self, segments: &[&str], query: &[(&str, &str)]) -> String {
        let project = [("project", self.project())];
        // Without a project the daemon means `default`; leaving it out keeps paths short in its log.
        let project = if self.project() == "default" { &[][..] } else { &project[..] };
        path(segments, &[project, query].concat())
    }

    async fn send(&self, call: &Call) -> Result<Reply, Error> {
        self.transport().send(call).await?.open(call)
    }

    /// Reads a value, and its version where it has one.
    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<(T, Option<String>), Error> {
        let call = Call::new(Method::GET, path);
        let answer = self.transport().send(&call).await?;
        Ok((answer.open(&call)?.done(&call)?, answer.etag()))
    }
}

/// Makes a path below `/1.0` with all its parts encoded.
fn path(segments: &[&str], query: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, SEGMENT);
    let mut path = String::from("/1.0");
    for segment in segments {
        path += &format!("/{}", encode(segment));
    }
    for (number, (name, value)) in query.iter().enumerate() {
        path += &format!("{}{name}={}", if number == 0 { '?' } else { '&' }, encode(value));
    }
    path
}

/// Tells whether this user may not use a socket.
async fn refuses(socket: &Path) -> bool {
    let denied = std::io::ErrorKind::PermissionDenied;
    tokio::net::UnixStream::connect(socket).await.is_err_and(|error| error.kind() == denied)
}

/// Names the project that the daemon for ordinary users keeps for this one.
fn own_project() -> Option<String> {
    let user = std::fs::metadata("/proc/self").ok()?.uid();
    Some(format!("user-{user}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_part_of_a_path_is_encoded() {
        let path = super::path(&["images", "aliases", "debian/12"], &[("path", "/etc/a b"), ("x", "1")]);
        assert_eq!(path, "/1.0/images/aliases/debian%2F12?path=%2Fetc%2Fa%20b&x=1");
    }
}
