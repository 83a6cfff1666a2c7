//! What the environment says.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mongodb::Client;
use mongodb::options::ClientOptions;
use serving::SecretKey;
use serving::config::{Error, or, parsed, required, secret_key};

use crate::client::Proxies;
use crate::store::{self, Users};

/// Everything that a running service is told from outside.
pub struct Settings {
    /// Where it listens: `BIND` and `PORT`, `0.0.0.0:5000` without them.
    pub address: SocketAddr,
    /// The key that signs tokens: `SECRET_KEY`.
    pub key: SecretKey,
    /// Who may say on whose behalf they ask: `TRUSTED_PROXIES`, addresses with commas between.
    pub proxies: Proxies,
    /// The users, in the database that `DB3_URL` names.
    pub users: Users,
}

impl Settings {
    /// Reads the environment.
    pub async fn read() -> Result<Self, Error> {
        let key = secret_key("SECRET_KEY")?;
        let bind = parsed("BIND", IpAddr::V4(Ipv4Addr::UNSPECIFIED))?;
        let address = SocketAddr::new(bind, parsed("PORT", 5000)?);
        let proxies = or("TRUSTED_PROXIES", "")?.parse().map_err(|cause| unread("TRUSTED_PROXIES", cause))?;
        Ok(Self { address, key, proxies, users: users().await? })
    }
}

/// The users in the database that `DB3_URL` names. Nothing is connected yet.
pub async fn users() -> Result<Users, Error> {
    const NAME: &str = "DB3_URL";
    let url = required(NAME)?;
    // The driver's own words may repeat parts of the address, and with them the password.
    let unusable = || Error::new(NAME, "is no MongoDB address", "write mongodb://USER:PASSWORD@HOST:27017/auth_db");
    let mut options = ClientOptions::parse(&url).await.map_err(|_| unusable())?;
    let Some(database) = options.default_database.clone() else {
        return Err(Error::new(NAME, "names no database", "end it with /auth_db"));
    };
    store::tune(&mut options);
    let client = Client::with_options(options).map_err(|_| unusable())?;
    Ok(Users::of(&client.database(&database)))
}

fn unread(name: &str, cause: impl Display) -> Error {
    Error::new(name, format!("can't be read ({cause})"), "correct or remove it")
}
