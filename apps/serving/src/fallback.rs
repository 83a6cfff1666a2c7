//! What is said where no route fits, or a handler panics.

use std::any::Any;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::Refusal;

/// Answers 404 and 405 in JSON. Give it a router with all its routes; without it axum answers with nothing.
pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(app: Router<S>) -> Router<S> {
    app.fallback(nowhere).method_not_allowed_fallback(not_so)
}

async fn nowhere(uri: Uri) -> Refusal {
    Refusal::not_found(format!("No existe {}", uri.path()))
}

async fn not_so(method: Method, uri: Uri) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} no acepta {method}", uri.path()))
}

/// What a client sees of a panic. The log has its place.
pub(crate) fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    Refusal::internal().into_response()
}
