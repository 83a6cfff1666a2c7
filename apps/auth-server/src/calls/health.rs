//! GET /health.

use std::time::Duration;

use axum::extract::State;
use serving::health::Report;

use crate::app::App;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_millis(800);

/// Asks the database. It counts as there once nobody can get another's name.
pub async fn health(State(app): State<App>) -> Report {
    let look = async {
        let pinged = app.users.ping(PATIENCE).await;
        if let Err(error) = &pinged {
            tracing::warn!(error = %error, "the database does not answer");
        }
        let works = pinged.is_ok() && app.is_indexed();
        Report::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")).with("DB3", works)
    };
    app.health.or_look(look).await
}
