//! What proves that a form came from one of our pages.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use hmac::{Hmac, Mac};
use serving::SecretKey;
use sha2::Sha256;

/// What a signature is for: one made for another purpose proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Forms of somebody who is logged in, bound to their token.
    Session,
    /// The log-in form, bound to a random cookie.
    Login,
    /// Messages for the next page.
    Flash,
}

/// Signs a value for one purpose.
pub fn token(secret: &SecretKey, purpose: Purpose, value: &str) -> String {
    hex::encode(mac(secret, purpose, value).finalize().into_bytes())
}

/// Whether a signature is that of a value, in the same time for every wrong one.
pub fn is_genuine(secret: &SecretKey, purpose: Purpose, value: &str, signature: &str) -> bool {
    hex::decode(signature).is_ok_and(|bytes| mac(secret, purpose, value).verify_slice(&bytes).is_ok())
}

/// Whether the browser says that the request comes from a page of another site. Old browsers say nothing.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !matches!((origin, host), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host))
}

fn mac(secret: &SecretKey, purpose: Purpose, value: &str) -> Hmac<Sha256> {
    let mut mac = keyed(secret);
    let name = match purpose {
        Purpose::Session => "csrf of a session",
        Purpose::Login => "csrf of a log-in",
        Purpose::Flash => "flash",
    };
    mac.update(name.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    mac
}

/// A key of any length will do for HMAC.
fn keyed(secret: &SecretKey) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(secret.expose()).unwrap_or_else(|_| unreachable!())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn origins_must_be_the_host() {
        let foreign = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("shop.test:3000"));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            is_foreign(&headers)
        };
        assert!(!foreign("http://shop.test:3000"));
        assert!(!foreign("https://SHOP.test:3000"));
        for other in ["null", "http://shop.test", "http://evil.test", "http://shop.test:3000.evil.test", ""] {
            assert!(foreign(other), "{other}");
        }
        assert!(!is_foreign(&HeaderMap::new()));
    }
}
