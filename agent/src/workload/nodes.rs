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
    answers: HashMap<u32, Answer>,
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
            self.told(|told| _ = told.clients.insert(id, client));
        }
    }

    /// What was heard of a client's operation; it is forgotten then.
    pub fn take(&self, client: u32) -> Answer {
        self.told(|told| {
            // A request whose answer never came would be kept for ever.
            told.requests.retain(|_, owner| *owner != client);
            told.answers.remove(&client).unwrap_or_default()
        })
    }

    fn told<T>(&self, with: impl FnOnce(&mut Told) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, event: &CommandEvent) {
        self.told(|told| match event {
            CommandEvent::Started(started) => {
                let session = started.command.get_document("lsid").ok().and_then(session_id);
                let Some(client) = session.and_then(|id| told.clients.get(&id).copied()) else { return };
                told.requests.insert(started.request_id, client);
                let node = Some(started.connection.address.to_string());
                told.answers.insert(client, Answer { node, term: None });
            }
            CommandEvent::Succeeded(succeeded) => {
                let Some(client) = told.requests.remove(&succeeded.request_id) else { return };
                if let Some(answer) = told.answers.get_mut(&client) {
                    answer.term = term(&succeeded.reply);
                }
            }
            CommandEvent::Failed(failed) => _ = told.requests.remove(&failed.request_id),
            _ => {}
        });
    }
}

fn session_id(session: &Document) -> Option<Vec<u8>> {
    match session.get("id") {
        Some(Bson::Binary(id)) => Some(id.bytes.clone()),
        _ => None,
    }
}

/// The term in which a write went into the oplog.
fn term(reply: &Document) -> Option<i64> {
    reply.get_document("opTime").ok()?.get_i64("t").ok()
}
