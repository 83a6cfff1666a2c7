//! Artifacts that a topology names by URL: downloads take their place before it is expanded.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::Context;
use crate::desired::cache_folder;
use crate::download::{self, Source};
use crate::topology::{Artifact, At, MONGOSH, Topology};
use crate::ui::Advise;

/// Downloads what is used and not in the cache yet.
pub(super) async fn fetch(context: &Context, topology: &mut Topology) -> Result<()> {
    for (name, artifact) in used(topology) {
        let Some(source) = source(artifact) else { continue };
        let cache = cache().context("neither XDG_CACHE_HOME nor HOME says where downloads may be kept")?;
        let file = download::fetch(source, &cache, |text| context.ui.note(text))
            .await
            .with_context(|| format!("there is no artifact {name}"))
            .hint("check `url`, `sha256` and `member`; or download it by hand and write `path:` instead")?;
        settle(artifact, file.display().to_string());
    }
    Ok(())
}

/// Files of the cache of downloads that the topology uses; they are fetched where they are missing.
pub(super) async fn downloaded(context: &Context, topology: &mut Topology) -> Result<Vec<PathBuf>> {
    let named: Vec<String> =
        used(topology).filter(|(_, artifact)| artifact.url.is_some()).map(|(name, _)| name.to_owned()).collect();
    fetch(context, topology).await?;
    let path = |name: &String| Some(PathBuf::from(&topology.artifacts.get(name)?.path.as_ref()?.value));
    Ok(named.iter().filter_map(path).collect())
}

/// Takes what is in the cache and downloads nothing.
pub(super) fn known(topology: &mut Topology) {
    for (_, artifact) in used(topology) {
        let file = source(artifact).zip(cache()).map(|(source, cache)| download::place(source, &cache));
        if let Some(file) = file.filter(|file| file.is_file()) {
            settle(artifact, file.display().to_string());
        }
    }
}

/// The folder of downloads.
pub(super) fn cache() -> Option<PathBuf> {
    Some(cache_folder()?.join("downloads"))
}

fn used(topology: &mut Topology) -> impl Iterator<Item = (&str, &mut Artifact)> {
    let services = topology.services.iter().filter_map(|(_, service)| service.binary.as_ref());
    let named = topology.mongodb.binary.iter().chain(services).map(|binary| binary.value.clone());
    let named: BTreeSet<String> = named.chain([MONGOSH.to_owned()]).collect();
    topology.artifacts.iter_mut().filter(move |(name, _)| named.contains(*name))
}

fn source(artifact: &Artifact) -> Option<Source<'_>> {
    let (url, sha256) = (artifact.url.as_ref()?, artifact.sha256.as_ref()?);
    Some(Source { url, sha256, member: artifact.member.as_ref().map(|member| member.value.as_str()) })
}

/// Puts a file in the place of a URL. The hash of an archive says nothing of the file in it any more.
fn settle(artifact: &mut Artifact, file: String) {
    artifact.path = artifact.url.take().map(|url| At { value: file, span: url.span });
    if artifact.member.take().is_some() {
        artifact.sha256 = None;
    }
}
