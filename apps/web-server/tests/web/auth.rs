//! An auth-server at the socket that knows tokens and does what a test wants.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What the auth-server knows and was asked.
#[derive(Default)]
pub struct Known {
    tokens: Mutex<HashMap<String, (String, String)>>,
    pub verified: AtomicUsize,
    pub forwarded: Mutex<Vec<String>>,
    pub deleted: Mutex<Vec<String>>,
    pub limits: AtomicBool,
}

/// A running auth-server, ended with its value.
pub struct Auth {
    pub known: Arc<Known>,
    pub address: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Auth {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut auth = Self { known: Arc::default(), address: listener.local_addr().unwrap(), task: None };
        auth.serve(listener);
        auth
    }

    fn serve(&mut self, listener: tokio::net::TcpListener) {
        let app = Router::new()
            .route("/auth/verify", post(verify))
            .route("/auth/login", post(log_in))
            .route("/auth/register", post(register))
            .route("/users", get(users))
            .route("/users/{username}", delete(remove))
            .route("/health", get(|| async { "{}" }))
            .with_state(Arc::clone(&self.known));
        self.task = Some(tokio::spawn(async move {
            // Connections end with this task, which axum's own server would let live on.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { break };
                let app = app.clone();
                connections.spawn(async move {
                    let service = hyper_util::service::TowerToHyperService::new(app);
                    let stream = hyper_util::rt::TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
                });
            }
        }));
    }

    /// Goes away, with all its connections.
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }

    /// Comes back at the same address.
    pub async fn back(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    /// A token that is good for as many seconds.
    pub fn token(&self, username: &str, role: &str, seconds: i64) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "sub": username, "role": role, "exp": now.saturating_add_signed(seconds) });
        let token = format!("e30.{}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()), rand::random::<u64>());
        self.known.tokens.lock().unwrap().insert(token.clone(), (username.into(), role.into()));
        token
    }

    pub fn revoke(&self, token: &str) {
        self.known.tokens.lock().unwrap().remove(token);
    }
}

impl Drop for Auth {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

type Answer = (StatusCode, HeaderMap, Json<Value>);

fn answer(status: u16, body: Value) -> Answer {
    (StatusCode::from_u16(status).unwrap(), HeaderMap::new(), Json(body))
}

fn caller(known: &Known, headers: &HeaderMap) -> Option<(String, String)> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?.to_owned();
    known.tokens.lock().unwrap().get(&token).cloned()
}

async fn verify(State(known): State<Arc<Known>>, headers: HeaderMap) -> Answer {
    known.verified.fetch_add(1, Ordering::SeqCst);
    match caller(&known, &headers) {
        Some((username, role)) => answer(200, json!({ "message": "ok", "username": username, "role": role })),
        None => answer(401, json!({ "message": "Token inválido o expirado" })),
    }
}

async fn log_in(State(known): State<Arc<Known>>, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    known.forwarded.lock().unwrap().push(headers["x-forwarded-for"].to_str().unwrap().to_owned());
    if known.limits.load(Ordering::SeqCst) {
        let mut limited = answer(429, json!({ "message": "Demasiados intentos" }));
        limited.1.insert("retry-after", "42".parse().unwrap());
        return limited;
    }
    let tokens = known.tokens.lock().unwrap();
    let token = tokens.iter().find(|(_, (name, _))| body["username"] == **name).map(|(token, _)| token);
    match token.filter(|_| body["password"] == "right-password") {
        Some(token) => answer(200, json!({ "token": token, "username": body["username"] })),
        None => answer(401, json!({ "message": "Usuario o contraseña incorrectos" })),
    }
}

async fn register(Json(body): Json<Value>) -> Answer {
    match body["username"].as_str() {
        Some("taken") => answer(400, json!({ "message": "El usuario ya existe" })),
        Some(_) => answer(201, json!({ "message": "Usuario registrado exitosamente" })),
        None => answer(400, json!({ "message": "Campo requerido: username" })),
    }
}

async fn users(State(known): State<Arc<Known>>, headers: HeaderMap) -> Answer {
    match caller(&known, &headers) {
        Some((_, role)) if role == "admin" => {
            let ana =
                json!({ "username": "ana<b>", "email": "a@b.c", "role": "user", "created_at": "2026-01-02T03:04:05Z" });
            answer(200, json!({ "count": 1, "users": [ana] }))
        }
        Some(_) => answer(403, json!({ "message": "Solo para administradores" })),
        None => answer(401, json!({ "message": "Token inválido o expirado" })),
    }
}

async fn remove(State(known): State<Arc<Known>>, headers: HeaderMap, Path(username): Path<String>) -> Answer {
    match caller(&known, &headers) {
        Some((_, role)) if role == "admin" => {
            known.deleted.lock().unwrap().push(username);
            answer(200, json!({ "message": "Usuario eliminado exitosamente" }))
        }
        _ => answer(403, json!({ "message": "Solo para administradores" })),
    }
}
