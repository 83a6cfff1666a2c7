//! Whether a service works, from what it depends on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;

/// How long a look at the dependencies counts: many may ask, few look.
const FRESH: Duration = Duration::from_millis(500);

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    status: State,
    service: &'static str,
    version: &'static str,
    checks: BTreeMap<String, State>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failing: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Unavailable,
}

impl Report {
    /// A service without dependencies works.
    pub fn new(service: &'static str, version: &'static str) -> Self {
        Self { status: State::Ok, service, version, checks: BTreeMap::new(), failing: Vec::new() }
    }

    /// Adds a dependency.
    #[must_use]
    pub fn with(mut self, dependency: &str, works: bool) -> Self {
        let state = if works { State::Ok } else { State::Unavailable };
        self.checks.insert(dependency.to_owned(), state);
        if !works {
            self.status = State::Unavailable;
            self.failing.push(dependency.to_owned());
        }
        self
    }

    /// Whether all dependencies work.
    pub fn works(&self) -> bool {
        self.failing.is_empty()
    }
}

impl IntoResponse for Report {
    fn into_response(self) -> Response {
        let status = if self.works() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(self)).into_response()
    }
}

/// The last look at the dependencies, shared by all who ask.
#[derive(Debug, Default)]
pub struct Last(Mutex<Option<(Instant, Report)>>);

impl Last {
    /// The last report if it is fresh, else what `look` finds. One looks at a time; the others wait for it.
    pub async fn or_look(&self, look: impl Future<Output = Report>) -> Report {
        let mut last = self.0.lock().await;
        match &*last {
            Some((at, report)) if at.elapsed() < FRESH => report.clone(),
            _ => {
                let report = look.await;
                *last = Some((Instant::now(), report.clone()));
                report
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_fails() {
        let report = Report::new("auth-server", "0.1.0").with("DB3", false).with("DB4", true);
        let json = serde_json::to_value(&report).unwrap();
        let expected = serde_json::json!({
            "status": "unavailable", "service": "auth-server", "version": "0.1.0",
            "checks": { "DB3": "unavailable", "DB4": "ok" }, "failing": ["DB3"],
        });
        assert_eq!(json, expected);
        assert_eq!(report.into_response().status(), 503);
        assert_eq!(Report::new("auth-server", "0.1.0").with("DB3", true).into_response().status(), 200);
    }

    #[tokio::test]
    async fn looks_once_for_all_who_ask() {
        let last = Last::default();
        let works = Report::new("s", "1").with("DB3", true);
        assert_eq!(last.or_look(async { works.clone() }).await, works);
        assert_eq!(last.or_look(async { panic!("looked again") }).await, works);
    }
}
