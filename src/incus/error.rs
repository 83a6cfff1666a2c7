//! What can go wrong between distctl and the daemon, kept so that callers can tell the cases apart.
//!
//! The daemon's status codes are unreliable and its texts change between versions, so both are matched, here and
//! nowhere else; `tests/it/incus_client.rs` has the wordings of 6.0.4 and 7.0.

use std::path::PathBuf;
use std::time::Duration;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing answers at the address.
    #[error("no Incus answers at {address}: {cause}")]
    NotThere {
        /// Where it was looked for.
        address: String,
        /// What the system says: no such file, refused, permission denied.
        cause: String,
        /// What to do about it.
        hint: String,
    },
    /// Something else than Incus answers.
    #[error("{address} is not Incus: it calls itself {server:?}")]
    NotIncus {
        /// Where it answered.
        address: String,
        /// What it says it is.
        server: String,
    },
    /// The daemon's version is older than distctl can work with.
    #[error("Incus {version} at {address} is too old: distctl needs {needed} or newer")]
    TooOld {
        /// Where it answered.
        address: String,
        /// Its version.
        version: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// The daemon does not know this client's certificate.
    #[error("{address} does not trust this client: {cause}")]
    Untrusted {
        /// Where it answered.
        address: String,
        /// Which certificate was shown, or that there is none.
        cause: String,
    },
    /// The daemon was built without something that distctl uses.
    #[error("Incus {version} at {address} lacks the API extensions {}", missing.join(", "))]
    MissingExtension {
        /// Where it answered.
        address: String,
        /// Its version.
        version: String,
        /// Names of extensions.
        missing: Vec<String>,
    },
    /// The server showed a certificate that is not to be believed.
    #[error("the certificate of {address} can't be trusted: {cause}")]
    Certificate {
        /// Whose certificate it is.
        address: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The user's own incus configuration can't be used.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The remote is in no configuration.
    #[error("there is no incus remote called {name:?}; there are: {}", known.join(", "))]
    UnknownRemote {
        /// What was asked for.
        name: String,
        /// The remotes that are configured.
        known: Vec<String>,
    },
    /// The connection broke before the whole answer was there; whether the call took effect is unknown.
    #[error("{method} {path}: the connection to Incus broke")]
    Transport {
        /// The HTTP method.
        method: String,
        /// The path without its query.
        path: String,
        /// What broke it.
        #[source]
        source: Source,
    },
    /// No answer came in time; whether the call took effect is unknown.
    #[error("{method} {path}: Incus did not answer within {} s", after.as_secs())]
    TimedOut {
        /// The HTTP method.
        method: String,
        /// The path without its query.
        path: String,
        /// How long was waited.
        after: Duration,
    },
    /// The daemon answered with an error, at once or at the end of an operation.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The operation is gone, with its result: the daemon was restarted. Re-reading its object tells how it ended.
    #[error("{method} {path}: Incus was restarted and has forgotten how this ended")]
    OperationLost {
        /// The HTTP method of the call that began the operation.
        method: String,
        /// Its path without the query.
        path: String,
    },
    /// The answer is not what the API describes.
    #[error("{method} {path}: Incus gave an answer that distctl can't read")]
    Decode {
        /// The HTTP method.
        method: String,
        /// The path without its query.
        path: String,
        /// What could not be read.
        #[source]
        source: Source,
    },
    /// A file of this host can't be read.
    #[error("can't read {}", path.display())]
    HostFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// The daemon's own answer to a call that it refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({method} {path})")]
pub struct ApiError {
    /// The HTTP status; 200 where an operation failed later.
    pub status: u16,
    /// The server's error code; 0 where it gave none, as operations of Incus 6.0.5 and later do.
    pub code: u16,
    /// The server's words.
    pub message: String,
    /// The HTTP method.
    pub method: String,
    /// The path without its query.
    pub path: String,
}

impl Error {
    /// Gives the daemon's answer, where there is one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            _ => None,
        }
    }

    /// The named object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.api().is_some_and(|e| e.code == 404 || (e.code != 400 && e.ends(&["not found"]) && !e.command_not_found()))
    }

    /// An object of that name, address or hardware address exists already.
    pub fn is_conflict(&self) -> bool {
        const TEXTS: &[&str] = &["UNIQUE constraint failed", "already exists", "already in use", "already defined"];
        self.api().is_some_and(|e| e.code == 409 || e.says(TEXTS))
    }

    /// The static address or its subnet is taken by something else.
    pub fn is_address_in_use(&self) -> bool {
        const TEXTS: &[&str] = &["already defined on another NIC", "Address already in use", "address already in use"];
        self.says(TEXTS)
    }

    /// Another operation is being run on the instance; trying again later helps.
    pub fn is_busy(&self) -> bool {
        self.says(&["Instance is busy running"])
    }

    /// The object changed since it was read: `If-Match` did not match.
    pub fn is_precondition_failed(&self) -> bool {
        self.api().is_some_and(|e| e.code == 412 || e.status == 412)
    }

    /// The instance would have to run for this.
    pub fn is_not_running(&self) -> bool {
        self.says(&["nstance is not running", "nstance isn't running", "is already stopped"])
    }

    /// The instance would have to be stopped for this.
    pub fn is_running(&self) -> bool {
        self.api().is_some_and(|e| e.ends(&["nstance is running"]) || e.says(&["is already running"]))
    }

    /// The instance is frozen.
    pub fn is_frozen(&self) -> bool {
        self.says(&["nstance is frozen"])
    }

    /// The instance did not shut down in the time it was given; it still runs.
    pub fn is_stop_timeout(&self) -> bool {
        self.api().is_some_and(|e| e.says(&["Failed shutting down"]) && e.says(&["deadline exceeded", "timed out"]))
    }

    /// The program is not in the guest.
    pub fn is_command_not_found(&self) -> bool {
        self.api().is_some_and(ApiError::command_not_found)
    }

    /// The program is in the guest and can't be run there: it is not whole, or for another processor.
    pub fn is_command_not_executable(&self) -> bool {
        self.api().is_some_and(|error| error.message == "Command not executable")
    }

    /// Something else still uses the object.
    pub fn is_in_use(&self) -> bool {
        self.says(&["currently in use", "still in use", "Only empty projects"])
    }

    /// An import of the same name that was cut off has left its volume mounted; the next try finds it free (6.0.4).
    pub fn is_left_mounted(&self) -> bool {
        self.says(&["Post hook failed: In use"])
    }

    /// The image is not there or can't be fetched; another one may do.
    pub fn is_image_unavailable(&self) -> bool {
        const TEXTS: &[&str] =
            &["Image not provided", "Image not found", "Failed getting remote image", "couldn't be found"];
        self.says(TEXTS)
    }

    /// No space is left on a disk.
    pub fn is_disk_full(&self) -> bool {
        self.says(&["no space left on device", "disk quota exceeded"])
    }

    /// The daemon doesn't let this client do this.
    pub fn is_forbidden(&self) -> bool {
        let refused = self.api().is_some_and(|e| e.code == 403 || e.says(&["Certificate is restricted"]));
        refused || matches!(self, Self::Untrusted { .. })
    }

    /// The project that the calls are for does not exist.
    pub fn is_project_missing(&self) -> bool {
        self.says(&["Project not found"])
    }

    /// The daemon is starting or stopping and has looked at nothing.
    pub fn is_unavailable(&self) -> bool {
        self.api().is_some_and(|e| e.status == 503 || e.code == 503)
    }

    /// The connection failed, so that it's unknown whether the call took effect (or known that it didn't: `NotThere`).
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::TimedOut { .. } | Self::NotThere { .. })
    }

    /// Tells what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotThere { hint, .. } => Some(hint.clone()),
            Self::NotIncus { .. } => Some("point INCUS_SOCKET or --remote at an Incus daemon".into()),
            Self::TooOld { needed, .. } => Some(format!("upgrade Incus to {needed} or newer (Debian: bookworm-backports)")),
            Self::Untrusted { .. } => Some(
                "on the server: `incus config trust add NAME`; here: `incus remote add REMOTE TOKEN`, then --remote REMOTE".into(),
            ),
            Self::MissingExtension { .. } => Some("upgrade Incus; distctl works with the 6.0 and 7.0 LTS series".into()),
            Self::Certificate { .. } => Some(
                "if the server was reinstalled or joined a cluster, remove the remote and add it again with `incus remote`".into(),
            ),
            Self::UnknownRemote { .. } => Some("see `incus remote list`; add one with `incus remote add NAME TOKEN`".into()),
            Self::Transport { .. } | Self::TimedOut { .. } | Self::OperationLost { .. } => {
                Some("run the same command again: distctl goes on from what is there".into())
            }
            Self::Api(_) if self.is_project_missing() => {
                Some("create it with `incus project create NAME`, or name another with --project".into())
            }
            // Seen with 6.0.4 when the daemon was killed while it made an instance.
            Self::Api(_) if self.says(&["Instance storage pool not found", "Failed expanding symlinks of \"\""]) => {
                let what = "Incus was cut off when it made this instance, which has no file system";
                Some(format!("{what}: delete it with `incus delete NAME`, then run the same command again"))
            }
            Self::Api(_) if self.says(&["Cannot listen on network HTTPS socket"]) => {
                Some("choose an address and port that nothing on Incus's host listens on: see `ss -ltnp` there".into())
            }
            Self::Api(_) if self.says(&["unavailable on this server"]) => {
                let what = "Incus could not start this network when the daemon started, and tries again each minute";
                Some(format!("{what}; its log says why: a dnsmasq of an earlier daemon may still hold the address"))
            }
            _ => None,
        }
    }

    fn says(&self, texts: &[&str]) -> bool {
        self.api().is_some_and(|e| e.says(texts))
    }
}

impl ApiError {
    fn says(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.message.contains(text))
    }

    fn ends(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.message.trim_end().ends_with(text))
    }

    fn command_not_found(&self) -> bool {
        self.message == "Command not found"
    }
}

/// Finds an error of a type in a chain of causes, also where an `io::Error` wraps it.
pub(super) fn cause<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// Gives the last cause of a chain in words.
pub(super) fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
