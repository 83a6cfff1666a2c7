//! The calls, each with its path.

mod bearer;
mod documentation;
mod fields;
mod health;
mod login;
mod register;
mod users;
mod verify;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};

use crate::app::App;

/// What a browser may load for the one page there is: its style.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All paths with their methods. A test holds openapi.json against them.
fn routes() -> [(&'static str, MethodRouter<App>); 9] {
    [
        ("/", get(documentation::page)),
        ("/openapi.json", get(documentation::openapi)),
        ("/static/style.css", get(documentation::style)),
        ("/health", get(health::health)),
        ("/auth/register", post(register::register)),
        ("/auth/login", post(login::login)),
        ("/auth/verify", post(verify::verify)),
        ("/users", get(users::list)),
        ("/users/{username}", delete(users::delete)),
    ]
}

/// The whole service.
pub fn router(app: App) -> Router {
    let routes = routes().into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    serving::dressed(serving::with_fallbacks(routes).with_state(app), POLICY)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn documents_every_path_that_there_is_and_no_other() {
        let openapi: serde_json::Value = serde_json::from_str(documentation::OPENAPI).unwrap();
        let documented: BTreeSet<&str> = openapi["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(documented, routes().iter().map(|(path, _)| *path).collect());
        assert_eq!(openapi["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
