//! What a service needs once: a command of its own, run as it runs.

use std::process::Stdio;

use protocol::{Failure, FileContent, FileWrite, InitServiceRequest, WriteRequest};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::deadline::Deadline;
use crate::mask::Mask;
use crate::{filled, write};

/// Runs the command as the service's user in its environment, and writes down that it was run.
pub async fn init(request: &InitServiceRequest) -> Result<(), Failure> {
    run(request).await?;
    let (marker, marked) = &request.marker;
    let file = FileWrite {
        path: marker.clone(),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        content: FileContent::Filled(vec![protocol::Piece::Text(marked.clone())]),
    };
    write::write(&WriteRequest { files: vec![file], ..WriteRequest::default() }).await
}

async fn run(request: &InitServiceRequest) -> Result<(), Failure> {
    let object = format!("`{}`", request.command.join(" "));
    let failed = |error: std::io::Error| Failure::new(&object, format!("can't be run in the guest: {error}"));
    let stdin = filled::fill(&request.stdin)?;
    // systemd reads the environment as it does for the unit, and no secret is on a command line. It also ends the
    // command in time, whoever is still there to wait for it.
    let mut child = Command::new("systemd-run")
        .args(["--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"])
        .arg(format!("--property=User={}", request.user))
        .arg(format!("--property=EnvironmentFile={}", request.environment_file))
        .arg(format!("--property=StateDirectory={}", request.service))
        .args(["--property=StateDirectoryMode=0750", "--property=UMask=0027"])
        .arg(format!("--property=RuntimeMaxSec={}ms", request.timeout_ms))
        .args(["--property=NoNewPrivileges=yes", "--property=ProtectSystem=strict", "--property=PrivateTmp=yes", "--"])
        // The manager would expand variables in it, and command lines are seen by everybody.
        .args(request.command.iter().map(|word| word.replace('$', "$$")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        // A command that reads nothing closes its end, which is no error.
        let _ = pipe.write_all(&stdin).await;
    }
    let deadline = Deadline::after_ms(request.timeout_ms);
    let Ok(output) = tokio::time::timeout(deadline.left(), child.wait_with_output()).await else {
        return Err(Failure::new(&object, format!("does not end within {} s", request.timeout_ms / 1000)));
    };
    let output = output.map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let log: Vec<String> = Mask::of_guest().text(&String::from_utf8_lossy(&said)).lines().map(str::to_owned).collect();
    let cause = format!("of service {} failed ({})", request.service, output.status);
    Err(Failure::new(object, cause).with_log(log).with_hint("mend the cause and run `distctl up` again"))
}
