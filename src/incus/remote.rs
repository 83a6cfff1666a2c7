//! Where the daemon is: the usual sockets, or a remote of the user's own incus configuration.
//!
//! The configuration is only ever read, and leniently: newer clients write fields and blocks that this page does not
//! know, and a comma-separated list of addresses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::Error;
use super::tls::{Identity, Trust};

/// The image server that every incus knows without being told.
const IMAGES: (&str, &str) = ("images", "https://images.linuxcontainers.org");

/// Where incus keeps its things for this user, as its environment variables say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// `$INCUS_SOCKET`: the daemon's socket.
    pub socket: Option<PathBuf>,
    /// `$INCUS_DIR`: the daemon's directory, where its socket is.
    pub daemon: Option<PathBuf>,
    /// `$INCUS_CONF`, else `~/.config/incus`: the user's remotes and certificates.
    pub config: Option<PathBuf>,
    /// `$INCUS_GLOBAL_CONF`, else `/etc/incus`: remotes for everyone.
    pub global: PathBuf,
}

impl Places {
    /// Reads the environment.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || variable("HOME").map(|home| home.join(".config/incus"));
        Self {
            socket: variable("INCUS_SOCKET"),
            daemon: variable("INCUS_DIR"),
            config: variable("INCUS_CONF").or_else(home),
            global: variable("INCUS_GLOBAL_CONF").unwrap_or_else(|| PathBuf::from("/etc/incus")),
        }
    }

    /// Gives the socket that the incus command line would use.
    pub(super) fn socket(&self) -> Socket {
        if let Some(path) = self.socket.clone() {
            return Socket { path, fallback: None };
        }
        let directory = self.daemon.clone().unwrap_or_else(|| {
            let run = PathBuf::from("/run/incus");
            if run.join("unix.socket").exists() { run } else { PathBuf::from("/var/lib/incus") }
        });
        Socket { path: directory.join("unix.socket"), fallback: Some(directory.join("unix.socket.user")) }
    }
}

/// A socket to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The socket of the restricted daemon for ordinary users, where the first one may refuse this user.
    pub(super) fallback: Option<PathBuf>,
}

/// The part of `config.yml` that distctl uses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    remotes: Option<BTreeMap<String, Option<Remote>>>,
}

/// A remote as `incus remote add` writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Remote {
    addr: Option<String>,
    last_working_address: Option<String>,
    protocol: Option<String>,
    project: Option<String>,
}

impl Remote {
    /// Gives its addresses, the one that worked last first.
    pub(super) fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::new();
        let listed = self.addr.iter().flat_map(|addr| addr.split(','));
        for address in self.last_working_address.iter().map(String::as_str).chain(listed) {
            let address = address.trim().trim_end_matches('/').to_owned();
            if !address.is_empty() && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    /// Gives its protocol: `incus`, `simplestreams` or `oci`.
    pub(super) fn protocol(&self) -> &str {
        self.protocol.as_deref().filter(|p| !p.is_empty()).unwrap_or("incus")
    }

    /// Gives the project that it is used with by default.
    pub(super) fn project(&self) -> Option<&str> {
        self.project.as_deref().filter(|p| !p.is_empty())
    }
}

/// The remotes of the user and of the system.
#[derive(Debug)]
pub(super) struct Remotes {
    directory: Option<PathBuf>,
    global: PathBuf,
    remotes: BTreeMap<String, Remote>,
}

impl Remotes {
    /// Reads the user's remotes, and what the system's add.
    ///
    /// # Errors
    /// [`Error::Config`] where a file is there and can't be read.
    pub(super) fn load(places: &Places) -> Result<Self, Error> {
        Self::read(places.config.clone(), &places.global)
    }

    fn read(own: Option<PathBuf>, global: &Path) -> Result<Self, Error> {
        let mut remotes = match &own {
            Some(directory) => parse_file(directory)?,
            None => BTreeMap::new(),
        };
        for (name, remote) in parse_file(global)? {
            remotes.entry(name).or_insert(remote);
        }
        let plain = |addr: &str, protocol: &str| Remote {
            addr: Some(addr.into()),
            protocol: Some(protocol.into()),
            ..Remote::default()
        };
        remotes.entry(IMAGES.0.into()).or_insert_with(|| plain(IMAGES.1, "simplestreams"));
        remotes.entry("local".into()).or_insert_with(|| plain("unix://", "incus"));
        Ok(Self { directory: own, global: global.to_owned(), remotes })
    }

    /// Finds a remote.
    ///
    /// # Errors
    /// [`Error::UnknownRemote`].
    pub(super) fn get(&self, name: &str) -> Result<&Remote, Error> {
        let unknown = || Error::UnknownRemote { name: name.into(), known: self.remotes.keys().cloned().collect() };
        self.remotes.get(name).ok_or_else(unknown)
    }

    /// Gives the certificate and key to show to a remote, its own before the common one.
    pub(super) fn identity(&self, name: &str) -> Option<Identity> {
        let directory = self.directory.as_ref()?;
        let pair = |stem: PathBuf| Identity { certificate: stem.with_added("crt"), key: stem.with_added("key") };
        [directory.join("clientcerts").join(name), directory.join("client")]
            .into_iter()
            .map(pair)
            .find(|identity| identity.certificate.exists() && identity.key.exists())
    }

    /// Tells by what to know the server of a remote.
    pub(super) fn trust(&self, name: &str) -> Trust {
        if let Some(pinned) = self.pinned(name) {
            return Trust::Pinned(pinned);
        }
        let Some(directory) = self.directory.as_ref() else {
            return Trust::System;
        };
        [directory.join("clientcerts").join(name).with_added("ca"), directory.join("client.ca")]
            .into_iter()
            .find(|path| path.exists())
            .map_or(Trust::System, Trust::Authorities)
    }

    /// Gives the file with the stored certificate of a remote's server, where there is one.
    pub(super) fn pinned(&self, name: &str) -> Option<PathBuf> {
        let stored = |directory: &PathBuf| directory.join("servercerts").join(name).with_added("crt");
        self.directory.iter().chain([&self.global]).map(stored).find(|path| path.exists())
    }
}

/// Appends a suffix, where `with_extension` would cut `lab.example` at its dot.
trait WithAdded {
    fn with_added(&self, suffix: &str) -> PathBuf;
}

impl WithAdded for PathBuf {
    fn with_added(&self, suffix: &str) -> PathBuf {
        let mut name = self.clone().into_os_string();
        name.push(".");
        name.push(suffix);
        Self::from(name)
    }
}

fn parse_file(directory: &Path) -> Result<BTreeMap<String, Remote>, Error> {
    let path = directory.join("config.yml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(Error::HostFile { path, source }),
    };
    parse(&text).map_err(|message| Error::Config { path, message })
}

fn parse(text: &str) -> Result<BTreeMap<String, Remote>, String> {
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    let file: Option<File> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let remotes = file.unwrap_or_default().remotes.unwrap_or_default();
    Ok(remotes.into_iter().map(|(name, remote)| (name, remote.unwrap_or_default())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_old_and_new_clients_write() {
        let remotes = parse(
            "default-remote: lab\ndefaults: {list_format: table}\naliases: {}\nremotes:\n  lab:\n    addr: https://10.0.0.1:8443, https://10.0.0.2:8443/\n    last_working_address: https://10.0.0.2:8443\n    auth_type: tls\n    keepalive: 30\n    project: web\n    public: false\n  empty:\n",
        )
        .unwrap();
        assert_eq!(remotes["lab"].addresses(), ["https://10.0.0.2:8443", "https://10.0.0.1:8443"]);
        assert_eq!((remotes["lab"].protocol(), remotes["lab"].project()), ("incus", Some("web")));
        assert!(remotes["empty"].addresses().is_empty());
    }

    #[test]
    fn empty_files_are_no_error_and_broken_ones_are_named() {
        for text in ["", "\n", "# nothing\n", "remotes:\n", "aliases: {}\n"] {
            assert!(parse(text).unwrap().is_empty(), "{text:?}");
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.yml"), "remotes: [").unwrap();
        let error = Remotes::read(Some(directory.path().into()), Path::new("/nonexistent")).unwrap_err();
        assert!(error.to_string().contains("config.yml"), "{error}");
    }

    #[test]
    fn the_system_adds_only_what_is_missing() {
        let (own, global) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(own.path().join("config.yml"), "remotes: {a: {addr: \"https://own\"}}").unwrap();
        let text = "remotes: {a: {addr: \"https://global\"}, b: {addr: \"https://b\"}}";
        std::fs::write(global.path().join("config.yml"), text).unwrap();
        let remotes = Remotes::read(Some(own.path().into()), global.path()).unwrap();
        assert_eq!(remotes.get("a").unwrap().addresses(), ["https://own"]);
        assert_eq!(remotes.get("b").unwrap().addresses(), ["https://b"]);
        assert_eq!(remotes.get("images").unwrap().protocol(), "simplestreams");
        assert!(matches!(remotes.get("c"), Err(Error::UnknownRemote { known, .. }) if known.len() == 4));
    }

    #[test]
    fn certificates_of_a_remote_come_before_the_common_ones() {
        let own = tempfile::tempdir().unwrap();
        std::fs::create_dir(own.path().join("clientcerts")).unwrap();
        for file in ["client.crt", "client.key", "clientcerts/lab.example.crt", "clientcerts/lab.example.key"] {
            std::fs::write(own.path().join(file), "").unwrap();
        }
        let remotes = Remotes::read(Some(own.path().into()), Path::new("/nonexistent")).unwrap();
        let shown = |name| remotes.identity(name).unwrap().certificate;
        assert!(shown("lab.example").ends_with("clientcerts/lab.example.crt"));
        assert!(shown("other").ends_with("client.crt"));
        assert!(matches!(remotes.trust("other"), Trust::System));
    }
}
