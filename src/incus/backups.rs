//! Backups: an instance as one tar stream, taken out and put in.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::answer::Reply;
use super::call::Call;
use super::operation::Pending;
use super::{Client, Error};

/// How long the whole of a backup may be under way in one direction.
const STREAMING: Duration = Duration::from_secs(6 * 60 * 60);

/// Servers that have this send a backup as they make it, and keep nothing.
const DIRECT: &str = "direct_backup";

/// A backup that the server keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Backup {
    /// Its name; before it, with a slash, that of its instance.
    pub name: String,
    /// When it was made, as RFC 3339 has it.
    pub created_at: String,
}

/// The bytes of a backup as they arrive.
#[derive(Debug)]
pub struct BackupStream {
    response: reqwest::Response,
    call: Call,
}

impl BackupStream {
    /// How many bytes it has in all, where the server knows.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Gives the next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Transport`] where the connection breaks: what came so far is not the whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.response.chunk().await.map_err(|error| self.call.transport(error.without_url()))
    }
}

impl Client {
    /// Whether the server sends backups as it makes them.
    pub fn sends_backups_directly(&self) -> bool {
        self.server().has(DIRECT)
    }

    /// Lists the backups of an instance that the server keeps.
    ///
    /// # Errors
    /// `is_not_found` where the instance is missing.
    pub async fn backups(&self, instance: &str) -> Result<Vec<Backup>, Error> {
        let path = self.path(&["instances", instance, "backups"], &[("recursion", "1")]);
        let list: Option<Vec<Backup>> = self.get(path).await?.0;
        Ok(list.unwrap_or_default())
    }

    /// Makes a backup on the server, uncompressed and without snapshots; the server deletes it by itself at `expires`.
    ///
    /// # Errors
    /// `is_disk_full`; the daemon's own where the name is taken.
    pub async fn create_backup(&self, instance: &str, name: &str, expires: jiff::Timestamp) -> Result<(), Error> {
        let body = json!({
            "name": name, "expires_at": expires.to_string(), "instance_only": true, "optimized_storage": false,
            "compression_algorithm": "none",
        });
        let call = Call::new(Method::POST, self.path(&["instances", instance, "backups"], &[])).json(&body);
        self.perform(call).await.map(drop)
    }

    /// Takes a backup that the server keeps.
    ///
    /// # Errors
    /// `is_not_found` where there is none.
    pub async fn download_backup(&self, instance: &str, name: &str) -> Result<BackupStream, Error> {
        let path = self.path(&["instances", instance, "backups", name, "export"], &[]);
        self.stream(Call::new(Method::GET, path).within(STREAMING), None).await
    }

    /// Takes a backup as the server makes it; only of one that [sends them](Self::sends_backups_directly).
    ///
    /// # Errors
    /// `is_not_found` where the instance is missing.
    pub async fn stream_backup(&self, instance: &str) -> Result<BackupStream, Error> {
        let body = json!({ "instance_only": true, "optimized_storage": false, "compression_algorithm": "none" });
        let call = Call::new(Method::POST, self.path(&["instances", instance, "backups"], &[])).json(&body);
        self.stream(call.within(STREAMING), Some("application/octet-stream")).await
    }

    /// Deletes a backup that the server keeps.
    ///
    /// # Errors
    /// `is_not_found` where there is none.
    pub async fn delete_backup(&self, instance: &str, name: &str) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, self.path(&["instances", instance, "backups", name], &[]));
        self.perform_when_free(call).await.map(drop)
    }

    /// Makes a stopped instance from a backup. All in it is taken as it is, addresses too.
    ///
    /// # Errors
    /// `is_conflict` where the name is taken; what the stream itself fails with.
    pub async fn import_backup<S>(&self, name: &str, pool: Option<&str>, stream: S) -> Result<(), Error>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let _slot = self.transport().slot().await;
        let call = Call::new(Method::POST, self.path(&["instances"], &[])).within(STREAMING);
        let request = self.transport().request(Method::POST, call.path()).timeout(STREAMING);
        let request = request.header(CONTENT_TYPE, "application/octet-stream").header("X-Incus-name", name);
        let request = match pool {
            Some(pool) => request.header("X-Incus-pool", pool),
            None => request,
        };
        let request = request.body(reqwest::Body::wrap_stream(stream));
        match self.transport().finish(&call, request).await?.open(&call)? {
            Reply::Begun(url, _) => self.wait(&Pending::new(url, call)).await.map(drop),
            Reply::Done(_) => Ok(()),
        }
    }

    async fn stream(&self, call: Call, accept: Option<&str>) -> Result<BackupStream, Error> {
        let mut request = call.dress(self.transport().request(call.method(), call.path()));
        if let Some(accept) = accept {
            request = request.header(reqwest::header::ACCEPT, accept);
        }
        let response = request.send().await.map_err(|error| self.transport().broken(&call, error))?;
        if response.status().is_success() {
            return Ok(BackupStream { response, call });
        }
        let answer = self.transport().read(&call, response).await?;
        match answer.open(&call) {
            Err(error) => Err(error),
            Ok(_) => Err(call.unreadable("an answer without a backup")),
        }
    }
}
