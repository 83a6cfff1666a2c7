//! A desired state as a folder to look at: what would be pushed, and a list of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::filled::outline;
use super::{Container, Content, Desired, File, sha256_hex};

/// The name of the list.
const MANIFEST: &str = "manifest.json";

/// Writes every rendered file to `into/CONTAINER/PATH`, and to `into/manifest.json` what else there is: modes and
/// owners, artifacts by hash, secrets by name, the configuration of the network and the containers. Files that are
/// there already are overwritten, others left alone. Returns what was written, the list last.
///
/// # Errors
/// Why a file can't be written.
pub fn write_tree(desired: &Desired, into: &Path) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (name, container) in &desired.containers {
        for (path, file) in container.all_files() {
            if let Content::Bytes(bytes) = &file.content {
                let place = into.join(name).join(path.trim_start_matches('/'));
                write(&place, bytes)?;
                written.push(place);
            }
        }
    }
    let place = into.join(MANIFEST);
    write(&place, format!("{:#}\n", manifest(desired)).as_bytes())?;
    written.push(place);
    Ok(written)
}

fn write(place: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    }
    fs::write(place, bytes).with_context(|| format!("can't write {}", place.display()))
}

fn manifest(desired: &Desired) -> Value {
    let containers = desired.containers.iter().map(|(name, one)| (name.clone(), container(one)));
    let sets = desired.replica_sets.iter().map(|(name, set)| (name.clone(), json!(set.config)));
    json!({
        "name": desired.name,
        "network": { "name": desired.network.name, "config": desired.network.config },
        "containers": containers.collect::<Map<_, _>>(),
        "replica_sets": sets.collect::<Map<_, _>>(),
    })
}

fn container(container: &Container) -> Value {
    let files = container.all_files().map(|(path, one)| (path.clone(), file(one)));
    let directories = container.directories.iter().map(|one| {
        let owner = format!("{}:{}", one.owner, one.group);
        (one.path.clone(), json!({ "mode": format!("{:04o}", one.mode), "owner": owner }))
    });
    let units = container.units.iter().map(|(name, unit)| (name.clone(), json!({ "revision": unit.revision })));
    let services = container.releases.values().map(|one| (one.unit.clone(), json!({ "revision": one.revision })));
    json!({
        "config": container.config,
        "devices": container.devices,
        "packages": container.packages,
        "system_users": container.system_users,
        "directories": directories.collect::<Map<_, _>>(),
        "files": files.collect::<Map<_, _>>(),
        "units": units.chain(services).collect::<Map<_, _>>(),
    })
}

fn file(file: &File) -> Value {
    let content = match &file.content {
        Content::Bytes(bytes) => json!({ "sha256": sha256_hex(bytes), "size": bytes.len() }),
        Content::Artifact { path, sha256, size } => {
            json!({ "artifact": path.display().to_string(), "sha256": sha256, "size": size })
        }
        Content::Agent { sha256 } => json!({ "agent": true, "sha256": sha256 }),
        Content::Secret(name) => json!({ "secret": name.to_string() }),
        Content::Filled(pieces) => json!({ "filled": outline(pieces) }),
    };
    let mut entry = json!({ "mode": format!("{:04o}", file.mode), "owner": format!("{}:{}", file.owner, file.group) });
    if let (Some(entry), Value::Object(content)) = (entry.as_object_mut(), content) {
        entry.extend(content);
    }
    entry
}
