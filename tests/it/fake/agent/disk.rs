//! The inside of one guest: files, packages, units.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use distctl::desired::sha256_hex;
use protocol::{
    Failure, FileContent, FileWrite, InspectRequest, Inspection, PathState, UnitState, UnitsRequest, WriteRequest,
};

use super::super::files::File;
use super::{FAILED, STARTED, WANTS};

/// Where unit files are.
const UNITS: &str = "/etc/systemd/system/";
/// Where dpkg keeps what it has installed.
const PACKAGES: &str = "/var/lib/dpkg/info/";
/// Users by their numbers, from 0; the fake's guests know no others.
const USERS: &[&str] = &["root", "mongodb"];

/// All files of a guest by path.
pub type Files = BTreeMap<String, File>;

/// A guest.
pub struct Disk<'w> {
    pub files: &'w mut Files,
    /// Its address on `eth0`, with its prefix length.
    pub address: Option<String>,
}

impl Disk<'_> {
    /// Answers all but for mongods.
    pub fn inspect(&self, asked: &InspectRequest) -> Inspection {
        let paths = asked.paths.iter().filter_map(|path| Some((path.clone(), state(self.files.get(path)?))));
        let installed = |name: &&String| self.files.contains_key(&format!("{PACKAGES}{name}.list"));
        let in_units = self.files.keys().filter_map(|path| path.strip_prefix(UNITS));
        let ours = |unit: &&str| asked.unit_prefixes.iter().any(|prefix| unit.starts_with(prefix.as_str()));
        Inspection {
            protocol: protocol::VERSION,
            systemd: Some("running".into()),
            addresses: self.address.iter().map(|address| ("eth0".into(), vec![address.clone()])).collect(),
            clock_ms: 1_700_000_000_000,
            avx: true,
            disk_free: 20 << 30,
            disk_total: 40 << 30,
            paths: paths.collect(),
            packages: asked.packages.iter().filter(installed).map(|name| (name.clone(), "1".into())).collect(),
            units: asked.units.iter().map(|unit| (unit.clone(), unit_state(self.files, unit))).collect(),
            unit_files: in_units.filter(ours).map(Into::into).collect(),
            mongods: BTreeMap::new(),
        }
    }

    /// Writes as the agent does: what was pushed only with the right hash.
    pub fn write(&mut self, asked: &WriteRequest) -> Result<(), Failure> {
        for directory in &asked.directories {
            let owner = (number(&directory.owner)?, number(&directory.group)?, directory.mode);
            self.files.insert(directory.path.clone(), File { directory: true, attributes: owner, content: Vec::new() });
        }
        for file in &asked.files {
            let content = self.content(file)?;
            let attributes = (number(&file.owner)?, number(&file.group)?, file.mode);
            self.files.insert(file.path.clone(), File { directory: false, attributes, content });
        }
        asked.remove.iter().for_each(|path| drop(self.files.remove(path)));
        Ok(())
    }

    fn content(&mut self, file: &FileWrite) -> Result<Vec<u8>, Failure> {
        let (staged, sha256) = match &file.content {
            FileContent::Inline(text) => {
                return BASE64_STANDARD.decode(text).map_err(|error| Failure::new(&file.path, error.to_string()));
            }
            FileContent::Staged { path, sha256 } => (path, sha256),
        };
        let found = self.files.get(staged).ok_or_else(|| Failure::new(staged, "can't be read: no such file"))?;
        let hash = sha256_hex(&found.content);
        if hash != *sha256 {
            return Err(Failure::new(staged, format!("has the SHA-256 {hash} instead of {sha256}"))
                .with_hint("the push into the guest was cut short: run distctl up again"));
        }
        Ok(self.files.remove(staged).unwrap().content)
    }

    /// Installs packages.
    pub fn install(&mut self, packages: &[String]) {
        packages.iter().for_each(|name| self.note(format!("{PACKAGES}{name}.list"), ""));
    }

    /// Stops, enables, starts and restarts units.
    pub fn change_units(&mut self, asked: &UnitsRequest) -> Result<(), Failure> {
        for unit in &asked.stop {
            [WANTS, STARTED, FAILED].iter().for_each(|place| drop(self.files.remove(&format!("{place}{unit}"))));
        }
        for unit in asked.start.iter().chain(&asked.restart).filter(|unit| unit.starts_with("mongod-")) {
            let revision = revision_in_file(self.files, unit).ok_or_else(|| Failure::new(unit, "has no unit file"))?;
            let anew = asked.restart.contains(unit) || unit_state(self.files, unit).active != "active";
            self.note(format!("{WANTS}{unit}"), "");
            self.files.remove(&format!("{FAILED}{unit}"));
            if anew {
                self.note(format!("{STARTED}{unit}"), &revision);
            }
        }
        Ok(())
    }

    /// Keeps something in a file.
    pub fn note(&mut self, path: String, text: &str) {
        self.files.insert(path, File { directory: false, attributes: (0, 0, 0o600), content: text.into() });
    }
}

/// Tells the state of a unit.
pub fn unit_state(files: &Files, unit: &str) -> UnitState {
    let word = |yes: bool, word: &str, other: &str| if yes { word.to_owned() } else { other.to_owned() };
    let loaded = files.contains_key(&format!("{UNITS}{unit}"));
    let enabled = files.contains_key(&format!("{WANTS}{unit}"));
    let failed = files.contains_key(&format!("{FAILED}{unit}"));
    let started = files.get(&format!("{STARTED}{unit}"));
    let revision = started.map(|file| String::from_utf8_lossy(&file.content).into_owned());
    UnitState {
        load: word(loaded, "loaded", "not-found"),
        active: if failed { "failed".into() } else { word(enabled && loaded, "active", "inactive") },
        sub: word(enabled && loaded && !failed, "running", "dead"),
        enabled: word(enabled, "enabled", "disabled"),
        result: word(failed, "exit-code", "success"),
        // Without a word on its start it was started with the guest, from the file as it is.
        revision: revision.or_else(|| revision_in_file(files, unit)),
        ..UnitState::default()
    }
}

fn revision_in_file(files: &Files, unit: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&files.get(&format!("{UNITS}{unit}"))?.content).into_owned();
    let (_, rest) = text.split_once("DISTCTL_REVISION=")?;
    Some(rest.chars().take_while(char::is_ascii_alphanumeric).collect())
}

fn state(file: &File) -> PathState {
    let (owner, group, mode) = file.attributes;
    let name = |number: u32| USERS.get(number as usize).map_or_else(|| number.to_string(), ToString::to_string);
    let sha256 = (!file.directory).then(|| sha256_hex(&file.content));
    PathState { sha256, mode, owner: name(owner), group: name(group), size: file.content.len() as u64 }
}

fn number(user: &str) -> Result<u32, Failure> {
    let found = USERS.iter().position(|known| *known == user).and_then(|number| number.try_into().ok());
    found.ok_or_else(|| Failure::new(format!("user {user}"), "does not exist"))
}
