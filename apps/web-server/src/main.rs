//! The product platform's pages and product API, over the databases of its fragments.

mod api;
mod app;
mod auth;
mod config;
mod databases;
mod pages;
mod products;

use std::net::SocketAddr;
use std::process::ExitCode;

use app::App;
use config::Config;

/// How many threads may wait for the kernel, for names of hosts for instance.
const BLOCKING: usize = 4;

/// The version that is told.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    serving::run(BLOCKING, serve())
}

async fn serve() -> Result<(), String> {
    let config = Config::read().await.map_err(|error| error.to_string())?;
    let listen = config.listen;
    let app = App::new(config)?;
    let router = serving::dressed(app::router(app), pages::POLICY);
    let ready = |address: SocketAddr| tracing::info!(%address, version = VERSION, "ready");
    serving::listen(router, listen, ready)
        .await
        .map_err(|error| format!("can't listen at {listen}: {error}; change PORT or BIND, or end what listens there"))
}
