//! A product that is changed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use mongodb::bson::oid::ObjectId;

use crate::api::products::Id;
use crate::app::App;
use crate::products::{Changed, Found, Product};

use super::form::ProductForm;
use super::guard::Posted;
use super::layout::{Layout, Notice};
use super::session::{IntoHeaders, Session};
use super::{Problem, flash, shown};

#[derive(Template)]
#[template(path = "edit-product.html")]
struct Page {
    page: Layout,
    form: ProductForm,
    id: String,
    database: String,
    number: usize,
    categories: Vec<String>,
}

/// GET /edit-product/{id}
pub async fn show(State(app): State<Arc<App>>, session: Session, Id(id): Id) -> Response {
    let found = match find(&app, &session, id).await {
        Ok(found) => found,
        Err(problem) => return problem,
    };
    let form = found.product().map(|product: Product<'_>| ProductForm::of(&product)).unwrap_or_default();
    render(&app, &session, id, found.home, form, StatusCode::OK, None).await
}

/// POST /edit-product/{id}
pub async fn save(State(app): State<Arc<App>>, Id(id): Id, posted: Posted) -> Response {
    let (session, mut form) = (&posted.session, ProductForm::typed(&posted.fields));
    let found = match find(&app, session, id).await {
        Ok(found) => found,
        Err(problem) => return problem,
    };
    let Some(fields) = form.check() else {
        let (status, notice) = (form.status(), Notice::error("Revise los campos marcados"));
        return render(&app, session, id, found.home, form, status, Some(notice)).await;
    };
    match app.products.change(id, &fields).await {
        Ok(Changed::Done(home, _)) => {
            let moved = if home == found.home {
                String::new()
            } else {
                format!(": ahora está en {}", app.products.databases[home].name)
            };
            let text = format!("Producto actualizado exitosamente{moved}");
            ([flash::set(&app, &posted.parts, "ok", &text)].into_headers(), Redirect::to("/dashboard")).into_response()
        }
        Ok(Changed::Missing) => gone(session),
        Err(away) => {
            let notice = Notice::error(format!("{away}. No se pudo confirmar que el cambio se guardó."));
            render(&app, session, id, found.home, form, StatusCode::SERVICE_UNAVAILABLE, Some(notice)).await
        }
    }
}

/// Looks for a product, or says that it can't be shown.
pub async fn find(app: &App, session: &Session, id: ObjectId) -> Result<Found, Response> {
    match app.products.find(id).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(gone(session)),
        Err(away) => Err(problem(session, StatusCode::SERVICE_UNAVAILABLE, &away.to_string())),
    }
}

/// A problem, shown to somebody who is logged in.
pub fn problem(session: &Session, status: StatusCode, text: &str) -> Response {
    let page = session.layout("Algo salió mal", "").with(Notice::error(text));
    Problem { page, status }.into_response()
}

fn gone(session: &Session) -> Response {
    problem(session, StatusCode::NOT_FOUND, "Producto no encontrado: quizá alguien lo eliminó")
}

async fn render(
    app: &App,
    session: &Session,
    id: ObjectId,
    home: usize,
    form: ProductForm,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    let view = Page {
        page: session.layout("Editar producto", "/dashboard").with(notice),
        form,
        id: id.to_hex(),
        database: app.products.databases[home].name.clone(),
        number: home + 1,
        categories: app.products.categories().await,
    };
    shown(status, &view)
}
