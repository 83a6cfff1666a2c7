//! Operations: done at once, failed, slow or forgotten, in the wording of either version.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::Shared;
use super::answer::Answer;
use super::world::World;

/// How `/wait` words failures and the end of the waiting time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wording {
    /// Up to 6.0.4: an error envelope without the operation.
    #[default]
    V6_0_4,
    /// From 6.0.5 on: the operation.
    V7_0,
}

/// How an operation ends that was ordered with [`next_operation`](super::Fake::next_operation).
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It fails, with the cause's code and text. Nothing takes effect.
    Fails(u16, String),
    /// So many waits end before it does; then it succeeds.
    Slow(usize),
    /// It takes effect, and nobody remembers it.
    Forgotten,
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// What the API shows; a watcher sees it end.
    pub shown: watch::Sender<Value>,
    /// The code of the cause, where it failed.
    pub code: u16,
    /// How many waits are still to end in vain.
    pub waits: usize,
}

impl World {
    /// Begins an operation that has already ended well, unless another outcome was ordered; `effect` is then done.
    pub fn perform(&mut self, effect: impl FnOnce(&mut Self) -> Result<(), (u16, String)>) -> Answer {
        match self.outcomes.pop_front() {
            Some(Outcome::Fails(code, text)) => self.ended(Err((code, text)), 0),
            Some(Outcome::Slow(waits)) => {
                let result = effect(self);
                self.ended(result, waits)
            }
            Some(Outcome::Forgotten) => {
                let result = effect(self);
                let answer = self.ended(result, 0);
                self.operations.clear();
                answer
            }
            None => {
                let result = effect(self);
                self.ended(result, 0)
            }
        }
    }

    fn ended(&mut self, result: Result<(), (u16, String)>, waits: usize) -> Answer {
        let (status, code, text) = match result {
            Ok(()) => (200, 0, String::new()),
            Err((code, text)) => (400, code, text),
        };
        let (id, begun) = self.begin(json!({}));
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.code = code;
            operation.waits = waits;
            operation.shown.send_modify(|shown| {
                shown["status_code"] = json!(status);
                shown["err"] = json!(text);
            });
        }
        Answer::Async(id, begun)
    }

    /// Begins a change of an instance that goes on until [`end`](Self::end), with nobody who waits for it.
    pub fn begin_change(&mut self, instance: &str, description: &str) -> String {
        let (id, _) = self.begin(json!({}));
        self.operations[&id].shown.send_modify(|shown| {
            shown["description"] = json!(description);
            shown["resources"] = json!({"instances": [format!("/1.0/instances/{instance}")]});
        });
        id
    }

    /// Ends an operation well.
    pub fn end(&mut self, id: &str) {
        self.operations[id].shown.send_modify(|shown| shown["status_code"] = json!(200));
    }

    /// Begins an operation that runs.
    pub fn begin(&mut self, metadata: Value) -> (String, Value) {
        self.serial += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.serial);
        let begun = json!({"id": id, "class": "task", "status": "Running", "status_code": 103, "metadata": metadata,
            "resources": {}, "may_cancel": false, "err": "", "location": "none"});
        let shown = watch::Sender::new(begun.clone());
        self.operations.insert(id.clone(), Operation { shown, code: 0, waits: 0 });
        (id, begun)
    }
}

/// Lists the operations by their status.
pub fn all(world: &World) -> Answer {
    let mut by_status: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for operation in world.operations.values() {
        let shown = operation.shown.borrow().clone();
        let status = match shown["status_code"].as_u64() {
            Some(200) => "success",
            Some(code) if code >= 200 => "failure",
            _ => "running",
        };
        by_status.entry(status).or_default().push(shown);
    }
    Answer::of(json!(by_status))
}

/// Reads an operation.
pub fn look(world: &World, id: &str) -> Answer {
    match world.operations.get(id) {
        Some(operation) if operation.waits > 0 => {
            let mut shown = operation.shown.borrow().clone();
            shown["status_code"] = json!(103);
            Answer::of(shown)
        }
        Some(operation) => Answer::of(operation.shown.borrow().clone()),
        None => Answer::error(404, "Operation not found"),
    }
}

/// Waits for an operation, up to the seconds that the query says.
pub async fn wait(shared: &Arc<Shared>, id: &str, timeout: u64) -> Answer {
    let (mut watcher, code) = {
        let mut world = shared.world();
        let wording = world.wording;
        let Some(operation) = world.operations.get_mut(id) else {
            return Answer::error(404, "Operation not found");
        };
        if operation.waits > 0 {
            operation.waits -= 1;
            return in_vain(wording, operation.shown.borrow().clone());
        }
        (operation.shown.subscribe(), operation.code)
    };
    let is_final = |shown: &Value| shown["status_code"].as_u64() >= Some(200);
    let end = async { watcher.wait_for(is_final).await.ok().map(|shown| shown.clone()) };
    let ended = tokio::time::timeout(Duration::from_secs(timeout), end).await;
    let Ok(Some(shown)) = ended else {
        return in_vain(shared.world().wording, watcher.borrow().clone());
    };
    let failed = shown["status_code"] != json!(200);
    match shared.world().wording {
        Wording::V6_0_4 if failed => {
            Answer::LateError(if code == 0 { 400 } else { code }, shown["err"].as_str().unwrap_or_default().into())
        }
        _ => Answer::of(shown),
    }
}

fn in_vain(wording: Wording, mut shown: Value) -> Answer {
    shown["status_code"] = json!(103);
    match wording {
        Wording::V6_0_4 => Answer::LateError(500, "context deadline exceeded".into()),
        Wording::V7_0 => Answer::of(shown),
    }
}
