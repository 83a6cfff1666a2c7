//! A direct connection to one mongod.

use std::fmt;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::Document;
use mongodb::error::ErrorKind;
use mongodb::options::{ClientOptions, Credential as DriverCredential, ServerAddress, ServerMonitoringMode};
use protocol::Credential;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::code;

/// How long until a host that does not answer counts as unreachable.
const CONNECTING: Duration = Duration::from_secs(1);

/// How long until a mongod that took a connection counts as not answering.
const SELECTING: Duration = Duration::from_secs(2);

/// How long a command may take that only asks.
pub const ASKING: Duration = Duration::from_secs(5);

/// Why a mongod did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Nothing listens there.
    NotListening,
    /// It can't be reached, or the connection broke.
    Network(String),
    /// It refused user and password.
    Login(String),
    /// It answered with an error.
    Command {
        /// Its number.
        code: i32,
        /// What it says.
        message: String,
    },
}

impl Error {
    /// The number of the error that mongod answered with.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Command { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether it passes by itself: members that start, elections, reconfigurations that are under way.
    pub fn is_transient(&self) -> bool {
        // NotYetInitialized, and the errors of a member that changes its state or shuts down: NotWritablePrimary,
        // PrimarySteppedDown, ShutdownInProgress, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary,
        // InterruptedAtShutdown, InterruptedDueToReplStateChange; WriteConcernFailed, UnsatisfiableWriteConcern.
        const CHANGING: [i32; 10] = [94, 10107, 189, 91, 13435, 13436, 11600, 11602, 64, 100];
        match self {
            Self::Login(_) => false,
            Self::NotListening | Self::Network(_) => true,
            Self::Command { code, .. } => {
                CHANGING.contains(code)
                    || matches!(
                        *code,
                        code::MAX_TIME_EXPIRED
                            | code::CONFIGURATION_IN_PROGRESS
                            | code::KEY_NOT_FOUND
                            | code::CONFIG_NOT_COMMITTED
                    )
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListening => f.write_str("nothing listens there"),
            Self::Network(why) | Self::Login(why) => f.write_str(why),
            Self::Command { code, message } => write!(f, "{message} (error {code})"),
        }
    }
}

impl From<mongodb::error::Error> for Error {
    fn from(error: mongodb::error::Error) -> Self {
        match error.kind.as_ref() {
            ErrorKind::Command(command) => Self::Command { code: command.code, message: command.message.clone() },
            // A login that failed for want of the signing keys is no refusal.
            ErrorKind::Authentication { message, .. } => match error_source_code(&error) {
                Some(code) if code == code::KEY_NOT_FOUND => Self::Command { code, message: message.clone() },
                _ => Self::Login(message.clone()),
            },
            kind => Self::Network(kind.to_string()),
        }
    }
}

fn error_source_code(error: &mongodb::error::Error) -> Option<i32> {
    let source = std::error::Error::source(error)?.downcast_ref::<mongodb::error::Error>()?;
    match source.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

/// Name and password of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The database that knows the user.
    database: &'static str,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Login {
    /// Reads the password from its file in the guest; a line break at its end is not part of it.
    pub fn read(credential: &Credential) -> Result<Self, protocol::Failure> {
        let file = &credential.password_file;
        let failed = |why: String| {
            protocol::Failure::new(file, format!("can't be read as the password of {}: {why}", credential.user))
                .with_hint("run `distctl up`: it writes the file anew")
        };
        let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        let password = text.trim_end_matches(['\r', '\n']).to_owned();
        if password.is_empty() {
            return Err(failed("it is empty".into()));
        }
        Ok(Self { user: credential.user.clone(), password, database: "admin" })
    }

    /// Reads the key of a set: who has it is what members are to each other, and may do everything.
    pub fn member(keyfile: &str) -> Result<Self, protocol::Failure> {
        let failed = |error| protocol::Failure::new(keyfile, format!("can't be read as a key: {error}"));
        let key = std::fs::read_to_string(keyfile).map_err(failed)?;
        let password = key.split_whitespace().collect();
        Ok(Self { user: "__system".to_owned(), password, database: "local" })
    }

    /// Reads the password of a credential if there is one.
    pub fn read_if(credential: Option<&Credential>) -> Result<Option<Self>, protocol::Failure> {
        credential.map(Self::read).transpose()
    }
}

/// One mongod, spoken to directly.
#[derive(Debug, Clone)]
pub struct Peer {
    /// `address:port`.
    pub host: String,
    client: Client,
}

impl Peer {
    /// Connects to a mongod. Whether it takes the login shows with the first command.
    ///
    /// A plain connection is tried before the driver's, which would wait in vain for a server that is not there.
    pub async fn connect(host: &str, login: Option<&Login>) -> Result<Self, Error> {
        match timeout(CONNECTING, TcpStream::connect(host)).await {
            Err(_) => return Err(Error::Network(format!("does not answer within {CONNECTING:?}"))),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Err(Error::NotListening),
            Ok(Err(error)) => return Err(Error::Network(error.to_string())),
            Ok(Ok(_)) => {}
        }
        let credential = login.map(|login| {
            DriverCredential::builder()
                .username(login.user.clone())
                .password(login.password.clone())
                .source(login.database.to_owned())
                .build()
        });
        let mut options = ClientOptions::builder()
            .hosts(vec![ServerAddress::parse(host)?])
            .direct_connection(true)
            .connect_timeout(CONNECTING)
            .server_selection_timeout(SELECTING)
            .server_monitoring_mode(ServerMonitoringMode::Poll)
            .app_name("distctl-agent".to_owned())
            .build();
        options.credential = credential;
        Ok(Self { host: host.to_owned(), client: Client::with_options(options)? })
    }

    /// Connects to a mongod on 127.0.0.1.
    pub async fn local(port: u16, login: Option<&Login>) -> Result<Self, Error> {
        Self::connect(&format!("127.0.0.1:{port}"), login).await
    }

    /// One of its databases.
    pub fn database(&self, name: &str) -> mongodb::Database {
        self.client.database(name)
    }

    /// Runs a command on the database `admin` that answers at once.
    pub async fn ask(&self, command: Document) -> Result<Document, Error> {
        self.run(command, ASKING).await
    }

    /// Runs a command on the database `admin` that may take its time.
    pub async fn run(&self, command: Document, patience: Duration) -> Result<Document, Error> {
        self.run_on("admin", command, patience).await
    }

    /// Runs a command on a database that may take its time.
    pub async fn run_on(&self, database: &str, command: Document, patience: Duration) -> Result<Document, Error> {
        let patience = patience.max(Duration::from_millis(100));
        match timeout(patience, self.client.database(database).run_command(command)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Error::Network(format!("gave no answer within {patience:?}"))),
        }
    }
}
