//! The project, which also carries the lease that keeps two writers apart.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answer::nullable;
use super::call::Call;
use super::{Client, Error, path};

/// A project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its configuration, `user.*` keys included.
    #[serde(deserialize_with = "nullable")]
    pub config: BTreeMap<String, String>,
    /// Its version, for [`Client::update_project`].
    #[serde(skip)]
    pub etag: Option<String>,
}

impl Client {
    /// Reads the project that all calls are for.
    ///
    /// # Errors
    /// `is_project_missing` where there is none of that name.
    pub async fn read_project(&self) -> Result<Project, Error> {
        let (project, etag) = self.get(path(&["projects", self.project()], &[])).await?;
        Ok(Project { etag, ..project })
    }

    /// Makes a project.
    ///
    /// # Errors
    /// `is_conflict` where the name is taken.
    pub async fn create_project(&self, name: &str, config: &BTreeMap<String, String>) -> Result<(), Error> {
        let body = json!({"name": name, "config": config});
        self.send(&Call::new(Method::POST, path(&["projects"], &[])).json(&body)).await.map(drop)
    }

    /// Deletes a project.
    ///
    /// # Errors
    /// `is_in_use` where something is in it.
    pub async fn delete_project(&self, name: &str) -> Result<(), Error> {
        self.send(&Call::new(Method::DELETE, path(&["projects", name], &[]))).await.map(drop)
    }

    /// Tells whether this client may change the project at all, and changes nothing: it names a version that the project never
    /// has.
    ///
    /// # Errors
    /// What says neither yes nor no.
    pub async fn may_update_project(&self) -> Result<bool, Error> {
        let seen = self.read_project().await?;
        match self.update_project(&Project { etag: Some("none".into()), ..seen }).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_precondition_failed() => Ok(true),
            Err(error) if error.is_forbidden() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces the configuration and description of a project that was read before.
    ///
    /// Takes no slot: the heartbeat of a lease must not queue behind long writes.
    ///
    /// # Errors
    /// `is_precondition_failed` where it changed since.
    pub async fn update_project(&self, project: &Project) -> Result<(), Error> {
        let body = json!({"config": project.config, "description": project.description});
        let call = Call::new(Method::PUT, path(&["projects", &project.name], &[])).json(&body);
        self.send(&call.if_match(project.etag.as_deref())).await.map(drop)
    }
}
