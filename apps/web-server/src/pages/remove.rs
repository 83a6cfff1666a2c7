//! The end of a product, after one more question.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::api::products::Id;
use crate::app::App;

use super::edit::{find, problem};
use super::guard::Posted;
use super::layout::Layout;
use super::session::{IntoHeaders, Session};
use super::{flash, shown};

#[derive(Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    /// What surrounds the page.
    pub page: Layout,
    /// What is asked.
    pub question: String,
    /// Where the answer goes.
    pub action: String,
    /// Where to go without it.
    pub back: &'static str,
}

/// GET /delete-product/{id}
pub async fn show(State(app): State<Arc<App>>, session: Session, Id(id): Id) -> Response {
    let found = match find(&app, &session, id).await {
        Ok(found) => found,
        Err(problem) => return problem,
    };
    let name = found.product().map(|product| product.name.to_owned()).unwrap_or_default();
    let view = Confirm {
        page: session.layout("Eliminar producto", "/dashboard"),
        question: format!("¿Eliminar «{name}» de {}?", app.products.databases[found.home].name),
        action: format!("/delete-product/{}", id.to_hex()),
        back: "/dashboard",
    };
    shown(StatusCode::OK, &view)
}

/// POST /delete-product/{id}
pub async fn confirmed(State(app): State<Arc<App>>, Id(id): Id, posted: Posted) -> Response {
    let (kind, text) = match app.products.remove(id).await {
        Ok(Some(home)) => ("ok", format!("Producto eliminado exitosamente de {}", app.products.databases[home].name)),
        Ok(None) => ("warning", "El producto ya no existía".to_owned()),
        Err(away) => return problem(&posted.session, StatusCode::SERVICE_UNAVAILABLE, &away.to_string()),
    };
    ([flash::set(&app, &posted.parts, kind, &text)].into_headers(), Redirect::to("/dashboard")).into_response()
}
