//! A service on a free port of the loopback interface, and requests as bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Map, Value};
use serving::{Json, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take here before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Service {
    pub address: SocketAddr,
    /// Told when a request for `/slow` has arrived.
    pub arrived: Arc<Notify>,
    /// Lets one request for `/slow` finish.
    pub go: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Service {
    pub async fn start() -> Self {
        let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (here, on) = (Arc::clone(&arrived), Arc::clone(&go));
        let slow = async move || {
            here.notify_one();
            on.notified().await;
            "late"
        };
        let routes = Router::new()
            .route("/echo", post(async |Json(body): Json<Map<String, Value>>| axum::Json(body)))
            .route("/panic", get(async || -> &'static str { panic!("on purpose") }))
            .route("/slow", get(slow));
        let app = serving::dressed(serving::with_fallbacks(routes), "default-src 'none'");
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listener.serve(app, async { stopped.await.unwrap_or_default() }));
        Self { address, arrived, go, stop: Some(stop), serving }
    }

    pub async fn connect(&self) -> Connection {
        Connection(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends a request on a connection of its own, and gives the whole answer.
    pub async fn ask(&self, request: &str) -> String {
        let mut connection = self.connect().await;
        connection.send(request).await;
        connection.rest().await
    }

    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub async fn stopped(self) {
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

pub struct Connection(TcpStream);

impl Connection {
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the service closes the connection.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the connection stays open");
        String::from_utf8(bytes).unwrap()
    }
}
