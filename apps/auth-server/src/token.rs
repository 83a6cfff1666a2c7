//! Tokens: JWT, signed with HS256 and no other way.

mod hs256;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serving::SecretKey;

use crate::user::Role;

/// For how long a token is good.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// How far in the future a token may have been issued, in seconds: clocks differ.
const SKEW: u64 = 5;

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's name.
    pub sub: String,
    /// What the user may do.
    pub role: Role,
    /// When it was issued.
    pub iat: u64,
    /// When it ends.
    pub exp: u64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It was good once.
    Expired,
    /// It never was.
    Invalid,
}

/// Signs tokens and verifies them.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Tokens of a key.
    pub fn new(key: &SecretKey) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            signing: EncodingKey::from_secret(key.expose()),
            verifying: DecodingKey::from_secret(key.expose()),
            validation,
        }
    }

    /// Issues a token that is good from now on.
    pub fn issue(&self, username: &str, role: Role) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now();
        let claims = Claims { sub: username.to_owned(), role, iat, exp: iat + LIFE.as_secs() };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
    }

    /// Says what a token says, if it is one of ours and good now.
    pub fn verify(&self, token: &str) -> Result<Claims, Flaw> {
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation);
        let claims = decoded.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Flaw::Expired,
            _ => Flaw::Invalid,
        })?;
        if claims.claims.iat > now() + SKEW { Err(Flaw::Invalid) } else { Ok(claims.claims) }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
