//! The users, for administrators, and new ones.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::api::caller::Peer;
use crate::app::App;

use super::edit::problem;
use super::flash::{self, Flash};
use super::guard::Posted;
use super::layout::{Layout, Notice};
use super::remove::Confirm;
use super::session::{IntoHeaders, Session};
use super::shown;

/// What is said when auth-server is away.
const AWAY: &str = "El servicio de autenticación no está disponible. Inténtelo de nuevo en unos segundos.";

#[derive(Template)]
#[template(path = "users.html")]
struct Page {
    page: Layout,
    users: Vec<User>,
    me: String,
    is_admin: bool,
}

#[derive(Deserialize)]
struct User {
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    created_at: Option<String>,
}

impl User {
    /// The day of the registration.
    fn since(&self) -> &str {
        self.created_at.as_deref().and_then(|at| at.get(..10)).unwrap_or("—")
    }

    fn escaped(&self) -> String {
        utf8_percent_encode(&self.username, NON_ALPHANUMERIC).to_string()
    }
}

#[derive(Deserialize)]
struct Users {
    users: Vec<User>,
}

/// GET /users-page
pub async fn show(State(app): State<Arc<App>>, session: Session, Peer(client): Peer, flash: Flash) -> Response {
    let mut page = session.layout("Usuarios", "/users-page").with(flash.notice);
    let (mut users, mut status, mut is_admin) = (Vec::new(), StatusCode::OK, session.identity.is_admin());
    if is_admin {
        match app.auth.users(client, &session.token, None).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                users = serde_json::from_slice(&answer.body).map(|Users { users }| users).unwrap_or_default();
            }
            Ok(answer) if answer.status == StatusCode::FORBIDDEN => is_admin = false,
            Ok(answer) => {
                status = answer.status;
                page = page.with(Notice::error(answer.message()));
            }
            Err(_) => {
                status = StatusCode::SERVICE_UNAVAILABLE;
                page = page.with(Notice::error(AWAY));
            }
        }
    }
    let view = Page { page, users, me: session.identity.username.clone(), is_admin };
    ([flash.clear].into_headers(), shown(status, &view)).into_response()
}

/// GET /delete-user/{username}
pub async fn confirm(session: Session, Path(username): Path<String>) -> Response {
    let view = Confirm {
        page: session.layout("Eliminar usuario", "/users-page"),
        question: format!("¿Eliminar al usuario «{username}»?"),
        action: format!("/delete-user/{}", utf8_percent_encode(&username, NON_ALPHANUMERIC)),
        back: "/users-page",
    };
    shown(StatusCode::OK, &view)
}

/// POST /delete-user/{username}
pub async fn confirmed(
    State(app): State<Arc<App>>,
    Peer(client): Peer,
    Path(username): Path<String>,
    posted: Posted,
) -> Response {
    let Ok(answer) = app.auth.delete_user(client, &posted.session.token, &username).await else {
        return problem(&posted.session, StatusCode::SERVICE_UNAVAILABLE, AWAY);
    };
    let (kind, text) = match answer.status {
        StatusCode::OK => ("ok", format!("Usuario {username} eliminado exitosamente")),
        _ => ("error", answer.message()),
    };
    ([flash::set(&app, &posted.parts, kind, &text)].into_headers(), Redirect::to("/users-page")).into_response()
}

#[derive(Template)]
#[template(path = "register-user.html")]
struct Register {
    page: Layout,
    username: String,
    email: String,
}

/// GET /register-user
pub async fn register_form(session: Session) -> Response {
    let page = session.layout("Registrar usuario", "/users-page");
    shown(StatusCode::OK, &Register { page, username: String::new(), email: String::new() })
}

/// POST /register-user
pub async fn register(State(app): State<Arc<App>>, Peer(client): Peer, posted: Posted) -> Response {
    let typed = |field: &str| posted.fields.get(field).trim().to_owned();
    let (username, email) = (typed("username"), typed("email"));
    let body = json!({ "username": username, "email": email, "password": posted.fields.get("password") });
    let (status, text) = match app.auth.register(client, &body).await {
        Ok(answer) if answer.status == StatusCode::CREATED => {
            let text = format!("Usuario {username} registrado exitosamente");
            let done = flash::set(&app, &posted.parts, "ok", &text);
            return ([done].into_headers(), Redirect::to("/users-page")).into_response();
        }
        Ok(answer) => (answer.status, answer.message()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, AWAY.to_owned()),
    };
    let page = posted.session.layout("Registrar usuario", "/users-page").with(Notice::error(text));
    shown(status, &Register { page, username, email })
}
