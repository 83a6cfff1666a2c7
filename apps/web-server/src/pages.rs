//! The pages: HTML from templates, usable without JavaScript, and nothing in them that a policy would have to allow.

mod add;
mod assets;
mod csrf;
mod dashboard;
mod docs;
mod edit;
mod flash;
mod form;
mod guard;
mod layout;
mod login;
mod remove;
mod session;
mod users;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serving::Refusal;

use crate::app::App;
use layout::{Layout, Notice};

/// What a page may load: its own style, script and pictures. Nothing in a page itself.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                          connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All routes of the pages.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(begin))
        .route("/login", get(login::show).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/dashboard", get(dashboard::show))
        .route("/add-product", get(add::show).post(add::save))
        .route("/edit-product/{id}", get(edit::show).post(edit::save))
        .route("/delete-product/{id}", get(remove::show).post(remove::confirmed))
        .route("/users-page", get(users::show))
        .route("/register-user", get(users::register_form).post(users::register))
        .route("/delete-user/{username}", get(users::confirm).post(users::confirmed))
        .route("/docs", get(docs::show))
        .route("/static/{file}", get(assets::send))
        .route("/favicon.ico", get(assets::icon))
}

async fn begin(session: session::Visitor) -> Redirect {
    Redirect::to(if session.0.is_some() { "/dashboard" } else { "/login" })
}

/// 404, as whoever asks can read it.
pub async fn nowhere(headers: HeaderMap, uri: Uri) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") {
        return Problem::new(StatusCode::NOT_FOUND, "Esta página no existe").into_response();
    }
    Refusal::not_found(format!("No existe {}", uri.path())).into_response()
}

/// A page that only says what went wrong.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
struct Problem {
    page: Layout,
    status: StatusCode,
}

impl Problem {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { page: Layout::outside("Algo salió mal").with(Notice::error(text)), status }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = shown(status, &self);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
        }
        response
    }
}

/// A page as an answer.
fn shown(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            Refusal::internal().into_response()
        }
    }
}
