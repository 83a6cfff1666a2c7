//! What every form that is sent must pass before anything is done.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serving::BODY_LIMIT;

use crate::app::App;

use super::Problem;
use super::csrf::{Purpose, is_foreign, is_genuine};
use super::session::{Session, cookie};

/// The cookie that the log-in form is bound to.
pub const LOGIN: &str = "login";

/// How much of a form that is too large is read before it is refused, in bytes: a browser that is cut off shows nothing.
const PATIENCE: usize = 4 << 20;

/// The fields of a form.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The field's first value, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }
}

/// A form that somebody sent who is logged in, from a page that we made for them.
pub struct Posted {
    /// Who.
    pub session: Session,
    /// What they typed.
    pub fields: Fields,
    /// The head of the request.
    pub parts: Parts,
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, fields) = read(request).await?;
        let session = Session::from_request_parts(&mut parts, app).await?;
        match is_genuine(&app.secret, Purpose::Session, &session.token, fields.get("csrf")) {
            true => Ok(Self { session, fields, parts }),
            false => Err(refused()),
        }
    }
}

/// The log-in form, from a page that this browser was given.
pub struct PostedByAnyone {
    /// What they typed.
    pub fields: Fields,
    /// The head of the request.
    pub parts: Parts,
}

impl FromRequest<Arc<App>> for PostedByAnyone {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, fields) = read(request).await?;
        let random = cookie(&parts.headers, LOGIN).unwrap_or_default();
        match !random.is_empty() && is_genuine(&app.secret, Purpose::Login, random, fields.get("csrf")) {
            true => Ok(Self { fields, parts }),
            false => Err(refused()),
        }
    }
}

async fn read(request: Request) -> Result<(Parts, Fields), Response> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, PATIENCE).await.ok().filter(|bytes| bytes.len() <= BODY_LIMIT);
    let Some(bytes) = bytes else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "El formulario es demasiado grande").into_response());
    };
    if is_foreign(&parts.headers) {
        return Err(refused());
    }
    Ok((parts, Fields(form_urlencoded::parse(&bytes).into_owned().collect())))
}

fn refused() -> Response {
    let text = "El formulario caducó o no viene de esta página. Vuelva atrás, recargue la página e inténtelo de nuevo.";
    Problem::new(StatusCode::FORBIDDEN, text).into_response()
}
