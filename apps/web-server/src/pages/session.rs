//! Who is in front of the browser: the token in a cookie that scripts can't read.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HeaderValue, InvalidHeaderValue, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::app::App;
use crate::auth::{Identity, NotLetIn};

use super::layout::Layout;
use super::{Problem, csrf, flash};

/// The cookie's name.
const SESSION: &str = "session";

/// Somebody who is logged in. Nobody else sees the page: they are sent to log in.
pub struct Session {
    /// Who.
    pub identity: Arc<Identity>,
    /// Their token.
    pub token: String,
    app: Arc<App>,
}

impl Session {
    /// What surrounds a page of theirs.
    pub fn layout(&self, title: &'static str, here: &'static str) -> Layout {
        Layout::of(&self.identity, csrf::token(&self.app.secret, csrf::Purpose::Session, &self.token), title, here)
    }
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Some(token) = cookie(&parts.headers, SESSION) else { return Err(Redirect::to("/login").into_response()) };
        match app.auth.verify(token).await {
            Ok(identity) => Ok(Self { identity, token: token.to_owned(), app: Arc::clone(app) }),
            Err(NotLetIn::Invalid(_)) => {
                let over = flash::set(app, parts, "warning", "Su sesión terminó: vuelva a iniciar sesión");
                Err(([clear(parts), over].into_headers(), Redirect::to("/login")).into_response())
            }
            Err(NotLetIn::Away) => {
                let text = "El servicio de autenticación no está disponible. Inténtelo de nuevo en unos segundos.";
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response())
            }
        }
    }
}

/// Somebody who may be logged in or not.
pub struct Visitor(pub Option<Session>);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self(Session::from_request_parts(parts, app).await.ok()))
    }
}

/// The value of a cookie that the request came with.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(found, _)| *found == name);
    values.next().map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// A cookie to be set, for as many seconds; 0 takes it away. `None` if the value can't be in a cookie.
///
/// `Secure` is there where a proxy in front says that the browser speaks HTTPS: over plain HTTP a browser would not
/// keep such a cookie.
pub fn set(parts: &Parts, name: &str, value: &str, seconds: u64) -> Result<HeaderValue, InvalidHeaderValue> {
    let secure = match parts.headers.get("x-forwarded-proto") {
        Some(scheme) if scheme.as_bytes().eq_ignore_ascii_case(b"https") => "; Secure",
        _ => "",
    };
    HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"))
}

/// The cookie of a session that begins; `None` if the token can't be in a cookie.
pub fn begin(parts: &Parts, token: &str, seconds: u64) -> Option<HeaderValue> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'=');
    token.bytes().all(plain).then(|| set(parts, SESSION, token, seconds).ok()).flatten()
}

/// The cookie that ends a session.
pub fn clear(parts: &Parts) -> Option<HeaderValue> {
    set(parts, SESSION, "", 0).ok()
}

/// Cookies as headers.
pub trait IntoHeaders {
    /// All that are there, each in a header of its own.
    fn into_headers(self) -> HeaderMap;
}

impl<const N: usize> IntoHeaders for [Option<HeaderValue>; N] {
    fn into_headers(self) -> HeaderMap {
        self.into_iter().flatten().map(|cookie| (SET_COOKIE, cookie)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("xsession=1; session=a.b.c; other=2"));
        assert_eq!(cookie(&headers, "session"), Some("a.b.c"));
        assert_eq!(cookie(&headers, "ession"), None);
    }

    #[test]
    fn cookies_are_secure_behind_https() {
        let parts = |scheme: &str| {
            axum::http::Request::builder().header("x-forwarded-proto", scheme).body(()).unwrap().into_parts().0
        };
        let https = begin(&parts("https"), "a.b.c", 60).unwrap();
        assert_eq!(https, "session=a.b.c; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
        assert!(!begin(&parts("http"), "a", 60).unwrap().to_str().unwrap().contains("Secure"));
        assert_eq!(begin(&parts("http"), "a; Domain=evil", 60), None);
    }
}
