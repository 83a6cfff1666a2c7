//! Files in an instance, running or stopped.

use std::path::PathBuf;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio_util::io::ReaderStream;

use super::call::Call;
use super::{Client, Error};

/// How much of a host's file is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// Whose a file is and who may use it, with the ids of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileAttributes {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// What is to be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileBody {
    /// These bytes.
    Bytes(Bytes),
    /// The contents of a file of this host, streamed.
    Host(PathBuf),
}

impl Client {
    /// Reads a file; `None` where there is none. Files below `/proc` read as empty.
    ///
    /// # Errors
    /// Those of every read; [`Error::Decode`] where the path is a directory.
    pub async fn read_file(&self, instance: &str, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let call = self.file_call(Method::GET, instance, path);
        let answer = match self.transport().send(&call).await?.raw(&call) {
            Err(error) if is_no_file(&error) => return Ok(None),
            answer => answer?,
        };
        if answer.header("x-incus-type") == Some("directory") {
            return Err(call.unreadable(format!("{path} is a directory")));
        }
        Ok(Some(answer.body.into()))
    }

    /// Writes a file with exactly these attributes.
    ///
    /// The daemon applies attributes only to a file that it makes, so one that is there is deleted first. Then a
    /// program that runs from the old file goes on running from it. Not atomic: a push that is cut leaves a part.
    ///
    /// # Errors
    /// `is_not_found` where the directory is missing; [`Error::HostFile`]; `is_disk_full`.
    pub async fn push_file(
        &self,
        instance: &str,
        path: &str,
        attributes: &FileAttributes,
        body: FileBody,
    ) -> Result<(), Error> {
        let _slot = self.transport().slot().await;
        if self.is_replaceable(instance, path).await? {
            self.delete_file(instance, path).await?;
        }
        let call = self.file_call(Method::POST, instance, path);
        let request = self.upload_request(&call, "file", attributes);
        self.upload(&call, with_body(request, body).await?).await
    }

    /// Makes a directory, and those above it that are missing (0755, root's). One that is there stays as it is.
    ///
    /// # Errors
    /// `is_not_found` where the instance is missing.
    pub async fn make_directory(&self, instance: &str, path: &str, attributes: &FileAttributes) -> Result<(), Error> {
        const ABOVE: FileAttributes = FileAttributes { uid: 0, gid: 0, mode: 0o755 };
        let _slot = self.transport().slot().await;
        let mut missing = vec![(path.trim_end_matches('/'), attributes)];
        while let Some((directory, attributes)) = missing.last().copied() {
            match self.make_one(instance, directory, attributes).await {
                Ok(()) => drop(missing.pop()),
                Err(error) if is_no_file(&error) => match directory.rfind('/') {
                    None | Some(0) => return Err(error),
                    Some(end) => missing.push((&directory[..end], &ABOVE)),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Deletes a file or an empty directory.
    ///
    /// # Errors
    /// `is_not_found` where there is none.
    pub async fn delete_file(&self, instance: &str, path: &str) -> Result<(), Error> {
        self.send(&self.file_call(Method::DELETE, instance, path)).await.map(drop)
    }

    async fn make_one(&self, instance: &str, path: &str, attributes: &FileAttributes) -> Result<(), Error> {
        let call = self.file_call(Method::POST, instance, path);
        let request = self.upload_request(&call, "directory", attributes).header(CONTENT_LENGTH, 0);
        self.upload(&call, request).await
    }

    /// Tells whether there is something at the path that a file may replace.
    async fn is_replaceable(&self, instance: &str, path: &str) -> Result<bool, Error> {
        let call = self.file_call(Method::HEAD, instance, path);
        let answer = self.transport().send(&call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            _ => Ok(answer.raw(&call)?.header("x-incus-type").is_some_and(|kind| kind != "directory")),
        }
    }

    fn file_call(&self, method: Method, instance: &str, path: &str) -> Call {
        Call::new(method, self.path(&["instances", instance, "files"], &[("path", path)]))
    }

    fn upload_request(&self, call: &Call, kind: &str, attributes: &FileAttributes) -> RequestBuilder {
        self.transport()
            .request(Method::POST, call.path())
            // Without this type the daemon takes the body for a form and writes an empty file.
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("X-Incus-type", kind)
            .header("X-Incus-uid", attributes.uid)
            .header("X-Incus-gid", attributes.gid)
            // A mode without a leading zero would be read as a decimal number.
            .header("X-Incus-mode", format!("0{:03o}", attributes.mode & 0o7777))
    }

    async fn upload(&self, call: &Call, request: RequestBuilder) -> Result<(), Error> {
        self.transport().finish(call, request).await?.open(call).map(drop)
    }
}

/// Tells a missing file from a missing instance or project.
fn is_no_file(error: &Error) -> bool {
    error.api().is_some_and(|answer| answer.code == 404 && answer.message.eq_ignore_ascii_case("not found"))
}

async fn with_body(request: RequestBuilder, body: FileBody) -> Result<RequestBuilder, Error> {
    match body {
        FileBody::Bytes(bytes) => Ok(request.body(bytes)),
        FileBody::Host(path) => {
            let failed = |source| Error::HostFile { path: path.clone(), source };
            let file = tokio::fs::File::open(&path).await.map_err(failed)?;
            let size = file.metadata().await.map_err(failed)?.len();
            let stream = ReaderStream::with_capacity(file, CHUNK);
            Ok(request.header(CONTENT_LENGTH, size).body(reqwest::Body::wrap_stream(stream)))
        }
    }
}
