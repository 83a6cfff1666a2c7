//! What the daemon tells about as it happens.
//!
//! There is no replay: subscribe first, then list, then act, and list again after every reconnect.

use futures_util::{Stream, StreamExt, future};
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::{Client, Error};

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ApiEvent {
    /// `lifecycle`, `operation`, `logging`.
    #[serde(rename = "type")]
    pub type_: String,
    /// When, in RFC 3339.
    pub timestamp: String,
    /// What; for `lifecycle` it has an `action`, `instance-started`, and a `source`, the path of what it is about.
    pub metadata: Value,
    /// The cluster member; `none` without a cluster.
    pub location: String,
    /// The project; empty for what belongs to none.
    pub project: String,
}

impl ApiEvent {
    /// Gives what a `lifecycle` event is: `instance-shutdown`.
    pub fn action(&self) -> Option<&str> {
        self.metadata.get("action").and_then(Value::as_str)
    }
}

impl Client {
    /// Subscribes to events of the project, of the given types. The stream ends with the connection.
    ///
    /// # Errors
    /// `is_forbidden` for types that this client may not see.
    pub async fn events(
        &self,
        types: &[&str],
    ) -> Result<impl Stream<Item = Result<ApiEvent, Error>> + Send + use<>, Error> {
        let socket = self.websocket(self.path(&["events"], &[("type", &types.join(","))])).await?;
        Ok(socket.filter_map(|message| {
            future::ready(match message {
                Ok(Message::Text(text)) => Some(serde_json::from_str(&text).map_err(|error| lost(error.into()))),
                Ok(_) => None,
                Err(error) => Some(Err(lost(error.into()))),
            })
        }))
    }
}

fn lost(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Transport { method: "GET".into(), path: "/1.0/events".into(), source }
}
