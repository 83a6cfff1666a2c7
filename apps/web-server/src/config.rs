//! What the environment says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fragmentation::Fragmentation;
use serving::SecretKey;
use serving::config::{Error, or, parsed, required, secret_key};
use url::Url;

use crate::databases::Address;
use crate::databases::address::homes;

/// The most databases that are looked for: DB1_URL to DB26_URL, one a letter.
const MOST_DATABASES: usize = 26;

/// All that the service is told from outside.
#[derive(Debug)]
pub struct Config {
    /// Where it listens: `BIND` and `PORT`.
    pub listen: SocketAddr,
    /// `SECRET_KEY`: signs what pages get back, CSRF tokens and messages.
    pub secret: SecretKey,
    /// `AUTH_SERVER_URL`: the base of auth-server's URLs.
    pub auth_server: Url,
    /// `DB1_URL`, `DB2_URL`, ... in order.
    pub databases: Vec<Address>,
    /// The rule in `FRAGMENTATION_FILE`.
    pub rule: Fragmentation,
    /// The position of the database of each of the rule's fragments.
    pub homes: Vec<usize>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// What is missing or wrong, with its variable; never a value that may hold a password.
    pub async fn read() -> Result<Self, Error> {
        let bind = parsed("BIND", IpAddr::V4(Ipv4Addr::UNSPECIFIED))?;
        let listen = SocketAddr::new(bind, parsed("PORT", 3000)?);
        let secret = secret_key("SECRET_KEY")?;
        let auth_server = auth_server()?;
        let rule = rule()?;
        let databases = databases().await?;
        let homes = homes(&rule, &databases)
            .map_err(|error| Error::new("FRAGMENTATION_FILE", "does not fit the databases", error.to_string()))?;
        Ok(Self { listen, secret, auth_server, databases, rule, homes })
    }
}

fn auth_server() -> Result<Url, Error> {
    const NAME: &str = "AUTH_SERVER_URL";
    const ADVICE: &str = "set it to http://HOST:PORT of auth-server";
    let url = Url::parse(&required(NAME)?).map_err(|error| Error::new(NAME, format!("is no URL ({error})"), ADVICE))?;
    match url.scheme() == "http" && url.has_host() {
        true => Ok(url),
        false => Err(Error::new(NAME, "is no http:// URL", ADVICE)),
    }
}

fn rule() -> Result<Fragmentation, Error> {
    const NAME: &str = "FRAGMENTATION_FILE";
    const ADVICE: &str = "run `distctl up`: it renders the file from the topology";
    let path = required(NAME)?;
    let wrong = |cause: String| Error::new(NAME, cause, ADVICE);
    let json = std::fs::read(&path).map_err(|error| wrong(format!("names {path}, which can't be read ({error})")))?;
    let rule = Fragmentation::from_json(&json).map_err(|error| wrong(format!("names {path}: {error}")))?;
    rule.namespace().map_err(|error| wrong(format!("names {path}: {error}")))?;
    match rule.key.as_str() {
        "name" => Ok(rule),
        other => Err(wrong(format!("names {path}, whose key is {other}, and products are spread by their name"))),
    }
}

async fn databases() -> Result<Vec<Address>, Error> {
    let mut databases = Vec::new();
    for number in 1..=MOST_DATABASES {
        let (name, variable) = (format!("DB{number}"), format!("DB{number}_URL"));
        let url = or(&variable, "")?;
        if url.is_empty() {
            break;
        }
        let address = Address::parse(&name, &url).await;
        databases.push(address.map_err(|error| Error::new(&variable, "can't be used", error.to_string()))?);
    }
    match databases.is_empty() {
        true => required("DB1_URL").map(|_| databases),
        false => Ok(databases),
    }
}
