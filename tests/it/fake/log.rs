//! The log of requests, and the failures that were ordered.

use std::time::Duration;

use serde_json::Value;

/// Where agents are.
const AGENTS: [&str; 2] = ["/run/distctl/", "/usr/local/lib/distctl/agent-"];

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The path, decoded, without its query.
    pub path: String,
    /// The query, as it came.
    pub query: String,
    /// `Content-Length`, where it was sent.
    pub length: Option<u64>,
    /// The body, where it is JSON.
    pub body: Value,
}

impl Request {
    /// Compares method and the beginning of the path; an empty method matches all.
    pub fn is(&self, method: &str, prefix: &str) -> bool {
        (method.is_empty() || self.method == method) && self.path.starts_with(prefix)
    }

    /// Tells whether it changes something. `/run/distctl` is a tmpfs: an agent may be put there. What an agent is asked
    /// is not in the request; [`Agents::asked`](super::Agents::asked) knows it.
    pub fn is_write(&self) -> bool {
        let looks = self.path.ends_with("/exec")
            && self.body["command"][0]
                .as_str()
                .is_some_and(|program| AGENTS.iter().any(|path| program.starts_with(path)));
        let places = self.path.ends_with("/files") && self.query.contains("path=%2Frun%2Fdistctl");
        !(self.method == "GET" || self.method == "HEAD" || looks || places)
    }
}

/// A failure that was ordered.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// For which method.
    pub method: String,
    /// For which paths.
    pub prefix: String,
    /// How often it is still to happen.
    pub times: usize,
    /// What is to happen.
    pub kind: Kind,
}

/// What is to go wrong.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An error instead of an answer; nothing takes effect.
    Fail(u16, String),
    /// Half of the answer, and the connection is cut.
    Cut,
    /// A later answer.
    Delay(Duration),
}

/// Takes what is ordered for a request out of the list.
pub fn take(troubles: &mut Vec<Trouble>, request: &Request) -> Vec<Kind> {
    let mut found = Vec::new();
    for trouble in troubles.iter_mut().filter(|trouble| request.is(&trouble.method, &trouble.prefix)) {
        trouble.times = trouble.times.saturating_sub(1);
        found.push(trouble.kind.clone());
    }
    troubles.retain(|trouble| trouble.times > 0);
    found
}
