//! Users over the API: passed on to auth-server, which stays inside the network.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use serving::{Json, Refusal};

use super::auth_away;
use super::caller::{Caller, Peer};
use crate::app::App;

type Outcome = Result<Response, Refusal>;
type Sent = Json<Map<String, Value>>;

/// POST /auth/login
pub async fn log_in(State(app): State<Arc<App>>, Peer(client): Peer, Json(sent): Sent) -> Outcome {
    let answer = app.auth.log_in(client, &Value::Object(sent)).await;
    Ok(answer.map_err(|_| auth_away())?.into_response())
}

/// POST /auth/register
pub async fn register(State(app): State<Arc<App>>, Peer(client): Peer, Json(sent): Sent) -> Outcome {
    let answer = app.auth.register(client, &Value::Object(sent)).await;
    Ok(answer.map_err(|_| auth_away())?.into_response())
}

/// POST /users/register: as above, by somebody who is logged in.
pub async fn register_as_user(app: State<Arc<App>>, caller: Caller, peer: Peer, sent: Sent) -> Outcome {
    tracing::info!(by = %caller.identity.username, "registers a user");
    register(app, peer, sent).await
}

/// GET /users
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Peer(client): Peer,
    RawQuery(query): RawQuery,
) -> Outcome {
    let answer = app.auth.users(client, &caller.token, query.as_deref()).await;
    Ok(answer.map_err(|_| auth_away())?.into_response())
}

/// DELETE /users/{username}
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Peer(client): Peer,
    Path(username): Path<String>,
) -> Outcome {
    let answer = app.auth.delete_user(client, &caller.token, &username).await;
    Ok(answer.map_err(|_| auth_away())?.into_response())
}
