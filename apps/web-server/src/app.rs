//! What all handlers share, and all routes.

use std::sync::Arc;

use axum::Router;
use serving::SecretKey;
use serving::health::{Last, Report};

use crate::auth::AuthServer;
use crate::config::Config;
use crate::databases::Database;
use crate::products::Products;
use crate::{VERSION, api, pages};

/// What all handlers share.
#[derive(Debug)]
pub struct App {
    /// The products.
    pub products: Arc<Products>,
    /// Who knows the users.
    pub auth: AuthServer,
    /// Signs what pages get back.
    pub secret: SecretKey,
    health: Last,
}

impl App {
    /// Makes clients for all that the configuration names; none of it needs to be there yet.
    ///
    /// # Errors
    /// What can't be used, without secrets.
    pub fn new(config: Config) -> Result<Arc<Self>, String> {
        let (_, collection) = config.rule.namespace().map_err(|error| error.to_string())?;
        let open = |address| Database::open(address, collection);
        let databases: Result<Vec<_>, _> = config.databases.iter().map(open).collect();
        let databases = databases.map_err(|error| format!("a DBn_URL can't be used: {}", error.kind))?;
        let auth = AuthServer::new(config.auth_server);
        let products = Products::new(config.rule, databases, config.homes);
        Ok(Arc::new(Self { products, auth, secret: config.secret, health: Last::default() }))
    }

    /// How the service is: all databases and auth-server are asked, at most twice a second.
    pub async fn health(&self) -> Report {
        let look = async {
            let databases = futures_util::future::join_all(self.products.databases.iter().map(|d| d.ping()));
            let (databases, auth) = tokio::join!(databases, self.auth.ping());
            let report = Report::new("web-server", VERSION).with("auth-server", auth);
            let named = self.products.databases.iter().zip(databases);
            named.fold(report, |report, (database, works)| report.with(&database.name, works))
        };
        self.health.or_look(look).await
    }
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    serving::with_fallbacks(api::routes().merge(pages::routes())).fallback(pages::nowhere).with_state(app)
}
