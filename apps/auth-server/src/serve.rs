//! The running service.

use anyhow::Context;

use crate::app::App;
use crate::settings::Settings;
use crate::{calls, indexes};

/// Serves until told to stop. The database may come later.
pub async fn serve() -> anyhow::Result<()> {
    let settings = Settings::read().await?;
    let app = App::new(&settings);
    let making = tokio::spawn(indexes::make(app.clone()));
    let ready = |address| tracing::info!(address = %address, version = env!("CARGO_PKG_VERSION"), "listening");
    let served = serving::listen(calls::router(app), settings.address, ready).await;
    making.abort();
    served.with_context(|| format!("can't listen at {}; is something else there?", settings.address))
}
