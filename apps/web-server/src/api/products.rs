//! Products over the API.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use mongodb::bson::RawDocument;
use mongodb::bson::oid::ObjectId;
use serde_json::{Map, Value};
use serving::{Json, Refusal};

use super::caller::Caller;
use super::unavailable;
use crate::app::App;
use crate::products::input::{Fields, Wrong};
use crate::products::query::Asked;
use crate::products::{Changed, NotCreated, Product};

type Outcome = Result<Response, Refusal>;

/// GET /products
pub async fn list(State(app): State<Arc<App>>, _: Caller, asked: Result<Query<Asked>, QueryRejection>) -> Outcome {
    let Query(asked) = asked.map_err(|_| Refusal::bad_request("La consulta no es válida"))?;
    let query = asked.read().map_err(|malformed| Refusal::bad_request(malformed.to_string()))?;
    Ok(json(StatusCode::OK, app.products.list(query).await.map_err(|away| unavailable(&away))?))
}

/// GET /products/{id}
pub async fn one(State(app): State<Arc<App>>, _: Caller, Id(id): Id) -> Outcome {
    let found = app.products.find(id).await.map_err(|away| unavailable(&away))?.ok_or_else(missing)?;
    let mut text = Vec::with_capacity(512);
    write(&mut text, &found.document, &app.products.databases[found.home].name);
    Ok(json(StatusCode::OK, text.into()))
}

/// POST /products
pub async fn create(State(app): State<Arc<App>>, _: Caller, Json(sent): Json<Map<String, Value>>) -> Outcome {
    let fields = Fields::of_new(&sent).map_err(first)?;
    let created = app.products.create(fields).await.map_err(|why| match why {
        NotCreated::EmptyName => Refusal::bad_request("El nombre no puede estar vacío"),
        NotCreated::Unavailable(away) => unavailable(&away),
    })?;
    let place = created.place;
    let message = format!("Producto creado exitosamente en {}", place.label);
    Ok(answer(StatusCode::CREATED, &message, &created.document, &app.products.databases[place.home].name))
}

/// PUT /products/{id}
pub async fn change(
    State(app): State<Arc<App>>,
    _: Caller,
    Id(id): Id,
    Json(sent): Json<Map<String, Value>>,
) -> Outcome {
    let fields = Fields::of_change(&sent).map_err(first)?;
    match app.products.change(id, &fields).await.map_err(|away| unavailable(&away))? {
        Changed::Done(home, document) => {
            let database = &app.products.databases[home].name;
            Ok(answer(StatusCode::OK, "Producto actualizado exitosamente", &document, database))
        }
        Changed::Missing => Err(missing()),
    }
}

/// DELETE /products/{id}
pub async fn remove(State(app): State<Arc<App>>, _: Caller, Id(id): Id) -> Outcome {
    let home = app.products.remove(id).await.map_err(|away| unavailable(&away))?.ok_or_else(missing)?;
    let database = &app.products.databases[home].name;
    let text = format!("{{\"message\":\"Producto eliminado exitosamente\",\"deleted_from\":\"{database}\"}}");
    Ok(json(StatusCode::OK, text.into()))
}

/// The identity in a path: 24 hexadecimal digits.
pub struct Id(pub ObjectId);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Refusal> {
        let malformed = || Refusal::bad_request("Identificador de producto no válido");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        ObjectId::parse_str(text).map(Self).map_err(|_| malformed())
    }
}

fn missing() -> Refusal {
    Refusal::not_found("Producto no encontrado")
}

fn first(wrong: Vec<Wrong>) -> Refusal {
    Refusal::bad_request(wrong.into_iter().next().map(|wrong| wrong.message).unwrap_or_default())
}

fn answer(status: StatusCode, message: &str, document: &RawDocument, database: &str) -> Response {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(b"{\"message\":");
    // A Vec takes all that is written to it.
    let _ = serde_json::to_writer(&mut text, message);
    text.extend_from_slice(b",\"product\":");
    write(&mut text, document, database);
    text.push(b'}');
    json(status, text.into())
}

fn write(text: &mut Vec<u8>, document: &RawDocument, database: &str) {
    match Product::read(document) {
        Some(product) => product.write(text, database),
        // Found by its identity, so it has one.
        None => text.extend_from_slice(b"null"),
    }
}

fn json(status: StatusCode, body: Bytes) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
