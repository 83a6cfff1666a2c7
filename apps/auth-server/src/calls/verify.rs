//! POST /auth/verify.

use axum::Json;
use axum::response::IntoResponse;
use serde::Serialize;

use super::bearer::Caller;

#[derive(Serialize)]
struct Verified {
    message: &'static str,
    username: String,
    role: &'static str,
}

/// Says whose token it is.
pub async fn verify(caller: Caller) -> impl IntoResponse {
    Json(Verified { message: "Token válido", username: caller.username, role: caller.role.name() })
}
