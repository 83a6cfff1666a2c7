//! Commands in instances, answered by a closure, over websockets that behave as the daemon's do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Shared;
use super::answer::Answer;

/// What commands do.
pub type Script = Arc<dyn Fn(&ExecCall) -> ExecReply + Send + Sync>;

/// A command that was started.
#[derive(Debug, Clone)]
pub struct ExecCall {
    /// In which instance.
    pub instance: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The whole request.
    pub request: Value,
    /// All of its input; empty with a terminal.
    pub stdin: Vec<u8>,
}

/// What a command does.
#[derive(Debug, Clone, Default)]
pub struct ExecReply {
    /// What it writes to stdout.
    pub stdout: Vec<u8>,
    /// What it writes to stderr.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub code: i64,
    /// The size of the frames; 0 for one frame.
    pub frame: usize,
    /// The operation fails with this text instead.
    pub fails: Option<String>,
    /// The sockets break after the output.
    pub cut: bool,
    /// It closes its output some time before it ends. A client that hangs up meanwhile has it killed.
    pub lingers: bool,
}

impl ExecReply {
    /// Writes a text and succeeds.
    pub fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// Is not there.
    pub fn not_found() -> Self {
        Self { fails: Some("Command not found".into()), ..Self::default() }
    }
}

/// Takes a socket of a command to where the command is.
#[derive(Debug)]
pub struct Running {
    stream: &'static str,
    sockets: mpsc::UnboundedSender<(&'static str, WebSocket)>,
}

impl Running {
    /// Hands over a socket.
    pub fn connect(self, socket: WebSocket) {
        let _ = self.sockets.send((self.stream, socket));
    }
}

/// Answers for `POST /1.0/instances/NAME/exec`.
pub fn begin(shared: &Arc<Shared>, name: &str, body: &Value) -> Answer {
    let mut world = shared.world();
    match world.instances.get(name).map(|instance| instance.status().to_owned()).as_deref() {
        None => return Answer::error(404, "Instance not found"),
        Some("Stopped") => return Answer::error(400, "Instance is not running"),
        Some("Frozen") => return Answer::error(400, "Instance is frozen"),
        Some(_) => {}
    }
    let terminal = body["interactive"] == json!(true);
    let names: &[&'static str] = if terminal { &["control", "0"] } else { &["control", "0", "1", "2"] };
    let (sockets, arrived) = mpsc::unbounded_channel();
    let mut fds = json!({});
    for stream in names {
        world.serial += 1;
        let secret = format!("secret-{}", world.serial);
        fds[*stream] = json!(secret);
        world.running.insert(secret, Running { stream, sockets: sockets.clone() });
    }
    let (id, begun) = world.begin(json!({"fds": fds}));
    let command: Vec<String> = serde_json::from_value(body["command"].clone()).unwrap_or_default();
    let call = ExecCall { instance: name.into(), command, request: body.clone(), stdin: Vec::new() };
    let run = run(Arc::clone(shared), call, terminal, arrived);
    let (shared, operation) = (Arc::clone(shared), id.clone());
    tokio::spawn(async move {
        let ended = run.await;
        if let Some(operation) = shared.world().operations.get(&operation) {
            operation.shown.send_modify(|shown| match ended {
                Ok(code) => {
                    shown["status_code"] = json!(200);
                    shown["metadata"] = json!({"return": code});
                }
                Err(text) => {
                    shown["status_code"] = json!(400);
                    shown["err"] = json!(text);
                }
            });
        }
    });
    Answer::Async(id, begun)
}

type Arrivals = mpsc::UnboundedReceiver<(&'static str, WebSocket)>;

async fn run(shared: Arc<Shared>, mut call: ExecCall, terminal: bool, mut arrived: Arrivals) -> Result<i64, String> {
    let wanted = if terminal { 1 } else { 3 };
    let (mut streams, mut control) = (Vec::new(), None);
    let all = async {
        while streams.len() < wanted || (terminal && control.is_none()) {
            match arrived.recv().await {
                Some(("control", socket)) => control = Some(socket),
                Some(stream) => streams.push(stream),
                None => break,
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(5), all).await;
    if in_time.is_err() || streams.len() < wanted {
        return Err("Timed out waiting for websockets to connect".into());
    }
    streams.sort_by_key(|(name, _)| *name);
    let mut streams: Vec<WebSocket> = streams.into_iter().map(|(_, socket)| socket).collect();
    for socket in &mut streams {
        let _ = socket.send(Message::Ping("keepalive".into())).await;
    }
    let script = Arc::clone(&*shared.script.lock().unwrap());
    if terminal {
        return Ok(on_terminal(&shared, &script(&call), streams.remove(0), control).await);
    }
    // The control socket may come later than the streams.
    let control = async {
        let control = match control {
            Some(control) => Some(control),
            None => arrived.recv().await.map(|(_, socket)| socket),
        };
        match control {
            Some(control) => signalled(&shared, control).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(control);
    let ended = tokio::select! {
        (stdin, ended) = read_all(&mut streams[0]) => { call.stdin = stdin; ended }
        code = &mut control => return Ok(code),
    };
    // A client that is gone loses all its sockets; the control socket decides, whichever is noticed first.
    if !ended && let Ok(code) = tokio::time::timeout(Duration::from_secs(1), control).await {
        return Ok(code);
    }
    let reply = script(&call);
    for (socket, bytes) in streams[1..].iter_mut().zip([&reply.stdout, &reply.stderr]) {
        send_all(socket, bytes, reply.frame).await;
        if !reply.cut {
            let _ = socket.send(Message::Text("".into())).await;
        }
    }
    if reply.lingers && tokio::time::timeout(Duration::from_millis(300), read_all(&mut streams[1])).await.is_ok() {
        return Ok(137);
    }
    reply.fails.map_or(Ok(reply.code), Err)
}

/// Reads all input; tells whether it ended in order.
async fn read_all(socket: &mut WebSocket) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Message::Binary(bytes) => read.extend_from_slice(&bytes),
            Message::Text(_) | Message::Close(_) => return (read, true),
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    (read, false)
}

async fn send_all(socket: &mut WebSocket, bytes: &[u8], frame: usize) {
    for piece in bytes.chunks(if frame == 0 { bytes.len().max(1) } else { frame }) {
        let _ = socket.send(Message::Binary(piece.to_vec().into())).await;
    }
}

/// Waits for a signal, or for the socket to be lost, which kills.
async fn signalled(shared: &Shared, mut control: WebSocket) -> i64 {
    while let Some(order) = order(shared, &mut control).await {
        if let Some(signal) = order["signal"].as_i64() {
            return 128 + signal;
        }
    }
    137
}

async fn order(shared: &Shared, control: &mut WebSocket) -> Option<Value> {
    loop {
        if let Message::Text(text) = control.recv().await?.ok()? {
            let order: Value = serde_json::from_str(&text).unwrap_or_default();
            shared.world().controls.push(order.clone());
            return Some(order);
        }
    }
}

/// Behaves as a terminal: shows the reply, echoes input, says its new sizes, and ends by a signal; then it waits for
/// the client to hang up, as the daemon does.
async fn on_terminal(shared: &Shared, reply: &ExecReply, mut socket: WebSocket, control: Option<WebSocket>) -> i64 {
    let Some(mut control) = control else { return 137 };
    send_all(&mut socket, &reply.stdout, reply.frame).await;
    let code = loop {
        tokio::select! {
            order = order(shared, &mut control) => match order {
                None => return 137,
                Some(order) if order["command"] == json!("signal") => break 128 + order["signal"].as_i64().unwrap_or(9),
                Some(order) => {
                    let text = |name: &str| order["args"][name].as_str().unwrap_or("not a string").to_owned();
                    send_all(&mut socket, format!("{} {}\r\n", text("height"), text("width")).as_bytes(), 0).await;
                }
            },
            input = socket.recv() => match input {
                Some(Ok(Message::Binary(bytes))) => send_all(&mut socket, &bytes, 0).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => break 129,
            },
        }
    };
    let _ = socket.send(Message::Text("".into())).await;
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Close(_) | Message::Text(_)) {
            break;
        }
    }
    code
}
