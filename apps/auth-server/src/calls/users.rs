//! GET /users and DELETE /users/{username}, for administrators.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serving::{Refusal, message};

use super::bearer::Admin;
use crate::app::App;
use crate::store;
use crate::user::{Listed, Role};

/// How many users a page has at most, and without `limit`.
const PAGE: u32 = 500;

/// Which page.
#[derive(Deserialize)]
pub struct Page {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Users {
    count: u64,
    users: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    username: String,
    email: Option<String>,
    role: &'static str,
    created_at: Option<String>,
}

impl From<Listed> for Shown {
    fn from(user: Listed) -> Self {
        let created_at = user.created_at.and_then(|at| at.try_to_rfc3339_string().ok());
        Self { username: user.username, email: user.email, role: user.role.name(), created_at }
    }
}

/// Lists users by name. `count` is how many there are in all, `next` the cursor of the next page.
pub async fn list(
    State(app): State<App>,
    _: Admin,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let wrong = || Refusal::bad_request(format!("limit debe ser un número de 1 a {PAGE}"));
    let Query(Page { limit, cursor }) = page.map_err(|_| wrong())?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(wrong());
    }
    // One more than asked for shows whether there is a next page.
    let (count, listed) = tokio::join!(app.users.count(), app.users.list(cursor.as_deref(), limit + 1));
    let mut users: Vec<Shown> = listed?.into_iter().map(Shown::from).collect();
    let more = users.len() > limit as usize;
    users.truncate(limit as usize);
    let next = users.last().filter(|_| more).map(|user| user.username.clone());
    Ok(Json(Users { count: count?, users, next }))
}

/// Deletes a user; never the administrator who asks, nor the last one.
pub async fn delete(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let nobody = || Refusal::not_found("Usuario no encontrado");
    let Path(username) = path.map_err(|_| nobody())?;
    if username.eq_ignore_ascii_case(&caller.username) {
        return Err(Refusal::bad_request("No puedes eliminar tu propia cuenta"));
    }
    let deleted = delete_one(&app, &username).await?.ok_or_else(nobody)?;
    tracing::info!(username = deleted, by = caller.username, "deleted");
    Ok(message("Usuario eliminado exitosamente"))
}

/// Deletes a user, and gives the name as it was written.
async fn delete_one(app: &App, username: &str) -> Result<Option<String>, Refusal> {
    let _one = app.deleting.lock().await;
    let Some(user) = app.users.find(username).await? else { return Ok(None) };
    if user.role == Role::Admin && app.users.count_admins().await? < 2 {
        return Err(Refusal::bad_request("No se puede eliminar al último administrador"));
    }
    let deleted = app.users.delete(&user.username).await.map_err(|error: store::Error| Refusal::from(error))?;
    app.known.forget(&user.username);
    Ok(deleted.then_some(user.username))
}
