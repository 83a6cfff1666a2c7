//! A message for the next page: in a signed cookie, so that no link can make a page say what somebody else wrote.

use axum::extract::FromRequestParts;
use axum::http::header::HeaderValue;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::convert::Infallible;
use std::sync::Arc;

use crate::app::App;

use super::csrf::{Purpose, is_genuine, token};
use super::layout::Notice;
use super::session;

/// The cookie's name.
const FLASH: &str = "flash";

/// How long a message waits for its page, in seconds.
const WAITING: u64 = 30;

/// The cookie with a message of a kind.
pub fn set(app: &App, parts: &Parts, kind: &str, text: &str) -> Option<HeaderValue> {
    let value = URL_SAFE_NO_PAD.encode(format!("{kind}:{text}"));
    let signature = token(&app.secret, Purpose::Flash, &value);
    session::set(parts, FLASH, &format!("{value}.{signature}"), WAITING).ok()
}

/// The message that the page before left, if there is one.
#[derive(Debug)]
pub struct Flash {
    /// What to show.
    pub notice: Option<Notice>,
    /// The cookie that takes the message away, now that it is shown.
    pub clear: Option<HeaderValue>,
}

impl FromRequestParts<Arc<App>> for Flash {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let Some(cookie) = session::cookie(&parts.headers, FLASH) else {
            return Ok(Self { notice: None, clear: None });
        };
        Ok(Self { notice: read(app, cookie), clear: session::set(parts, FLASH, "", 0).ok() })
    }
}

fn read(app: &App, cookie: &str) -> Option<Notice> {
    let (value, signature) = cookie.split_once('.')?;
    if !is_genuine(&app.secret, Purpose::Flash, value, signature) {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
    let (kind, text) = text.split_once(':')?;
    Some(match kind {
        "ok" => Notice::ok(text),
        "warning" => Notice::warning(text),
        _ => Notice::error(text),
    })
}
