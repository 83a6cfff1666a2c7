//! The agent's binary on this host, and where it goes in a guest.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::desired::expand::AgentFile;
use crate::desired::sha256_hex;
use crate::incus::{Client, FileAttributes, FileBody};

#[cfg(embedded_agent)]
static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent"));

/// The agent's binary, addressed by its hash so that an older one is never used.
#[derive(Clone)]
pub struct Agent {
    bytes: Cow<'static, [u8]>,
    sha256: String,
}

impl Agent {
    /// Finds the agent: the file that `DISTCTL_AGENT` names, the one inside this binary, or the one beside it.
    pub fn find() -> Result<Self> {
        let bytes: Cow<'static, [u8]> = match std::env::var_os("DISTCTL_AGENT") {
            Some(path) => read(PathBuf::from(path))?,
            None => embedded()?,
        };
        let sha256 = sha256_hex(&bytes);
        Ok(Self { bytes, sha256 })
    }

    /// Its hex SHA-256.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Its content, to be pushed.
    pub fn body(&self) -> FileBody {
        FileBody::Bytes(match &self.bytes {
            Cow::Borrowed(bytes) => bytes::Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes::Bytes::copy_from_slice(bytes),
        })
    }

    /// Where `up` installs it, for what runs when distctl is away.
    pub fn installed_path(&self) -> String {
        AgentFile { sha256: self.sha256.clone(), size: self.size() }.installed_path()
    }

    /// Where it is put just for looking: a tmpfs, so nothing of the system changes.
    pub fn passing_path(&self) -> String {
        format!("/run/distctl/agent-{}", self.sha256.get(..16).unwrap_or(&self.sha256))
    }

    /// Puts the agent into a running guest, just for looking.
    pub(super) async fn place(&self, client: &Client, container: &str) -> Result<(), crate::incus::Error> {
        let folder = FileAttributes { uid: 0, gid: 0, mode: 0o700 };
        client.make_directory(container, "/run/distctl", &folder).await?;
        client.push_file(container, &self.passing_path(), &folder, self.body()).await
    }
}

#[cfg(embedded_agent)]
fn embedded() -> Result<Cow<'static, [u8]>> {
    Ok(Cow::Borrowed(EMBEDDED))
}

#[cfg(not(embedded_agent))]
fn embedded() -> Result<Cow<'static, [u8]>> {
    let own = std::env::current_exe().context("this binary's own path can't be told")?;
    let beside = own.with_file_name("distctl-agent");
    if !beside.exists() {
        anyhow::bail!(
            "the agent is neither inside this binary nor beside it as {}; build it with `make build`, or name it in \
             DISTCTL_AGENT",
            beside.display()
        );
    }
    read(beside)
}

fn read(path: PathBuf) -> Result<Cow<'static, [u8]>> {
    let bytes = std::fs::read(&path).with_context(|| format!("the agent {} can't be read", path.display()))?;
    Ok(Cow::Owned(bytes))
}
