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
/// Users by their numbers, from 0, that every guest of the fake knows.
const USERS: &[&str] = &["root", "mongodb"];
/// Where the fake keeps the names of further users, one a line.
const MORE_USERS: &str = "/etc/fake-users";

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
        let paths = asked.paths.iter().filter_map(|path| Some((path.clone(), self.state(self.files.get(path)?))));
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
            filled: asked.filled.iter().filter_map(|(path, text)| self.expected(path, text)).collect(),
            services: asked.services.iter().map(|query| (query.name.clone(), self.health(&query.name))).collect(),
            deployed: self.deployed(),
            storage: protocol::Storage::default(),
            service_files: self.deployed().into_iter().map(|name| (name.clone(), self.release(&name))).collect(),
        }
    }

    /// Writes as the agent does: what was pushed only with the right hash.
    pub fn write(&mut self, asked: &WriteRequest) -> Result<(), Failure> {
        asked.system_users.iter().for_each(|user| self.add_user(user));
        for directory in &asked.directories {
            let owner = (self.number(&directory.owner)?, self.number(&directory.group)?, directory.mode);
            self.files.insert(directory.path.clone(), File { directory: true, attributes: owner, content: Vec::new() });
        }
        for file in &asked.files {
            let content = self.content(file)?;
            let attributes = (self.number(&file.owner)?, self.number(&file.group)?, file.mode);
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
            FileContent::Filled(pieces) => return self.fill(pieces),
            FileContent::Staged { path, sha256 } => (path, sha256),
        };
        // What is in its place already was moved there by a run before.
        if !self.files.contains_key(staged)
            && let Some(there) = self.files.get(&file.path).filter(|there| sha256_hex(&there.content) == *sha256)
        {
            return Ok(there.content.clone());
        }
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
        let ours = |unit: &&String, files: &Files| unit.starts_with("mongod-") || files.contains_key(&unit_file(unit));
        for unit in asked.start.iter().chain(&asked.restart) {
            // What the image brings is running anyway.
            if !ours(&unit, self.files) {
                continue;
            }
            let revision = revision_in_file(self.files, unit).ok_or_else(|| Failure::new(unit, "has no unit file"))?;
            let anew = asked.restart.contains(unit) || unit_state(self.files, unit).active != "active";
            self.note(format!("{WANTS}{unit}"), "");
            self.files.remove(&format!("{FAILED}{unit}"));
            if let Some(folder) = super::mongo::folder(self.files, unit) {
                self.note(format!("{folder}/WiredTiger"), "");
            }
            if anew {
                self.note(format!("{STARTED}{unit}"), &revision);
            }
        }
        Ok(())
    }

    fn state(&self, file: &File) -> PathState {
        let (owner, group, mode) = file.attributes;
        let users = self.users();
        let name = |number: u32| users.get(number as usize).map_or_else(|| number.to_string(), Clone::clone);
        let sha256 = (!file.directory).then(|| sha256_hex(&file.content));
        PathState {
            sha256,
            mode,
            owner: name(owner),
            group: name(group),
            size: file.content.len() as u64,
            changed_ms: 0,
        }
    }

    /// All users by their numbers.
    fn users(&self) -> Vec<String> {
        let more = self.files.get(MORE_USERS).map(|file| String::from_utf8_lossy(&file.content).into_owned());
        let more = more.unwrap_or_default();
        USERS.iter().copied().chain(more.lines()).map(str::to_owned).collect()
    }

    fn add_user(&mut self, user: &str) {
        let mut users = self.users();
        if !users.iter().any(|known| known == user) {
            users.push(user.to_owned());
            self.note(MORE_USERS.into(), &users[USERS.len()..].join("\n"));
        }
    }

    fn number(&self, user: &str) -> Result<u32, Failure> {
        let found = self.users().iter().position(|known| known == user).and_then(|number| number.try_into().ok());
        found.ok_or_else(|| Failure::new(format!("user {user}"), "does not exist"))
    }

    /// Keeps something in a file.
    pub fn note(&mut self, path: String, text: &str) {
        self.files.insert(path, File { directory: false, attributes: (0, 0, 0o600), content: text.into() });
    }
}

/// Tells the state of a unit.
pub fn unit_state(files: &Files, unit: &str) -> UnitState {
    let word = |yes: bool, word: &str, other: &str| if yes { word.to_owned() } else { other.to_owned() };
    let loaded = files.contains_key(&unit_file(unit));
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
    let text = String::from_utf8_lossy(&files.get(&unit_file(unit))?.content).into_owned();
    // A timer has none.
    let rest = text.split_once("DISTCTL_REVISION=").map_or("", |(_, rest)| rest);
    Some(rest.chars().take_while(char::is_ascii_alphanumeric).collect())
}

/// Where the file of a unit is.
pub fn unit_file(unit: &str) -> String {
    format!("{UNITS}{unit}")
}
