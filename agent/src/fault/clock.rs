//! A mongod whose clock is wrong, where its unit runs it under libfaketime.

use std::fs;

use protocol::{Failure, FaultMember};

use crate::run::run;

/// How wrong.
const OFF_BY: &str = "+1h";

/// Where libfaketime reads what time it is; fails where the mongod does not run under it.
pub async fn check(member: &FaultMember) -> Result<String, Failure> {
    let refused = |why: &str| {
        Failure::new(&member.unit, format!("its clock can't be changed alone: {why}")).with_hint(
            "containers share the host's clock; run the mongod under libfaketime (LD_PRELOAD and \
             FAKETIME_TIMESTAMP_FILE in a drop-in of its unit), or choose other faults with --fault",
        )
    };
    let ran = run("systemctl", &["show", "--property=MainPID", "--value", &member.unit]).await?;
    let environment = fs::read(format!("/proc/{}/environ", ran.out.trim())).map_err(|_| refused("it does not run"))?;
    let text = String::from_utf8_lossy(&environment);
    let value = |name: &str| text.split('\0').find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match (value("LD_PRELOAD"), value("FAKETIME_TIMESTAMP_FILE")) {
        (Some(preload), Some(file)) if preload.contains("libfaketime") => Ok(file.to_owned()),
        (Some(preload), _) if preload.contains("libfaketime") => Err(refused("FAKETIME_TIMESTAMP_FILE is not set")),
        _ => Err(refused("it does not run under libfaketime")),
    }
}

/// Sets the clock, and says by how much.
pub async fn set(member: &FaultMember) -> Result<String, Failure> {
    write(&check(member).await?, OFF_BY)?;
    Ok(format!("{OFF_BY} (libfaketime)"))
}

/// Sets the clock right; a mongod that does not run any more has none.
pub async fn reset(member: &FaultMember) -> Result<(), Failure> {
    match check(member).await {
        Ok(file) => write(&file, "+0"),
        Err(_) => super::process::start(member).await,
    }
}

fn write(file: &str, text: &str) -> Result<(), Failure> {
    fs::write(file, format!("{text}\n")).map_err(|error| Failure::new(file, format!("can't be written: {error}")))
}
