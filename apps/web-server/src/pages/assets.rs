//! Static files, built into the program. Their addresses change with their content, so browsers keep them for long.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serving::Refusal;
use sha2::{Digest, Sha256};

/// A file and its address.
#[derive(Debug)]
pub struct Asset {
    kind: &'static str,
    content: &'static str,
    address: String,
}

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(&Sha256::digest(content)[..8]);
        Self { kind, content, address: format!("/static/{name}-{hash}.{extension}") }
    }

    /// Where browsers find it.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn response(&self, caching: &'static str) -> Response {
        ([(CONTENT_TYPE, self.kind), (CACHE_CONTROL, caching)], self.content).into_response()
    }
}

/// The style sheet.
pub static CSS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_str!("../../static/style.css")));

/// The script.
pub static JS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("app", "js", "text/javascript; charset=utf-8", include_str!("../../static/app.js")));

/// The icon.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../../static/icon.svg")));

/// GET /static/{file}: only the very names that pages use; nothing is looked up in a file system.
pub async fn send(Path(file): Path<String>) -> Result<Response, Refusal> {
    let known = [&*CSS, &*JS, &*ICON];
    let found = known.into_iter().find(|asset| asset.address.strip_prefix("/static/") == Some(&file));
    let asset = found.ok_or_else(|| Refusal::not_found("No existe ese archivo"))?;
    Ok(asset.response("public, max-age=31536000, immutable"))
}

/// GET /favicon.ico: what browsers ask for unasked.
pub async fn icon() -> Response {
    ICON.response("public, max-age=86400")
}
