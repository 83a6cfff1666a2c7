//! POST /auth/register.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use mongodb::bson::DateTime;
use serving::{Json, Refusal, message};

use super::fields::{Fields, text};
use crate::app::{App, away};
use crate::rules;
use crate::user::{Role, User};

/// Registers a plain user; there is no way to an administrator from here.
pub async fn register(State(app): State<App>, Json(fields): Json<Fields>) -> Result<impl IntoResponse, Refusal> {
    let (username, email) = (text(&fields, "username")?, text(&fields, "email")?);
    let password = text(&fields, "password")?;
    let username = rules::username(username).map_err(Refusal::bad_request)?;
    let email = rules::email(email).map_err(Refusal::bad_request)?;
    rules::password(password).map_err(Refusal::bad_request)?;
    // Without the indexes two could get one name.
    if !app.is_indexed() {
        return Err(away());
    }
    let password = app.passwords.turn().await?.hash(password).await?;
    let user = User { username, email, password, role: Role::User, created_at: DateTime::now() };
    app.users.insert(&user).await?;
    tracing::info!(username = user.username, "registered");
    Ok((StatusCode::CREATED, message("Usuario registrado exitosamente")))
}
