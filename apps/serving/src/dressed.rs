//! What surrounds every handler: a request's name, its line in the log, headers that protect, panics that end nothing.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;

use crate::fallback;

/// The header that names a request through all services. Handlers find it in the request, and pass it on.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a request that reads may take before its line is worth keeping.
const SLOW: Duration = Duration::from_secs(1);

/// Surrounds all routes of a service.
///
/// `policy` is the Content-Security-Policy of answers that name none themselves. Answers that say nothing of caches are
/// not to be stored.
pub fn dressed(app: Router, policy: &'static str) -> Router {
    app.layer(CatchPanicLayer::custom(fallback::panicked)).layer(from_fn_with_state(policy, around))
}

async fn around(State(policy): State<&'static str>, mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let id = name(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = next.run(request).await;
    protect(response.headers_mut(), policy);
    let status = response.status().as_u16();
    let took = begin.elapsed();
    // Reads that went well are the most by far, and the journal would drop lines for them: they are told at `debug`.
    let routine = method.is_safe() && status < 400 && took < SLOW;
    let ms = took.as_micros() as f64 / 1000.0;
    let (method, path, request) = (method.as_str(), uri.path(), id.to_str().unwrap_or_default());
    if routine {
        tracing::debug!(method, path, status, ms, request, "request");
    } else {
        tracing::info!(method, path, status, ms, request, "request");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The name that a request came with, if it is a sane one, or a new one.
fn name(headers: &HeaderMap) -> HeaderValue {
    /// Milliseconds since 1970 at the first request: names of one run differ from those of the next.
    static RUN: LazyLock<u128> =
        LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis()));
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let sane = |value: &&HeaderValue| {
        let letters = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=64).contains(&value.len()) && value.as_bytes().iter().all(letters)
    };
    headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let name = format!("{:x}-{:x}", *RUN, NUMBER.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("unnamed"))
    })
}

/// Adds the headers that protect a browser, where the handler did not.
fn protect(headers: &mut HeaderMap, policy: &'static str) {
    let defaults = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    for (header, value) in defaults {
        headers.entry(header).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str) -> HeaderValue {
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).unwrap())]);
        name(&headers)
    }

    #[test]
    fn keeps_sane_names_of_requests_only() {
        assert_eq!(named("web-1_a.7"), "web-1_a.7");
        for insane in ["", "a b", "\"},{", &"x".repeat(65)] {
            assert_ne!(named(insane), insane);
        }
        assert_ne!(named(""), named(""));
    }

    #[test]
    fn leaves_what_a_handler_chose() {
        let mut headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("max-age=60"))]);
        protect(&mut headers, "default-src 'none'");
        assert_eq!(headers[CACHE_CONTROL], "max-age=60");
        assert_eq!(headers[CONTENT_SECURITY_POLICY], "default-src 'none'");
    }
}
