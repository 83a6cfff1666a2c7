//! The documentation of the API.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::layout::Layout;
use super::session::Visitor;
use super::shown;

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    page: Layout,
}

/// GET /docs
pub async fn show(Visitor(session): Visitor) -> Response {
    let mut page = match session {
        Some(session) => session.layout("Documentación de la API", "/docs"),
        None => Layout::outside("Documentación de la API"),
    };
    page.here = "/docs";
    shown(StatusCode::OK, &Page { page })
}
