//! What all calls share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serving::{Refusal, health};
use tokio::sync::Mutex;

use crate::attempts::Attempts;
use crate::client::Proxies;
use crate::known::Known;
use crate::passwords::Passwords;
use crate::settings::Settings;
use crate::store::{self, Users};
use crate::token::Tokens;

/// What all calls share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// The parts of an [`App`].
pub struct Shared {
    /// The database.
    pub users: Users,
    /// Who hashes.
    pub passwords: Passwords,
    /// Who signs.
    pub tokens: Tokens,
    /// Who failed to log in.
    pub attempts: Attempts,
    /// Who exists.
    pub known: Known,
    /// Who is believed about others' addresses.
    pub proxies: Proxies,
    /// The last look at the database.
    pub health: health::Last,
    /// One deletion at a time: two administrators who delete each other must not both succeed.
    pub deleting: Mutex<()>,
    indexed: AtomicBool,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// An app that nobody has asked yet.
    pub fn new(settings: &Settings) -> Self {
        Self(Arc::new(Shared {
            users: settings.users.clone(),
            passwords: Passwords::new(),
            tokens: Tokens::new(&settings.key),
            attempts: Attempts::new(),
            known: Known::new(),
            proxies: settings.proxies.clone(),
            health: health::Last::default(),
            deleting: Mutex::new(()),
            indexed: AtomicBool::new(false),
        }))
    }
}

impl Shared {
    /// Says that the indexes are there.
    pub fn indexed(&self) {
        self.indexed.store(true, Ordering::Release);
    }

    /// Whether the indexes are there.
    pub fn is_indexed(&self) -> bool {
        self.indexed.load(Ordering::Acquire)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NameTaken => Self::bad_request("El nombre de usuario ya existe"),
            store::Error::EmailTaken => Self::bad_request("El email ya está registrado"),
            store::Error::Away(_) => {
                tracing::warn!(error = %error, "refused");
                away()
            }
        }
    }
}

/// 503: the database is away.
pub fn away() -> Refusal {
    Refusal::unavailable("La base de datos no está disponible, inténtalo de nuevo", Duration::from_secs(2))
}
