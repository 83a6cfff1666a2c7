//! Which member an operation reached, and in which term that was primary.
//!
//! The driver says so in events about commands, and results don't. Each client works in a session of its own, by which
//! the events of its commands are known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::{Bson, Document};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;

/// What the events of all clients have told.
#[derive(Debug, Clone, Default)]
pub struct Nodes(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    clients: HashMap<Vec<u8>, u32>,
    requests: HashMap<i32, u32>,
    heard: HashMap<u32, Heard>,
}

/// What was heard of the request that a client sent last.
#[derive(Debug)]
struct Heard {
    request: i32,
    answer: Answer,
}

/// Who answered a client last, or was asked last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// `address:port`.
    pub node: Option<String>,
    /// The term of the primary that took a write.
    pub term: Option<i64>,
}

impl Nodes {
    /// Hears the events of a driver's client.
    pub fn handler(&self) -> EventHandler<CommandEvent> {
        let nodes = self.clone();
        EventHandler::callback(move |event| nodes.hear(&event))
    }

    /// Says by which session a client is known.
    pub fn know(&self, client: u32, session: &Document) {
        if let Some(id) = session_id(session) {
            self.told(|told| _ = told.clients.insert(id.to_vec(), client));
        }
    }

    /// What was heard of a client's operation; it is forgotten then.
    pub fn take(&self, client: u32) -> Answer {
        self.told(|told| {
            let Some(Heard { request, answer }) = told.heard.remove(&client) else { return Answer::default() };
            // One whose answer never came would be kept for ever.
            told.requests.remove(&request);
            answer
        })
    }

    fn told<T>(&self, with: impl FnOnce(&mut Told) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, event: &CommandEvent) {
        self.told(|told| match event {
            CommandEvent::Started(started) => {
                let session = started.command.get_document("lsid").ok().and_then(session_id);
                let Some(client) = session.and_then(|id| told.clients.get(id).copied()) else { return };
                let (request, node) = (started.request_id, Some(started.connection.address.to_string()));
                told.requests.insert(request, client);
                if let Some(before) = told.heard.insert(client, Heard { request, answer: Answer { node, term: None } })
                {
                    told.requests.remove(&before.request);
                }
            }
            CommandEvent::Succeeded(succeeded) => {
                let Some(client) = told.requests.remove(&succeeded.request_id) else { return };
                if let Some(heard) = told.heard.get_mut(&client) {
                    heard.answer.term = term(&succeeded.reply);
                }
            }
            CommandEvent::Failed(failed) => _ = told.requests.remove(&failed.request_id),
            _ => {}
        });
    }
}

fn session_id(session: &Document) -> Option<&[u8]> {
    match session.get("id") {
        Some(Bson::Binary(id)) => Some(&id.bytes),
        _ => None,
    }
}

/// The term in which a write went into the oplog.
fn term(reply: &Document) -> Option<i64> {
    reply.get_document("opTime").ok()?.get_i64("t").ok()
}
