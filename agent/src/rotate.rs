//! Logs of mongods are bounded: a large one is put aside, the oldest goes. A timer runs this.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::run::run;

/// A log that is larger, in bytes, is put aside.
const LARGE: u64 = 64 << 20;

/// How many logs are kept besides the one that is written.
const KEPT: u32 = 4;

/// Rotates logs, each given as `UNIT=PATH`.
pub async fn run_all(logs: &[String]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for log in logs {
        let Some((unit, path)) = log.split_once('=') else { continue };
        let said = match put_aside(Path::new(path), LARGE) {
            Ok(false) => continue,
            Ok(true) => reopen(unit).await.map(|()| format!("{path} was put aside")),
            Err(error) => Err(format!("{path}: {error}")),
        };
        if said.is_err() {
            code = ExitCode::FAILURE;
        }
        // At a level that the unit lets through.
        let (Ok(text) | Err(text)) = said;
        let _ = writeln!(io::stderr(), "<5>rotate: {text}");
    }
    code
}

/// Has mongod make a new log. One that does not run makes one when it starts.
async fn reopen(unit: &str) -> Result<(), String> {
    let active = run("systemctl", &["is-active", "--quiet", unit]).await.map_err(|failure| failure.to_string())?;
    if !active.ok {
        return Ok(());
    }
    let arguments = ["kill", "--signal=SIGUSR1", "--kill-who=main", unit];
    let ran = run("systemctl", &arguments).await.map_err(|failure| failure.to_string())?;
    if ran.ok { Ok(()) } else { Err(format!("{unit} does not take up a new log: {}", ran.last_error())) }
}

/// Puts a large log aside; whether its mongod has to make a new one. It writes to the old one until then.
fn put_aside(log: &Path, large: u64) -> io::Result<bool> {
    let numbered = |number: u32| PathBuf::from(format!("{}.{number}", log.display()));
    match fs::metadata(log) {
        Ok(found) if found.len() <= large => return Ok(false),
        Ok(_) => {}
        // An earlier run was killed, or mongod did not hear it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(numbered(1).exists()),
        Err(error) => return Err(error),
    }
    for number in (1..KEPT).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(log, numbered(1))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("mongod.log");
        let write = |text: &str| fs::write(&log, text).unwrap();
        assert!(!put_aside(&log, 5).unwrap(), "there is none yet");
        write("small");
        assert!(!put_aside(&log, 5).unwrap());
        for round in 0..7 {
            write(&format!("large {round}"));
            assert!(put_aside(&log, 5).unwrap());
            assert!(put_aside(&log, 5).unwrap(), "it is asked for again until there is a new one");
        }
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["mongod.log.1", "mongod.log.2", "mongod.log.3", "mongod.log.4"]);
        assert_eq!(fs::read_to_string(folder.path().join("mongod.log.1")).unwrap(), "large 6");
        assert_eq!(fs::read_to_string(folder.path().join("mongod.log.4")).unwrap(), "large 3");
    }
}
