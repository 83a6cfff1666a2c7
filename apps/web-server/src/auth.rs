//! Who is asking: tokens, verified by auth-server and remembered for a while.

mod client;
mod memory;
mod proxy;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use url::Url;

use client::Client;
use memory::{Known, Memory};

/// How long a verification may take.
const VERIFYING: Duration = Duration::from_secs(2);

/// How long a health check waits.
const PINGING: Duration = Duration::from_millis(1_500);

/// auth-server, as this service knows it.
#[derive(Debug)]
pub struct AuthServer {
    client: Client,
    memory: Memory,
}

/// auth-server can't be reached, or answers with nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub username: String,
    /// `admin` or `user`.
    pub role: String,
    /// When the token ends, in seconds since 1970.
    pub expires: u64,
}

impl Identity {
    /// Whether this user may look after others.
    pub fn is_admin(&self) -> bool {
        self.role == "admin"
    }

    /// How long the token is still good.
    pub fn left(&self) -> Duration {
        Duration::from_secs(self.expires.saturating_sub(now()))
    }
}

/// Why a token does not let anyone in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLetIn {
    /// It is none, or no longer good; what to say.
    Invalid(String),
    /// auth-server is away and has never verified it.
    Away,
}

#[derive(Deserialize)]
struct Verified {
    username: String,
    role: String,
}

#[derive(Deserialize)]
struct Claims {
    exp: u64,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    message: String,
}

impl AuthServer {
    /// Makes a client; connections come with the first use.
    pub fn new(base: Url) -> Self {
        Self { client: Client::new(base), memory: Memory::default() }
    }

    /// Says whose a token is: from memory for 30 s, then auth-server is asked again. While it is away, whom it knew
    /// stays let in until the token ends.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub async fn verify(&self, token: &str) -> Result<Arc<Identity>, NotLetIn> {
        let known = self.memory.recall(token);
        if let Some(Known { identity, fresh: true }) = known {
            return Ok(identity);
        }
        match self.ask(token).await {
            Ok(identity) => Ok(self.memory.remember(token, identity)),
            Err(NotLetIn::Away) => match known {
                Some(Known { identity, .. }) => {
                    self.memory.trust_a_moment(token);
                    Ok(identity)
                }
                None => Err(NotLetIn::Away),
            },
            Err(invalid) => {
                self.memory.forget(token);
                Err(invalid)
            }
        }
    }

    async fn ask(&self, token: &str) -> Result<Identity, NotLetIn> {
        let call = self.client.call(Method::POST, &["auth", "verify"]).bearer(token);
        let answer = self.client.send(call, VERIFYING).await.map_err(|Away| NotLetIn::Away)?;
        match answer.status {
            StatusCode::OK => {
                let Verified { username, role } = serde_json::from_slice(&answer.body).map_err(|_| NotLetIn::Away)?;
                // The signature is verified already; this only reads when it ends.
                let expires = expiry(token).ok_or_else(|| NotLetIn::Invalid("Token inválido".to_owned()))?;
                Ok(Identity { username, role, expires })
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                let Said { message } = serde_json::from_slice(&answer.body).unwrap_or_default();
                let message = if message.is_empty() { "Token inválido o expirado".to_owned() } else { message };
                Err(NotLetIn::Invalid(message))
            }
            status => {
                tracing::warn!(status = status.as_u16(), "auth-server can't verify");
                Err(NotLetIn::Away)
            }
        }
    }

    /// Forgets a token, so that it is verified anew.
    pub fn forget(&self, token: &str) {
        self.memory.forget(token);
    }

    /// Whether auth-server says that it works.
    pub async fn ping(&self) -> bool {
        let call = self.client.call(Method::GET, &["health"]);
        self.client.send(call, PINGING).await.is_ok_and(|answer| answer.status.is_success())
    }
}

/// Reads when a token ends, without looking at its signature.
fn expiry(token: &str) -> Option<u64> {
    let claims = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(claims.exp)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read() {
        assert_eq!(expiry("e30.eyJzdWIiOiJhIiwiZXhwIjoxMjN9.sig"), Some(123));
        assert_eq!(expiry("e30.e30.sig"), None);
        assert_eq!(expiry("nothing"), None);
    }
}
