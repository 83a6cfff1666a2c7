//! Who calls the API.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serving::Refusal;

use super::auth_away;
use crate::app::App;
use crate::auth::{Identity, NotLetIn};

/// A caller whose token is good.
#[derive(Clone)]
pub struct Caller {
    /// The token, to be passed on to auth-server.
    pub token: String,
    /// Whose it is.
    pub identity: Arc<Identity>,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let token = bearer(parts).ok_or_else(|| Refusal::unauthorized("Token requerido"))?;
        match app.auth.verify(token).await {
            Ok(identity) => Ok(Self { token: token.to_owned(), identity }),
            Err(NotLetIn::Invalid(message)) => Err(Refusal::unauthorized(message)),
            Err(NotLetIn::Away) => Err(auth_away()),
        }
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The address that a client's connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map(|peer| Self(peer.0.ip())).ok_or_else(Refusal::internal)
    }
}
