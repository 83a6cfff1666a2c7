//! Running the guest's own programs.

use std::process::Stdio;

use protocol::Failure;
use tokio::process::Command;

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Whether its exit code was 0.
    pub ok: bool,
    /// Its standard output.
    pub out: String,
    /// The lines of its standard error.
    pub errors: Vec<String>,
}

impl Ran {
    /// The last line of its standard error, or a stand-in.
    pub fn last_error(&self) -> String {
        self.errors.last().cloned().unwrap_or_else(|| "it gave no reason".into())
    }
}

/// Runs a program with the C locale and nothing on its standard input.
///
/// # Errors
///
/// Only if it can't be started; how it ended is in [`Ran::ok`].
pub async fn run(program: &str, arguments: &[&str]) -> Result<Ran, Failure> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("SYSTEMD_PAGER", "")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output =
        command.output().await.map_err(|error| Failure::new(program, format!("can't be run in the guest: {error}")))?;
    Ok(Ran {
        ok: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect(),
    })
}
