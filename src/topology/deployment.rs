//! The sections around the databases: services, fragmentation, exposed ports.

use schemars::JsonSchema;
use serde::Serialize;

use super::{At, CommandLine, Named, OneOrMany, Texts, Time};

/// An application in a container.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Service {
    /// The container that it runs in, or several of them: a change then goes through one after the other.
    #[schemars(with = "OneOrMany", length(min = 1))]
    pub container: Vec<At<String>>,
    /// Its binary: the name of an artifact, or a path relative to the folder of the topology file.
    pub binary: Option<At<String>>,
    /// What to run where that is not the binary alone: a program of the container and its arguments. One text is split
    /// as a shell splits it, quotes included; nothing is expanded.
    #[schemars(default, with = "OneOrMany")]
    pub command: CommandLine,
    /// The port that it listens on.
    pub port: Option<At<u16>>,
    /// Its environment. Values may use `{{ secret('name') }}`, `{{ mongodb.SET.uri(db='name') }}`,
    /// `{{ containers.NAME.ipv4 }}` and `{{ fragmentation.NAME.json }}`.
    #[schemars(default)]
    pub environment: Texts,
    /// Files of its own, by their path in the container.
    #[schemars(default)]
    pub files: Named<ServiceFile>,
    /// Debian packages that it needs.
    #[schemars(default)]
    pub packages: Vec<At<String>>,
    /// The system user that it runs as; without it, one of the service's own name.
    pub user: Option<At<String>>,
    /// Where it runs: an absolute path.
    pub working_dir: Option<At<String>>,
    /// How to see that it works.
    pub healthcheck: Option<Healthcheck>,
    /// What is run once, when the service works for the first time.
    pub init: Option<Init>,
    /// Services, replica sets and single mongods that must work before it starts.
    #[schemars(default)]
    pub depends_on: Vec<At<String>>,
}

/// A command that is run as the service's user, in its environment. It must do no harm when it is run again: it is,
/// where a database that the service depends on is made anew.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Init {
    /// The program and its arguments. One text is split as a shell splits it, quotes included; nothing is expanded.
    #[schemars(with = "OneOrMany", length(min = 1))]
    pub command: CommandLine,
    /// What it reads, with the same `{{ }}` as the environment. Secrets in it are shown once by `up`: a person needs them.
    pub stdin: Option<At<String>>,
}

/// A file of a service.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ServiceFile {
    /// The text itself, with the same `{{ }}` as the environment.
    pub content: Option<At<String>>,
    /// A file with such a text; relative to the folder of the topology file.
    pub template: Option<At<String>>,
    /// A file pushed as it is; relative to the folder of the topology file.
    pub source: Option<At<String>>,
    /// Permission bits in octal, in quotes ("0640").
    #[schemars(regex(pattern = "^0?[0-7]{3}$"))]
    pub mode: Option<At<String>>,
}

/// How to see that a service works.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Healthcheck {
    /// The path that is asked over HTTP on the service's port; a status from 200 to 299 means that it works.
    pub http: At<String>,
    /// How often it is asked (1s).
    pub interval: Option<At<Time>>,
    /// How long it may take until it works (30s).
    pub timeout: Option<At<Time>>,
}

/// A collection that is spread over several databases by the first letter of a field.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fragmentation {
    /// The collection with its database.
    #[schemars(regex(pattern = r"^[^.]+\..+$"), example = &"products_db.products")]
    pub collection: At<String>,
    /// The field whose first letter decides.
    pub key: At<String>,
    /// How the first letter is found: `folded` (case, accents and leading spaces don't count), or `ascii` (the first
    /// character as it is; what is no letter from A to Z goes to the default part).
    #[schemars(default, with = "Letters")]
    pub letters: Option<At<Letters>>,
    /// The parts. Together they take each letter from A to Z once.
    #[schemars(length(min = 1))]
    pub fragments: Vec<At<Fragment>>,
    /// Whether all parts could be read: otherwise nothing is said of them as a whole.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) complete: bool,
}

/// How the first letter of a key is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Letters {
    /// Case, accents and leading spaces don't count.
    #[default]
    Folded,
    /// The first character as it is.
    Ascii,
}

/// A part of a fragmented collection.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fragment {
    /// Its letters: `A-M`, or one.
    #[schemars(regex(pattern = "^[A-Z](-[A-Z])?$"))]
    pub range: Option<At<String>>,
    /// The replica set or single mongod that holds it.
    pub on: At<String>,
    /// Whether it also takes digits, symbols and other scripts. Exactly one part does.
    #[schemars(default, with = "bool")]
    pub default: Option<At<bool>>,
}

impl Fragment {
    /// Whether it takes what begins with no letter.
    pub fn is_default(&self) -> bool {
        self.default.is_some_and(|default| default.value)
    }
}

/// Incus's own web interface.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct IncusUi {
    /// The address and port of the server on which Incus listens for HTTPS.
    #[schemars(example = &"127.0.0.1:8443")]
    pub listen: At<String>,
}

/// A port of a container that the host listens for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Exposed {
    /// The host's address and port.
    #[schemars(example = &"127.0.0.1:3000")]
    pub listen: At<String>,
    /// The container and its port.
    #[schemars(example = &"web-server:3000")]
    pub to: At<String>,
}
