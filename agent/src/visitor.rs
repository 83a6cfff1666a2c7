//! Somebody who has logged in to the product platform's service.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http::Http;
use crate::mongo::connect::Login;

/// A service, and the token that it gave.
#[derive(Debug)]
pub struct Visitor {
    /// `address:port`.
    pub host: String,
    /// The token; empty before the login.
    pub token: String,
}

/// Why nobody was let in.
#[derive(Debug)]
pub enum Denied {
    /// The service knows the user and does not take the password: asking again changes nothing.
    Ever(String),
    /// The service does not answer as it should yet.
    Yet(String),
}

impl Denied {
    /// The reason.
    pub fn why(self) -> String {
        match self {
            Self::Ever(why) | Self::Yet(why) => why,
        }
    }
}

impl Visitor {
    /// Logs in.
    pub async fn log_in(host: &str, login: &Login) -> Result<Self, Denied> {
        let visitor = Self { host: host.to_owned(), token: String::new() };
        let sent = json!({ "username": login.user, "password": login.password });
        let (status, answer) = visitor.ask(Method::POST, "/auth/login", Some(&sent)).await.map_err(Denied::Yet)?;
        match answer["token"].as_str() {
            Some(token) if status == StatusCode::OK => Ok(Self { token: token.to_owned(), ..visitor }),
            _ => {
                let why = format!("does not let {} in: {}", login.user, said(status, &answer));
                Err(if status == StatusCode::UNAUTHORIZED { Denied::Ever(why) } else { Denied::Yet(why) })
            }
        }
    }

    /// Sends a request over a connection of its own.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value), String> {
        let token = (!self.token.is_empty()).then_some(self.token.as_str());
        let answer = Http::to(&self.host).send(method, path, token, body).await;
        let answer = answer.map_err(|error| format!("does not answer: {error}"))?;
        Ok((answer.status, answer.json()))
    }
}

/// A status with what was said to it.
pub fn said(status: StatusCode, answer: &Value) -> String {
    format!("{} {}", status.as_u16(), answer["message"].as_str().unwrap_or_default()).trim_end().to_owned()
}
