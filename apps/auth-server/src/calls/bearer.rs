//! Who calls, by their token.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serving::Refusal;

use crate::app::App;
use crate::known::Answer;
use crate::token::{Claims, Flaw};
use crate::user::Role;

/// How much later a user may have been made than the user's own token, in seconds: clocks differ.
const SKEW: u64 = 5;

/// A user who showed a good token.
#[derive(Debug)]
pub struct Caller {
    /// The user's name.
    pub username: String,
    /// What the user may do now.
    pub role: Role,
}

/// A caller who is an administrator.
#[derive(Debug)]
pub struct Admin(pub Caller);

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let token = token(parts).ok_or_else(|| Refusal::unauthorized("Token requerido"))?;
        let claims = app.tokens.verify(token).map_err(|flaw| match flaw {
            Flaw::Expired => Refusal::unauthorized("El token ha expirado"),
            Flaw::Invalid => Refusal::unauthorized("Token inválido"),
        })?;
        let Claims { sub: username, role, iat, .. } = claims;
        match app.known.look(&app.users, &username).await {
            Answer::Exists(standing) if seconds(standing.since.timestamp_millis()) <= iat + SKEW => {
                Ok(Self { username, role: standing.role })
            }
            // There is nobody of that name, or somebody else by now.
            Answer::Exists(_) | Answer::Gone => Err(Refusal::unauthorized("Token inválido")),
            Answer::Unknown => Ok(Self { username, role }),
        }
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.role {
            Role::Admin => Ok(Self(caller)),
            Role::User => Err(Refusal::forbidden("Solo para administradores")),
        }
    }
}

/// The token of the header `Authorization: Bearer TOKEN`.
fn token(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds / 1000).unwrap_or_default()
}
