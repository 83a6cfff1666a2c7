//! An HTTP client inside the lab: curl, so that nothing of the services is believed.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::lab;

/// What stands between curl's account of an answer and the answer's body.
const HEAD_END: &str = "\r\n\r\n";

/// Who asks a service, and where it is.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    token: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// 0 where there was no answer.
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Http {
    /// Somebody without a token.
    pub fn at(base: &str) -> Self {
        Self { base: base.to_owned(), token: None }
    }

    /// The same with a token.
    pub fn bearer(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[JSON], body.to_string().as_bytes())
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[JSON], body.to_string().as_bytes())
    }

    /// Sends a request as it is told, path and all.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut command = lab().inside("curl");
        command.args(["--silent", "--include", "--path-as-is", "--globoff", "--max-time", "30", "--request", method]);
        // Without a question whether the body may be sent, there is one answer to read.
        command.args(["--header", "Expect:"]);
        for header in headers {
            command.args(["--header", header]);
        }
        if let Some(token) = &self.token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        if !body.is_empty() {
            command.args(["--data-binary", "@-"]);
        }
        command.arg(format!("{}{path}", self.base));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // curl that can't connect reads nothing.
        let _ = child.stdin.take().unwrap().write_all(body);
        let output = child.wait_with_output().unwrap();
        Answer::read(&String::from_utf8_lossy(&output.stdout))
    }
}

/// The header of a body in JSON.
pub const JSON: &str = "Content-Type: application/json";

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once(HEAD_END).unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The body as JSON; fails unless the status is this.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}\n\n{}", self.head, self.body);
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The `message`; fails unless the status is this and there is one.
    #[track_caller]
    pub fn says(&self, status: u16) -> String {
        let body = self.is(status);
        body["message"].as_str().unwrap_or_else(|| panic!("no message: {}", self.body)).to_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}
