//! Files in instances, with the daemon's peculiarities: attributes count only for new files, forms are eaten.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde_json::json;

use super::answer::Answer;
use super::world::World;

/// A file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// It is a directory.
    pub directory: bool,
    /// Owner, group and permission bits.
    pub attributes: (u32, u32, u32),
    /// What is in it.
    pub content: Vec<u8>,
}

/// Makes the directories of a fresh guest.
pub fn fresh() -> BTreeMap<String, File> {
    let root = File { directory: true, attributes: (0, 0, 0o755), content: Vec::new() };
    let paths = "/ /etc /etc/systemd /etc/systemd/system /etc/systemd/network /home /opt /root /run /tmp /usr /usr/local \
        /usr/local/bin /var /var/lib /var/log";
    paths.split_whitespace().map(|path| (path.to_owned(), root.clone())).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads a mode as the daemon does: without a leading zero it is decimal.
fn mode(text: &str) -> Option<u32> {
    let radix = if text.starts_with('0') { 8 } else { 10 };
    u32::from_str_radix(text, radix).ok().map(|mode| mode & 0o777)
}

/// Answers for `/1.0/instances/NAME/files`.
pub fn answer(world: &mut World, method: &str, name: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    let Some(instance) = world.instances.get_mut(name) else {
        return Answer::error(404, "Instance not found");
    };
    let files = &mut instance.files;
    match (method, files.get(path)) {
        ("GET" | "HEAD", Some(file)) => {
            let (uid, gid, mode) = file.attributes;
            let kind = if file.directory { "directory" } else { "file" };
            let headers = vec![
                ("X-Incus-Type", kind.into()),
                ("X-Incus-Uid", uid.to_string()),
                ("X-Incus-Gid", gid.to_string()),
                ("X-Incus-Mode", format!("{mode:04o}")),
            ];
            Answer::Raw(file.content.clone(), headers)
        }
        ("POST", found) => {
            let parent = path.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
            let found = found.cloned();
            if !files.get(parent).is_some_and(|parent| parent.directory) {
                return Answer::error(404, "Not Found");
            }
            let directory = header(headers, "x-incus-type") == "directory";
            let eaten = header(headers, "content-type").contains("x-www-form-urlencoded");
            let content = if eaten || directory { Vec::new() } else { body.to_vec() };
            let number = |name, default| header(headers, name).parse().unwrap_or(default);
            let default = if directory { 0o755 } else { 0o644 };
            let mode = mode(header(headers, "x-incus-mode")).unwrap_or(default);
            let attributes = (number("x-incus-uid", 0), number("x-incus-gid", 0), mode);
            let attributes = found.map_or(attributes, |found| found.attributes);
            files.insert(path.into(), File { directory, attributes, content });
            Answer::empty()
        }
        ("DELETE", Some(_)) => {
            let below = format!("{}/", path.trim_end_matches('/'));
            if files.keys().any(|other| other.starts_with(&below)) {
                return Answer::error(500, "sftp: \"directory not empty\" (SSH_FX_FAILURE)");
            }
            files.remove(path);
            Answer::of(json!({}))
        }
        _ => Answer::error(404, "Not Found"),
    }
}
