//! The services of one guest. A service answers while its unit is up, and says that it works unless told otherwise.

use std::collections::BTreeSet;

use distctl::desired::sha256_hex;
use protocol::{
    DeployServiceRequest, Failure, Health, InitServiceRequest, Piece, RemoveServiceRequest, SERVICES, UnitsRequest,
    WriteRequest,
};

use super::disk::{Disk, unit_file, unit_state};

/// Where a test says what a service complains of, by its name; a restart does not help.
pub const COMPLAINTS: &str = "/run/fake/complaints/";
/// Where the fake keeps what commands that are run once have read, by the name of the service.
pub const TOLD: &str = "/var/lib/fake/told/";

impl Disk<'_> {
    /// Writes a release, starts it, and keeps which files it has.
    pub fn deploy(&mut self, asked: &DeployServiceRequest) -> Result<(), Failure> {
        let before = self.release(&asked.service);
        let (system_users, files) = (vec![asked.user.clone()], asked.files.clone());
        self.write(&WriteRequest { system_users, files, ..WriteRequest::default() })?;
        let paths: Vec<&str> = asked.files.iter().map(|file| file.path.as_str()).collect();
        before.iter().filter(|path| !paths.contains(&path.as_str())).for_each(|path| drop(self.files.remove(path)));
        self.note(format!("{SERVICES}/{}/release", asked.service), &paths.join("\n"));
        self.change_units(&UnitsRequest { restart: vec![asked.unit.clone()], ..UnitsRequest::default() })?;
        self.assert_works(&asked.unit)
    }

    /// Fails where a service does not work.
    pub fn assert_works(&self, unit: &str) -> Result<(), Failure> {
        match self.health(unit.trim_end_matches(".service")) {
            Health::Working { .. } => Ok(()),
            Health::Failing(why) | Health::Silent(why) => {
                Err(Failure::new(unit, format!("does not work: {why}")).with_log(vec!["a line of its log".into()]))
            }
        }
    }

    /// Runs what a service needs once: keeps what it read, and the marker.
    pub fn init(&mut self, asked: &InitServiceRequest) -> Result<(), Failure> {
        self.assert_works(&format!("{}.service", asked.service))?;
        if !self.files.contains_key(&asked.environment_file) {
            return Err(Failure::new(&asked.environment_file, "can't be read: no such file"));
        }
        let read = String::from_utf8_lossy(&self.fill(&asked.stdin)?).into_owned();
        self.note(format!("{TOLD}{}", asked.service), &read);
        let (marker, marked) = asked.marker.clone();
        self.note(marker, &marked);
        Ok(())
    }

    /// Stops a service and removes its files.
    pub fn remove(&mut self, asked: &RemoveServiceRequest) -> Result<(), Failure> {
        self.change_units(&UnitsRequest { stop: vec![asked.unit.clone()], ..UnitsRequest::default() })?;
        let folder = format!("{SERVICES}/{}/", asked.service);
        self.release(&asked.service).iter().for_each(|path| drop(self.files.remove(path)));
        self.files.remove(&unit_file(&asked.unit));
        self.files.retain(|path, _| !path.starts_with(&folder));
        Ok(())
    }

    /// Says what a service answers.
    pub fn health(&self, service: &str) -> Health {
        if unit_state(self.files, &format!("{service}.service")).active != "active" {
            return Health::Silent("connection refused".into());
        }
        match self.files.get(&format!("{COMPLAINTS}{service}")) {
            Some(complaint) => Health::Failing(String::from_utf8_lossy(&complaint.content).into_owned()),
            None => Health::Working { version: Some("1.0.0".into()) },
        }
    }

    /// Lists the files of a service's release.
    pub fn release(&self, service: &str) -> Vec<String> {
        let release = self.files.get(&format!("{SERVICES}/{service}/release"));
        let text = release.map(|file| String::from_utf8_lossy(&file.content).into_owned()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lists services that were deployed.
    pub fn deployed(&self) -> Vec<String> {
        let below = self.files.keys().filter_map(|path| path.strip_prefix(&format!("{SERVICES}/")));
        let names: BTreeSet<String> = below.filter_map(|path| path.split('/').next()).map(str::to_owned).collect();
        names.into_iter().collect()
    }

    /// Gives a path and what a text there should hash to, where all its secrets are there.
    pub fn expected(&self, path: &str, pieces: &[Piece]) -> Option<(String, String)> {
        Some((path.to_owned(), sha256_hex(&self.fill(pieces).ok()?)))
    }

    /// Fills a text. Secrets of the fake's systems are letters and digits, which nothing has to escape.
    pub fn fill(&self, pieces: &[Piece]) -> Result<Vec<u8>, Failure> {
        let mut filled = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Piece::Secret { file, .. } => {
                    let kept = self.files.get(file).ok_or_else(|| Failure::new(file, "can't be read: no such file"))?;
                    filled.extend_from_slice(&kept.content);
                }
            }
        }
        Ok(filled)
    }
}
