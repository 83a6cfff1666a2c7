//! The envelope that every JSON answer comes in, and its typed contents.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::error::{ApiError, Error};
use super::operation::Operation;
use super::transport::Answer;

/// What the daemon wraps around its answers. An error can come with HTTP status 200 (when waiting for operations).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    operation: Option<String>,
    error_code: u16,
    error: Option<String>,
    metadata: Value,
}

/// A good answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// The call is done.
    Done(Value),
    /// The call goes on as an operation: its URL with the query, and what it is so far.
    Begun(String, Operation),
}

impl Answer {
    /// Opens the envelope.
    pub(super) fn open(&self, call: &Call) -> Result<Reply, Error> {
        let envelope: Envelope = match serde_json::from_slice(&self.body) {
            Ok(envelope) => envelope,
            Err(error) if self.status.is_success() => return Err(call.unreadable(error)),
            Err(_) => return Err(self.refused(call)),
        };
        match envelope.kind.as_str() {
            "sync" => Ok(Reply::Done(envelope.metadata)),
            "async" => {
                let url = envelope.operation.unwrap_or_default();
                Ok(Reply::Begun(url, read(call, envelope.metadata)?))
            }
            "error" => Err(self.api(call, envelope.error_code, envelope.error.unwrap_or_default())),
            other => Err(call.unreadable(format!("an answer of type {other:?}"))),
        }
    }

    /// Checks the status of an answer that has no envelope when it is good.
    pub(super) fn raw(self, call: &Call) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        match self.open(call) {
            Err(error) => Err(error),
            Ok(_) => Err(self.refused(call)),
        }
    }

    /// Gives the version of the object, for `If-Match`.
    pub(super) fn etag(&self) -> Option<String> {
        self.header("etag").map(str::to_owned)
    }

    /// Gives a header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn refused(&self, call: &Call) -> Error {
        let message = self.status.canonical_reason().unwrap_or("refused");
        self.api(call, self.status.as_u16(), message.into())
    }

    fn api(&self, call: &Call, code: u16, message: String) -> Error {
        let (method, path) = call.name();
        ApiError { status: self.status.as_u16(), code, message, method, path }.into()
    }
}

impl Reply {
    /// Reads the contents of an answer that must be complete.
    pub(super) fn done<T: DeserializeOwned>(self, call: &Call) -> Result<T, Error> {
        match self {
            Self::Done(value) => read(call, value),
            Self::Begun(..) => Err(call.unreadable("an operation where a result was expected")),
        }
    }
}

/// Reads a value into a type.
pub(super) fn read<T: DeserializeOwned>(call: &Call, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| call.unreadable(error))
}

/// Reads `null` as an empty list or map: the daemon sends either.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
