//! The files of a run: which there are, how they are called, how they are read and written.
//!
//! `run.json` says what was to be done, `history.jsonl` what happened, `mongod/ADDRESS-PORT.log` what each mongod wrote
//! meanwhile. `report.json`, `junit.xml` and `report.html` are written beside them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::history::{self, History};
use super::mongod_log::{Logs, MongodLog};
use super::run::{FORMAT, Run};

/// What was to be done.
pub const RUN: &str = "run.json";
/// What happened.
pub const HISTORY: &str = "history.jsonl";
/// The folder with the logs of mongods.
pub const LOGS: &str = "mongod";
/// The report for programs.
pub const REPORT: &str = "report.json";
/// The report for CI.
pub const JUNIT: &str = "junit.xml";
/// The report for people.
pub const PAGE: &str = "report.html";
/// The page beside several runs that compares them.
pub const COMPARISON: &str = "comparison.html";

/// A buffer as large as this reads a history at the speed of the disk.
const BUFFER: usize = 1 << 18;

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// All that a run left.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// What was to be done.
    pub run: Run,
    /// What happened.
    pub history: History,
    /// What mongods wrote of it.
    pub logs: Logs,
}

impl Folder {
    /// Takes a path; nothing is looked at yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the history is.
    pub fn history(&self) -> PathBuf {
        self.path.join(HISTORY)
    }

    /// Where the log of a member, `address:port`, is.
    pub fn log(&self, host: &str) -> PathBuf {
        self.path.join(LOGS).join(host.replace(':', "-") + ".log")
    }

    /// The runs that are here: this folder, or those of its folders that hold one, by name.
    ///
    /// # Errors
    /// Where there is no such folder, or no run in it.
    pub fn runs(&self) -> Result<Vec<Self>> {
        let shown = self.path.display();
        if self.path.join(RUN).is_file() {
            return Ok(vec![self.clone()]);
        }
        let entries = fs::read_dir(&self.path).with_context(|| format!("can't read the folder {shown}"))?;
        let below = entries.flatten().map(|entry| entry.path()).filter(|path| path.join(RUN).is_file());
        let mut runs: Vec<Self> = below.map(Self::at).collect();
        runs.sort_by(|one, other| one.path.cmp(&other.path));
        if runs.is_empty() {
            bail!("{shown} holds no run: neither it nor a folder in it has a {RUN}");
        }
        Ok(runs)
    }

    /// Makes the folder, and writes down what is to be done.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn begin(&self, run: &Run) -> Result<()> {
        fs::create_dir_all(self.path.join(LOGS)).with_context(|| format!("can't make {}", self.path.display()))?;
        self.write(RUN, &(serde_json::to_string_pretty(run)? + "\n"))
    }

    /// Makes the folder that holds those of runs, with a file in it that has git pass over all of it. One that is there is
    /// left as it is.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn begin_ignored(&self) -> Result<()> {
        let file = self.path.join(".gitignore");
        let make = || {
            fs::create_dir_all(&self.path)?;
            match fs::exists(&file)? {
                true => Ok(()),
                false => fs::write(&file, "# Written by distctl: reports are no part of a project.\n*\n"),
            }
        };
        make().with_context(|| format!("can't write {}", file.display()))
    }

    /// Writes a file; one of the same name is replaced whole or not at all.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        let part = self.path.join(format!(".{name}.part"));
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &path));
        written.with_context(|| format!("can't write {}", path.display()))
    }

    /// Reads all that the run left. A history that was never begun is an empty one.
    ///
    /// # Errors
    /// The file that can't be read, with the line that is broken.
    pub fn read(&self) -> Result<Kept> {
        Ok(Kept { run: self.read_run()?, history: self.read_history()?, logs: self.read_logs()? })
    }

    fn read_run(&self) -> Result<Run> {
        let path = self.path.join(RUN);
        let shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("can't read {shown}"))?;
        let run: Run = serde_json::from_str(&text)
            .with_context(|| format!("{shown}:{}: it does not describe a run", line_of_error(&text)))?;
        if run.format > FORMAT {
            bail!("{shown} was written by distctl {}, in format {}; this one reads {FORMAT}", run.distctl, run.format);
        }
        Ok(run)
    }

    fn read_history(&self) -> Result<History> {
        let path = self.history();
        let shown = path.display();
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(History::default()),
            opened => opened.with_context(|| format!("can't read {shown}"))?,
        };
        history::read(BufReader::with_capacity(BUFFER, file)).map_err(|broken| match broken {
            history::Broken::Line { line, why } => anyhow::anyhow!("{shown}:{line}: {why}"),
            other => anyhow::Error::from(other).context(format!("{shown} can't be judged")),
        })
    }

    fn read_logs(&self) -> Result<Logs> {
        let folder = self.path.join(LOGS);
        let mut logs = Logs::new();
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(logs) };
        for path in entries.flatten().map(|entry| entry.path()) {
            if let Some(host) = host_of(&path) {
                let log = read_log(&path).with_context(|| format!("can't read {}", path.display()))?;
                logs.insert(host, log);
            }
        }
        Ok(logs)
    }
}

/// The line at which a text stops to be JSON, from 1.
fn line_of_error(text: &str) -> usize {
    serde_json::from_str::<Run>(text).err().map_or(1, |error| error.line().max(1))
}

/// `10.10.10.12-27017.log` is the log of `10.10.10.12:27017`.
fn host_of(path: &Path) -> Option<String> {
    let (address, port) = path.file_name()?.to_str()?.strip_suffix(".log")?.rsplit_once('-')?;
    port.parse::<u16>().ok().map(|port| format!("{address}:{port}"))
}

/// Logs may be cut anywhere, so what is no text is passed over.
fn read_log(path: &Path) -> std::io::Result<MongodLog> {
    let mut reader = BufReader::with_capacity(BUFFER, File::open(path)?);
    let mut log = MongodLog::default();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        log.take(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_passes_over_the_reports_unless_somebody_says_otherwise() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path().join("failover-reports"));
        folder.begin_ignored().unwrap();
        let file = folder.path().join(".gitignore");
        assert!(fs::read_to_string(&file).unwrap().lines().any(|line| line == "*"));
        fs::write(&file, "mine\n").unwrap();
        folder.begin_ignored().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n");
    }

    #[test]
    fn the_log_of_a_member_is_found_by_its_host() {
        let path = Folder::at("/run").log("10.10.10.12:27017");
        assert_eq!(path, Path::new("/run/mongod/10.10.10.12-27017.log"));
        assert_eq!(host_of(&path).as_deref(), Some("10.10.10.12:27017"));
        assert_eq!(host_of(Path::new("/run/mongod/notes.txt")), None);
    }
}
