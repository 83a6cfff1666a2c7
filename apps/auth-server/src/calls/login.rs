//! POST /auth/login.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Json as Answer;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde::Serialize;
use serving::{Json, Refusal};

use super::fields::{Fields, text};
use crate::app::App;
use crate::client::household;
use crate::user::User;

#[derive(Serialize)]
struct LoggedIn {
    token: String,
    username: String,
}

/// Logs a user in. An unknown name and a wrong password get one answer, after one hash.
pub async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> Result<impl IntoResponse, Refusal> {
    let (username, password) = (text(&fields, "username")?.trim(), text(&fields, "password")?);
    let client = household(app.proxies.client(peer.ip(), &headers));
    // Before anything that costs something.
    if let Some(wait) = app.attempts.wait(username, client, Instant::now()) {
        return Err(too_many(client, wait));
    }
    let user = app.users.find(username).await?;
    let Some(user) = admit(&app, username, password, client, user).await? else {
        tracing::info!(client = %client, "log-in failed");
        return Err(Refusal::unauthorized("Credenciales inválidas"));
    };
    let token = app.tokens.issue(&user.username, user.role).map_err(|error| {
        tracing::error!(error = %error, "a token can't be signed");
        Refusal::internal()
    })?;
    tracing::info!(username = user.username, client = %client, "logged in");
    Ok(Answer(LoggedIn { token, username: user.username }))
}

/// Compares the password, and counts how that ends.
async fn admit(
    app: &App,
    username: &str,
    password: &str,
    client: IpAddr,
    user: Option<User>,
) -> Result<Option<User>, Refusal> {
    let turn = app.passwords.turn().await?;
    // Counted here, where only few are at once: those who waited see the failures of those before them.
    app.attempts.begin(username, client, Instant::now()).map_err(|wait| too_many(client, wait))?;
    match turn.matches(password, user.as_ref().map(|user| user.password.as_str())).await {
        Ok(true) => {
            app.attempts.succeeded(username, client);
            Ok(user)
        }
        Ok(false) => Ok(None),
        Err(refusal) => {
            app.attempts.undo(username, client);
            Err(refusal)
        }
    }
}

fn too_many(client: IpAddr, wait: Duration) -> Refusal {
    tracing::warn!(client = %client, "too many failed log-ins");
    Refusal::too_many("Demasiados intentos fallidos, inténtalo más tarde", wait)
}
