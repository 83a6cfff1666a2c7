//! Logging in and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use rand::RngCore;
use serde::Deserialize;
use serde_json::json;

use crate::api::caller::Peer;
use crate::app::App;

use super::flash::{self, Flash};
use super::guard::{LOGIN, Posted, PostedByAnyone};
use super::layout::{Layout, Notice};
use super::session::{self, IntoHeaders, Visitor};
use super::{csrf, shown};

/// How long a log-in form is good, in seconds.
const FORM: u64 = 3600;

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    page: Layout,
    username: String,
}

#[derive(Deserialize)]
struct LoggedIn {
    token: String,
}

/// GET /login
pub async fn show(State(app): State<Arc<App>>, Visitor(session): Visitor, flash: Flash, parts: Parts) -> Response {
    if session.is_some() {
        return Redirect::to("/dashboard").into_response();
    }
    form(&app, &parts, StatusCode::OK, String::new(), flash.notice)
}

/// POST /login
pub async fn log_in(State(app): State<Arc<App>>, Peer(client): Peer, posted: PostedByAnyone) -> Response {
    let (fields, parts) = (posted.fields, posted.parts);
    let username = fields.get("username").trim();
    let again = |status, text: &str| form(&app, &parts, status, username.to_owned(), Some(Notice::error(text)));
    if username.is_empty() || fields.get("password").is_empty() {
        return again(StatusCode::BAD_REQUEST, "Escriba su usuario y su contraseña");
    }
    let body = json!({ "username": username, "password": fields.get("password") });
    let away = "El servicio de autenticación no está disponible. Inténtelo de nuevo en unos segundos.";
    let answer = match app.auth.log_in(client, &body).await {
        Ok(answer) if answer.status == StatusCode::OK => answer,
        Ok(answer) if answer.status.is_client_error() => {
            let text = answer.message();
            let text = if text.is_empty() { "Usuario o contraseña incorrectos" } else { &text };
            return with_wait(again(answer.status, text), answer.into_response());
        }
        _ => return with_wait(again(StatusCode::SERVICE_UNAVAILABLE, away), crate::api::auth_away().into_response()),
    };
    let token = serde_json::from_slice(&answer.body).map(|LoggedIn { token }| token).unwrap_or_default();
    let seconds = match app.auth.verify(&token).await {
        Ok(identity) => identity.left().as_secs(),
        Err(_) => return again(StatusCode::SERVICE_UNAVAILABLE, away),
    };
    let cookies = [session::begin(&parts, &token, seconds), session::set(&parts, LOGIN, "", 0).ok()];
    (cookies.into_headers(), Redirect::to("/dashboard")).into_response()
}

/// POST /logout
pub async fn log_out(State(app): State<Arc<App>>, posted: Posted) -> Response {
    app.auth.forget(&posted.session.token);
    let bye = flash::set(&app, &posted.parts, "ok", "Sesión cerrada");
    ([session::clear(&posted.parts), bye].into_headers(), Redirect::to("/login")).into_response()
}

fn form(app: &App, parts: &Parts, status: StatusCode, username: String, notice: Option<Notice>) -> Response {
    let mut random = [0; 16];
    rand::rng().fill_bytes(&mut random);
    let random = hex::encode(random);
    let mut page = Layout::outside("Iniciar sesión").with(notice);
    page.csrf = csrf::token(&app.secret, csrf::Purpose::Login, &random);
    let cookies = [session::set(parts, LOGIN, &random, FORM).ok(), session::set(parts, "flash", "", 0).ok()];
    (cookies.into_headers(), shown(status, &Page { page, username })).into_response()
}

/// Passes on when to come back.
fn with_wait(mut page: Response, said: Response) -> Response {
    if let Some(wait) = said.headers().get(RETRY_AFTER) {
        page.headers_mut().insert(RETRY_AFTER, wait.clone());
    }
    page
}
