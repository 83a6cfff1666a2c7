//! Files that a topology names by URL: fetched once, checked, and kept in the user's cache.
//!
//! The hash is that of what is fetched, so it does not matter who answers, or that a copy is old.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::desired::{hex, sha256_hex};

mod archive;

/// How long a server may take to accept a connection, and between two pieces of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where it is.
    pub url: &'a str,
    /// The hex SHA-256 of what is there.
    pub sha256: &'a str,
    /// The file in it, if it is an archive.
    pub member: Option<&'a str>,
}

/// Where a source lies in the cache, whether it is there or not.
pub fn place(source: Source<'_>, cache: &Path) -> PathBuf {
    let folder = cache.join(source.sha256.to_ascii_lowercase());
    match source.member {
        None => folder.join("file"),
        Some(member) => folder.join(format!("member-{}", sha256_hex(member.as_bytes()))),
    }
}

/// Fetches a source unless it is in the cache; `note` is told what takes time. Gives the file.
///
/// # Errors
/// The server, the disk, another hash, an archive that has no such member.
pub async fn fetch(source: Source<'_>, cache: &Path, note: impl Fn(String)) -> Result<PathBuf> {
    let file = place(source, cache);
    if file.is_file() {
        return Ok(file);
    }
    let whole = place(Source { member: None, ..source }, cache);
    let folder = whole.parent().unwrap_or(cache).to_owned();
    std::fs::create_dir_all(&folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    if !whole.is_file() {
        note(format!("downloading {}", source.url));
        let complete = download(source, &folder).await.with_context(|| format!("can't download {}", source.url))?;
        keep(complete, &whole)?;
    }
    if let Some(member) = source.member {
        let (archive, name) = (whole, member.to_owned());
        let taken = tokio::task::spawn_blocking(move || archive::take(&archive, &name, &folder)).await?;
        keep(taken.with_context(|| format!("{} is no archive with a file {member}", source.url))?, &file)?;
    }
    Ok(file)
}

/// Lets a file appear whole or not at all.
fn keep(complete: NamedTempFile, at: &Path) -> Result<()> {
    complete.persist(at).with_context(|| format!("can't keep {}", at.display()))?;
    Ok(())
}

async fn download(source: Source<'_>, folder: &Path) -> Result<NamedTempFile> {
    // Whoever comes first installs it; any TLS library serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build()?;
    let mut answer = client.get(source.url).send().await?.error_for_status()?;
    let mut file = NamedTempFile::new_in(folder).with_context(|| format!("can't write to {}", folder.display()))?;
    let mut hash = Sha256::new();
    while let Some(piece) = answer.chunk().await? {
        hash.update(&piece);
        file.write_all(&piece).with_context(|| format!("can't write to {}", folder.display()))?;
    }
    let sha256 = hex(&hash.finalize());
    if !sha256.eq_ignore_ascii_case(source.sha256) {
        bail!("what is there has another SHA-256: {sha256}");
    }
    file.as_file().sync_all()?;
    Ok(file)
}
