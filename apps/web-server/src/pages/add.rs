//! A new product.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::app::App;
use crate::products::NotCreated;

use super::form::ProductForm;
use super::guard::Posted;
use super::layout::{Layout, Notice};
use super::session::{IntoHeaders, Session};
use super::{flash, shown};

#[derive(Template)]
#[template(path = "add-product.html")]
struct Page {
    page: Layout,
    form: ProductForm,
    fragments: Vec<Fragment>,
    categories: Vec<String>,
}

/// One part of the rule, as the page explains it.
struct Fragment {
    database: String,
    range: String,
    number: usize,
    default: bool,
}

/// GET /add-product
pub async fn show(State(app): State<Arc<App>>, session: Session) -> Response {
    render(&app, &session, ProductForm::default(), StatusCode::OK, None).await
}

/// POST /add-product
pub async fn save(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let mut form = ProductForm::typed(&posted.fields);
    let Some(fields) = form.check() else {
        let status = form.status();
        return render(&app, &posted.session, form, status, Some(Notice::error("Revise los campos marcados"))).await;
    };
    match app.products.create(fields).await {
        Ok(created) => {
            let text = format!("Producto creado exitosamente en {}", created.place.label);
            let done = flash::set(&app, &posted.parts, "ok", &text);
            ([done].into_headers(), Redirect::to("/dashboard")).into_response()
        }
        Err(NotCreated::EmptyName) => {
            form.blame("name", "El nombre no puede estar vacío");
            render(&app, &posted.session, form, StatusCode::BAD_REQUEST, None).await
        }
        Err(NotCreated::Unavailable(away)) => {
            let notice = Notice::error(format!("{away}. No se pudo confirmar que el producto se guardó."));
            render(&app, &posted.session, form, StatusCode::SERVICE_UNAVAILABLE, Some(notice)).await
        }
    }
}

async fn render(
    app: &App,
    session: &Session,
    form: ProductForm,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    let page = session.layout("Agregar producto", "/add-product").with(notice);
    let number = |name: &str| app.products.databases.iter().position(|d| d.name == name).map_or(0, |home| home + 1);
    let fragments = app.products.fragments().map(|(database, range, default)| Fragment {
        number: number(database),
        database: database.to_owned(),
        range,
        default,
    });
    let fragments = fragments.collect();
    shown(status, &Page { page, form, fragments, categories: app.products.categories().await })
}
