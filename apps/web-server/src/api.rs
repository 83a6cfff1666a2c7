//! The API: JSON, and a Bearer token with each request that needs one. Cookies count for nothing here.

pub mod caller;
pub mod products;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serving::Refusal;

use crate::VERSION;
use crate::app::App;
use crate::products::Unavailable;

/// When to come back: an election takes a second or two.
const SOON: Duration = Duration::from_secs(2);

/// All routes of the API.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/products", get(products::list).post(products::create))
        .route("/products/{id}", get(products::one).put(products::change).delete(products::remove))
        .route("/auth/login", post(users::log_in))
        .route("/auth/register", post(users::register))
        .route("/users", get(users::list))
        .route("/users/register", post(users::register_as_user))
        .route("/users/{username}", delete(users::remove))
        .route("/api/config", get(config))
        .route("/health", get(health))
}

async fn health(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.health().await
}

#[derive(Serialize)]
struct Told<'a> {
    service: &'static str,
    version: &'static str,
    fragments: Vec<ToldFragment<'a>>,
}

#[derive(Serialize)]
struct ToldFragment<'a> {
    database: &'a str,
    range: String,
    default: bool,
}

async fn config(State(app): State<Arc<App>>) -> impl IntoResponse {
    let fragments = app.products.fragments();
    let fragments = fragments.map(|(database, range, default)| ToldFragment { database, range, default });
    Json(Told { service: "web-server", version: VERSION, fragments: fragments.collect() }).into_response()
}

/// 503, with the databases that are away.
pub fn unavailable(unavailable: &Unavailable) -> Refusal {
    Refusal::unavailable(unavailable.to_string(), SOON)
}

/// 503, since auth-server is away.
pub fn auth_away() -> Refusal {
    Refusal::unavailable("El servicio de autenticación no está disponible; inténtelo de nuevo en unos segundos", SOON)
}
