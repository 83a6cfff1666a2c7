//! Disks that somebody attached to a container: Incus takes none of them into a snapshot or a copy of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Container, Desired};

type Devices = BTreeMap<String, BTreeMap<String, String>>;

/// Where programs keep what they must not lose.
const STATE: &str = "/var/lib";

/// A disk in a container that the topology does not declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedDisk {
    /// The container.
    pub container: String,
    /// The device.
    pub device: String,
    /// Where it is mounted.
    pub path: String,
    /// What it is: `volume slow/data`, `/srv/data of the host`.
    pub source: String,
    /// Whether data of the system lies on it.
    pub holds_data: bool,
}

impl std::fmt::Display for AttachedDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the device {} at {} ({})", self.device, self.path, self.source)
    }
}

impl Desired {
    /// The disks that are attached to a container besides what is declared. `devices` are all that it has, those of its
    /// profiles included.
    pub fn attached_disks(&self, container: &str, devices: &Devices) -> Vec<AttachedDisk> {
        let declared = self.containers.get(container);
        let is_declared = |name: &str| declared.is_some_and(|wanted| wanted.devices.contains_key(name));
        let attached = devices.iter().filter(|(name, device)| !is_declared(name) && is_disk(device));
        let disk = |(name, device): (&String, &BTreeMap<String, String>)| {
            let path = device.get("path").filter(|path| *path != "/")?;
            let source = device.get("source").map_or("nothing", String::as_str);
            Some(AttachedDisk {
                container: container.to_owned(),
                device: name.clone(),
                path: path.clone(),
                source: match device.get("pool") {
                    Some(pool) => format!("volume {pool}/{source}"),
                    None => format!("{source} of the host"),
                },
                holds_data: holds_data(Path::new(path), declared),
            })
        };
        attached.filter_map(disk).collect()
    }
}

fn is_disk(device: &BTreeMap<String, String>) -> bool {
    device.get("type").is_some_and(|kind| kind == "disk")
}

/// Whether a folder is, is in, or holds one of those in which the container keeps data.
fn holds_data(path: &Path, declared: Option<&Container>) -> bool {
    let meets = |folder: &Path| path.starts_with(folder) || folder.starts_with(path);
    let kept = |folder: &&str| !["/etc", "/var/log"].iter().any(|other| folder.starts_with(other));
    let own = declared.into_iter().flat_map(|wanted| &wanted.directories).map(|directory| directory.path.as_str());
    meets(Path::new(STATE)) || own.filter(kept).any(|folder| meets(Path::new(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_holds_data_where_it_is_above_or_below_a_data_folder() {
        for (path, expected) in [
            ("/var/lib/mongodb", true),
            ("/var/lib/mongodb/27017/journal", true),
            ("/var", true),
            ("/var/lib/distctl", true),
            ("/var/library", false),
            ("/srv", false),
            ("/var/log", false),
        ] {
            assert_eq!(holds_data(Path::new(path), None), expected, "{path}");
        }
    }
}
