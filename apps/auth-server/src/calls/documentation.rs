//! The documentation: openapi.json for machines, and the same as a page for people.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use askama::Template;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use serde::Deserialize;
use serving::Refusal;

/// The description of all calls.
pub const OPENAPI: &str = include_str!("../../openapi.json");

const STYLE: &str = include_str!("../../static/style.css");

/// What the page shows of the description.
#[derive(Template, Deserialize)]
#[template(path = "documentation.html")]
struct Page {
    info: Info,
    paths: BTreeMap<String, BTreeMap<String, Operation>>,
}

#[derive(Deserialize)]
struct Info {
    title: String,
    version: String,
    description: String,
}

#[derive(Deserialize)]
struct Operation {
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default, rename = "x-example")]
    example: Option<String>,
    responses: BTreeMap<String, Answer>,
}

#[derive(Deserialize)]
struct Answer {
    description: String,
}

/// The page for people.
pub async fn page() -> Result<impl IntoResponse, Refusal> {
    /// It is the same for all.
    static PAGE: LazyLock<Option<String>> = LazyLock::new(|| rendered().ok());
    PAGE.as_deref().map(Html).ok_or_else(Refusal::internal)
}

/// The description for machines.
pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

/// The page's style.
pub async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300")], STYLE)
}

fn rendered() -> Result<String, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str::<Page>(OPENAPI)?.render()?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_every_call() {
        let page = super::rendered().unwrap();
        for call in ["POST", "/auth/login", "GET", "/users", "DELETE", "/users/{username}", "curl"] {
            assert!(page.contains(call), "{call} is missing");
        }
        assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("<script"));
    }
}
