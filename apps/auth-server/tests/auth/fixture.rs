//! A running service with a database of its own, and calls to it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::HeaderMap;

use crate::mongod::Mongod;

/// How long anything may take here before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const KEY: &str = "9f2d8c6b1a7e4f3d5c8b2a6e1f7d9c40";

pub const PASSWORD: &str = "correct horse battery";

/// Waits until something is so, and fails if it never is.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < PATIENCE, "{what}: still not so");
        sleep(Duration::from_millis(20));
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    for name in ["DB3_URL", "SECRET_KEY", "PORT", "BIND", "TRUSTED_PROXIES", "LOG_LEVEL"] {
        command.env_remove(name);
    }
    command
}

/// An address of a database of its own.
pub fn database(port: u16) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("mongodb://127.0.0.1:{port}/auth_db_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// What a call was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message: {self:?}")).to_owned()
    }

    /// The status, and the message.
    pub fn said(&self) -> (u16, String) {
        (self.status, self.message())
    }

    /// How many seconds to wait, as the header says.
    pub fn retry_after(&self) -> u64 {
        self.headers["retry-after"].to_str().unwrap().parse().unwrap()
    }
}

/// One running service, killed with its value.
pub struct Server {
    pub url: String,
    pub database: String,
    pub child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
    _mongod: Option<Arc<Mongod>>,
}

impl Server {
    /// A service whose database is there.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(environment: &[(&str, &str)]) -> Self {
        let mongod = Mongod::shared();
        let mut server = Self::spawn(database(mongod.port), environment);
        server._mongod = Some(mongod);
        until("the service is healthy", || server.get("/health").status == 200);
        server
    }

    /// A service that listens; its database may be there or not.
    pub fn spawn(database: String, environment: &[(&str, &str)]) -> Self {
        let mut child = program()
            .env("DB3_URL", &database)
            .envs([("SECRET_KEY", KEY), ("BIND", "127.0.0.1"), ("PORT", "0"), ("LOG_LEVEL", "debug")])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, sink) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&lines));
        let reading =
            spawn(move || output.lines().map_while(Result::ok).for_each(|line| sink.lock().unwrap().push(line)));
        let mut server = Self { url: String::new(), database, child, lines, reading: Some(reading), _mongod: None };
        until("the service listens", || {
            let address = server.log().into_iter().find_map(|line| Some(line["address"].as_str()?.to_owned()));
            server.url = address.map(|address| format!("http://{address}")).unwrap_or_default();
            !server.url.is_empty()
        });
        server
    }

    /// The log so far; fails if a line of it is no JSON object.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        let mut response = agent.run(request.body(body).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// A call of who has a token.
    pub fn with_token(&self, method: &str, path: &str, token: &str) -> Answer {
        self.call(method, path, &[("authorization", &format!("Bearer {token}"))], b"")
    }

    pub fn register(&self, username: &str) -> Answer {
        let email = format!("{username}@example.com");
        self.post("/auth/register", &json!({ "username": username, "email": email, "password": PASSWORD }))
    }

    pub fn login(&self, username: &str, password: &str) -> Answer {
        self.post("/auth/login", &json!({ "username": username, "password": password }))
    }

    /// A token of a user who exists.
    pub fn token(&self, username: &str) -> String {
        let answer = self.login(username, PASSWORD);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub fn create_user(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = program();
        command.env("DB3_URL", &self.database).arg("create-user").args(arguments);
        output(command, input)
    }

    /// An administrator, made as the first one is; the token.
    pub fn admin(&self, name: &str) -> String {
        let made = self.create_user(&["--admin", name], PASSWORD);
        assert!(made.status.success(), "{made:?}");
        self.token(name)
    }

    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits until it ended, and gives how, with its whole log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        until("the service ended", || self.child.try_wait().unwrap().is_some());
        self.reading.take().unwrap().join().unwrap();
        let log = self.lines.lock().unwrap().join("\n");
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let last = lines.iter().rev().take(10).rev().map(String::as_str).collect::<Vec<_>>().join("\n");
            eprintln!("the service's last lines:\n{last}");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub fn output(mut command: Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end without reading what it is given.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
