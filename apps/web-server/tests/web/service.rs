//! The real program, running.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::sync::MutexGuard;

use crate::auth::Auth;
use crate::cluster::{PATIENCE, Set, until};

/// A key that nobody guesses, for tests.
pub const KEY: &str = "9f2d8c6b1a7e4f3d5c8b2a6e1f7d9c40";

/// The rule that the tests' topology has.
pub const RULE: &str = r#"{"collection":"products_db.products","key":"name","fragments":[
    {"range":"A-M","on":"rsA","default":true},{"range":"N-Z","on":"rsB","default":false}]}"#;

/// A running web-server, ended with its value.
pub struct Service {
    pub url: String,
    pub client: Client,
    pub token: String,
    pub log: Arc<Mutex<Vec<String>>>,
    pub child: Child,
    _folder: tempfile::TempDir,
}

/// The program with its environment, not started.
pub fn command(folder: &std::path::Path, urls: &[String], auth: &str) -> Command {
    let file = folder.join("fragmentation.json");
    std::fs::write(&file, RULE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_web-server"));
    command.env_clear().env("BIND", "127.0.0.1").env("PORT", "0").env("SECRET_KEY", KEY);
    command.env("AUTH_SERVER_URL", auth).env("FRAGMENTATION_FILE", &file);
    for (number, url) in (1..).zip(urls) {
        command.env(format!("DB{number}_URL"), url);
    }
    command.stdout(Stdio::piped());
    command
}

impl Service {
    pub async fn start(sets: &[&Set], auth: &Auth) -> Self {
        let urls: Vec<String> = sets.iter().map(|set| set.uri()).collect();
        Self::start_at(&urls, auth).await
    }

    pub async fn start_at(urls: &[String], auth: &Auth) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(folder.path(), urls, &format!("http://{}", auth.address)).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, stdout) = (Arc::clone(&log), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let address = until("ready", || async {
            let lines = log.lock().unwrap();
            let ready = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            ready.filter_map(|line| line["address"].as_str().map(str::to_owned)).next()
        })
        .await;
        // Built together with distctl, reqwest has TLS, and asks for a provider even where all is plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let token = auth.token("root", "admin", 3600);
        Self { url: format!("http://{address}"), client, token, log, child, _folder: folder }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Calls with the token of an administrator; status and JSON.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    /// Creates a product; its identity.
    pub async fn create(&self, name: &str) -> String {
        let (status, body) = self.call(Method::POST, "/products", Some(product(name))).await;
        assert_eq!(status, 201, "{body}");
        body["product"]["_id"].as_str().unwrap().to_owned()
    }

    /// The names in a list.
    pub async fn names(&self, path: &str) -> Vec<String> {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{body}");
        let products = body["products"].as_array().unwrap();
        assert_eq!(body["count"], products.len());
        products.iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect()
    }

    pub fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn product(name: &str) -> Value {
    json!({ "name": name, "price": 12.5, "stock": 3 })
}

/// Status and JSON of an answer, which must be JSON.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    (status, response.json().await.unwrap())
}

/// Two sets of one member each, an auth-server, and the program.
pub struct System {
    pub a: Set,
    pub b: Set,
    pub auth: Auth,
    pub web: Service,
    _turn: MutexGuard<'static, ()>,
}

/// One test at a time has mongods: more would measure the machine, not the service.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The right to have mongods.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

impl System {
    pub async fn start() -> Self {
        let turn = turn().await;
        let (a, b) = tokio::join!(Set::start("rsA", 1), Set::start("rsB", 1));
        let auth = Auth::start().await;
        let web = Service::start(&[&a, &b], &auth).await;
        Self { a, b, auth, web, _turn: turn }
    }
}
